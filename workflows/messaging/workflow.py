"""The `MessageDelivery` workflow: messages of a case that were recorded after its own workflow had ended."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from domain.vocabulary import Channel

# Our own workflow code is loaded anew for every workflow, under the sandbox's eyes; that is meant, so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.common.notifier import Notifier


@workflow.defn(name=contract.MESSAGE_DELIVERY)
class MessageDelivery:
    """The delivery of one case's messages, until all that were recorded are delivered or given up."""

    def __init__(self) -> None:
        self._wanted: dict[Channel, int] = {}

    @workflow.run
    async def run(self, case: str) -> None:
        """Deliver the messages of a case, by its id."""
        notifier = Notifier(case)
        while True:
            wanted = dict(self._wanted)
            notifier.notify(wanted)
            await notifier.finished()
            if wanted == self._wanted:
                return

    @workflow.signal(name=contract.SIGNAL_DELIVER)
    def deliver(self, last_message: dict[str, Any]) -> None:
        """Deliver also what is new; ``last_message`` is the number of the last recorded message of each channel."""
        for channel, sequence in last_message.items():
            known = Channel(channel)
            self._wanted[known] = max(self._wanted.get(known, 0), int(sequence))


WORKFLOWS = (MessageDelivery,)
