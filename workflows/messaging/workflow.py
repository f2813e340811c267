"""The `MessageDelivery` workflow: the messages of a case that were recorded after the end of its own workflow."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from domain.vocabulary import Channel

# Our own workflow code is reloaded for every workflow, inside the sandbox, on purpose: so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.common.notifier import Notifier


@workflow.defn(name=contract.MESSAGE_DELIVERY)
class MessageDelivery:
    """The delivery of one case's messages, until all that were recorded are delivered or given up."""

    def __init__(self) -> None:
        self._last_message: dict[Channel, int] = {}

    @workflow.run
    async def run(self, case: str) -> None:
        """Deliver the messages of a case, by its id."""
        notifier = Notifier(case)
        while True:
            last_message = dict(self._last_message)
            notifier.notify(last_message)
            await notifier.finished()
            if last_message == self._last_message:
                return

    @workflow.signal(name=contract.SIGNAL_DELIVER)
    def deliver(self, last_message: dict[str, Any]) -> None:
        """Deliver new messages, too; ``last_message`` is the number of the last recorded message of each channel."""
        for channel, sequence in last_message.items():
            known = Channel(channel)
            self._last_message[known] = max(self._last_message.get(known, 0), int(sequence))


WORKFLOWS = (MessageDelivery,)
