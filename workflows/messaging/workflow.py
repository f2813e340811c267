"""The `MessageDelivery` workflow: the messages of a case that were recorded after the end of its own workflow."""

from typing import Any

from temporalio import workflow

from workflows.common.notifier import Notifier

with workflow.unsafe.imports_passed_through():
    import contract
    from domain.cancellation.lifecycle import InputMalformed
    from domain.refusals import Refusal
    from domain.vocabulary import Channel
    from runtime.refusals import as_application_error


@workflow.defn(name=contract.MESSAGE_DELIVERY)
class MessageDelivery:
    """The delivery of one case's messages, until all that were recorded are delivered or given up."""

    def __init__(self) -> None:
        self._last_message: dict[Channel, int] = {}

    @workflow.run
    async def run(self, *received: Any) -> None:
        """Deliver the messages of a case, by its id; end with the refusal of what is not the id of a case."""
        try:
            notifier = Notifier(contract.read_case_id(received))
        except Refusal as refusal:
            raise as_application_error(refusal) from None
        while True:
            last_message = dict(self._last_message)
            notifier.notify(last_message)
            await workflow.wait_condition(lambda: notifier.is_finished)
            if last_message == self._last_message:
                return

    @workflow.signal(name=contract.SIGNAL_DELIVER)
    def deliver(self, *received: Any) -> None:
        """Deliver new messages, too; takes the number of the last recorded message of each channel.

        What is not that is ignored: nobody waits for an answer, and the messages themselves are in the outbox.
        """
        try:
            recorded = contract.read_last_message(received)
        except InputMalformed as malformed:
            workflow.logger.warning("a signal to deliver messages is ignored: %s", malformed.message)
            return
        for name in sorted(recorded):
            if name in set(Channel):
                channel = Channel(name)
                self._last_message[channel] = max(self._last_message.get(channel, 0), recorded[name])
            else:
                workflow.logger.warning("a signal to deliver messages on an unknown channel is ignored")


WORKFLOWS = (MessageDelivery,)
