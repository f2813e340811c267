"""The `SubscriptionLineCancellation` workflow: one line ends, from the request to the end of the window, and its subscription goes on."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.cancellation.line_state import LineCase
from workflows.cancellation.story import CancellationStory
from workflows.common.reading import read_clean

with workflow.unsafe.imports_passed_through():
    import contract
    from domain.refusals import Refusal
    from domain.vocabulary import Stage


@workflow.defn(name=contract.SUBSCRIPTION_LINE_CANCELLATION)
class SubscriptionLineCancellation(CancellationStory[LineCase, contract.LineCancellationStatus]):
    """One cancellation of a line. Its story is in `workflows.cancellation.story`; it has no data, no campaigns and no access to end."""

    @workflow.run
    async def run(self, *received: Any) -> contract.LineCancellationStatus:
        """Run the cancellation from its receipt, or from where its record is, to its end, and return its final status."""
        return await self._carry(received)

    async def _receive(self, received: Sequence[Any]) -> None:
        """Open the case, received when its workflow was started, or find it opened by the same request; end with the refusal."""
        try:
            start = self._read_start(received)
            opened = await self._open_or_find(start, contract.line_cancellation_workflow_id(start.subscription_line))
        except Refusal as refusal:
            await self._refuse_to_open(refusal)
        case = LineCase(
            opened=opened.case,
            subscription=str(opened.case.subscription),
            line=start.subscription_line,
            request_id=self._request_id,
            requester=opened.case.opened_by or start.actor,
            goodwill_reason=opened.case.goodwill_reason,
            received_at=opened.case.received_at or self._opening.at,
            checklist=opened.case.checklist,
            quote=opened.case.quote,
        )
        self._open(case, opened)
        self._take_up(opened.case)

    async def _prepared(self) -> bool:
        """Complete everything that precedes the promised dates; return False on withdrawal."""
        return self.case.stage not in (Stage.INTAKE, Stage.PREPARING) or (
            await self._goodwill_approved() and await self._open_billing.settled()
        )

    async def _wind_up(self, _: Stage) -> contract.LineCancellationStatus:
        """Notify the cancellation that ends the line instead, if one does; deliver the last messages.

        Billing may still have to credit what is invoiced beyond the end.
        """
        self.publish()
        if (whole := self.case.taken_over_by) is not None:
            with suppress(ApplicationError):  # it has ended: the reconciliation continues it from the record
                notice = contract.LineTakenOver(line=self.case.line)
                await workflow.get_external_workflow_handle(whole).signal(contract.SIGNAL_LINE_TAKEN_OVER, notice)
        await self._open_billing.reminding_over()
        return await self._finished()

    def _read_start(self, received: Sequence[Any]) -> contract.StartLineCancellation:
        return read_clean(received, contract.StartLineCancellation)


WORKFLOWS = (SubscriptionLineCancellation,)
