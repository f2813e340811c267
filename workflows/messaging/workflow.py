"""The `MessageDelivery` workflow: delivers what was noted of a case after the case's own workflow had ended."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from domain.vocabulary import Channel

# Our own workflow code is loaded anew for every workflow, under the sandbox's eyes; that is meant, so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.common.notifier import Teller


@workflow.defn(name=contract.MESSAGE_DELIVERY)
class MessageDelivery:
    """Runs until everything that it was told of is delivered or given up."""

    def __init__(self) -> None:
        self._wanted: dict[Channel, int] = {}

    @workflow.run
    async def run(self, case: str) -> None:
        """Deliver the messages of a case, by its id."""
        teller = Teller(case)
        while True:
            noted = dict(self._wanted)
            teller.note(noted)
            await teller.finished()
            if noted == self._wanted:
                return

    @workflow.signal(name=contract.SIGNAL_DELIVER)
    def deliver(self, last_message: dict[str, Any]) -> None:
        """Take note of how far the record of what to tell goes, per channel."""
        for channel, sequence in last_message.items():
            known = Channel(channel)
            self._wanted[known] = max(self._wanted.get(known, 0), int(sequence))


WORKFLOWS = (MessageDelivery,)
