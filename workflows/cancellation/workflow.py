"""The `SubscriptionCancellation` workflow: one cancellation from the request to the end of the reversal window."""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow

from workflows.cancellation.state import Case
from workflows.cancellation.subscription_requests import SubscriptionRequests

with workflow.unsafe.imports_passed_through():
    import contract
    from domain.refusals import Refusal
    from domain.vocabulary import Stage


@workflow.defn(name=contract.SUBSCRIPTION_CANCELLATION)
class SubscriptionCancellation(SubscriptionRequests):
    """One cancellation. Its story is in `workflows.cancellation.story`; here is what only a whole subscription has."""

    @workflow.run
    async def run(self, *received: Any) -> contract.CancellationStatus:
        """Run the cancellation from its receipt, or from where its record is, to its end, and return its final status."""
        return await self._carry(received)

    async def _receive(self, received: Sequence[Any]) -> None:
        """Open the case, received when its workflow was started, or find it opened by the same request; end with the refusal."""
        try:
            start = self._read_start(received)
            opened = await self._open_or_find(start, contract.cancellation_workflow_id(start.subscription))
        except Refusal as refusal:
            await self._refuse_to_open(refusal)
        case = Case(
            opened=opened.case,
            subscription=start.subscription,
            request_id=self._request_id,
            requester=opened.case.opened_by or start.actor,
            goodwill_reason=opened.case.goodwill_reason or (start.goodwill.reason if start.goodwill else None),
            received_at=opened.case.received_at or self._opening.at,
            checklist=opened.case.checklist,
            quote=opened.case.quote,
        )
        self._open(case, opened)
        self._take_up(opened.case)

    async def _reversal_requested(self) -> bool:
        """Have registered systems end access, too, and wait for a reversal; return False when the window is over."""
        await self._systems.followed()
        return await super()._reversal_requested()

    async def _prepared(self) -> bool:
        """Complete everything that precedes the promised dates; return False on withdrawal, or after a time limit."""
        return self.case.stage not in (Stage.INTAKE, Stage.PREPARING) or (
            await self._goodwill_approved()
            and await self._export.finished()
            and await self._migration.finished()
            and await self._campaigns.settled()
            and await self._open_billing.settled()
        )

    async def _wind_up(self, stage: Stage) -> contract.CancellationStatus:
        """Do what is left after the end of the case: erase the data or its copies, deliver the last messages."""
        self.publish()
        await self._ad_centre.reminding_over()
        if stage is not Stage.CLOSED:
            await self._erasure.copies_removed()
        elif self.case.checklist.facts.has_data:
            await self._erasure.data_erased()
        await self._systems.followed()
        await self._open_billing.reminding_over()
        return await self._finished()


WORKFLOWS = (SubscriptionCancellation,)
