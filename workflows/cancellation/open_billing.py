"""The end dates in a cancellation, and the credit memos that some wait for beside the wait for the end of access."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow

from workflows.cancellation.owner import ReversibleOwner
from workflows.common.steps import RefusedStep

with workflow.unsafe.imports_passed_through():
    from activities.cancellation import Records
    from contract.readable import Readable
    from contract.steps import BillingLooked, BillingWait, Reminder, Settlement
    from domain.cancellation.open_billing import BillingOccasion, billing_occasions
    from domain.vocabulary import Stage


OBSTACLE_CHECK = timedelta(days=1)
"""The longest interval between checks whether the lines can be ended: the signal of a change could be lost."""

BESIDE_THE_WAIT = "credit-memos-beside-the-wait-2026-11"
"""The id of the patch (docs/upgrades.md)."""


class OpenBilling:
    """The collaborator that has the end dates set, and reminds billing of the credit memos that some wait for.

    The reminders come beside the story: neither the termination day nor the end of the reversal window waits for them.
    """

    def __init__(self, owner: ReversibleOwner) -> None:
        self._owner = owner
        self._watching: asyncio.Task[None] | None = None
        self.is_posted = False
        """True from the notice of a credit memo until the next look."""
        self.is_recording = False
        """True while a look or a reminder is being recorded."""

    async def settled(self) -> bool:
        """Have the end dates set or decided; return False on withdrawal."""
        owner = self._owner
        while not await self._settled_once():
            owner.case.enter(Stage.PREPARING)
            await owner.sleep(
                lambda: self.is_posted or owner.is_withdrawn,
                workflow.now() + OBSTACLE_CHECK,
                "look again whether the lines can be ended",
            )
            if owner.is_withdrawn:
                return False
        return True

    async def _settled_once(self) -> bool:
        """Try to have the ends of the lines decided; return False while one cannot be.

        So it is while credit memos are outstanding, too, in a history of a version that waited for them here.
        """
        owner, case = self._owner, self._owner.case
        self.is_posted = False
        step = owner.step(case.nth("settle"), owner.requester)
        try:
            settled = await owner.record(Records.settle_lines, step, summary="set the end dates of the lines")
        except RefusedStep as refused:
            owner.check_record()
            if refused.is_fault:
                raise
            case.obstacle = refused.message
            return False
        case.obstacle = ""
        settlement: Settlement = settled.settlement
        if settlement.unapproved:  # the record was taken back, and the story begins anew with its wait
            return False
        case.quote = settlement.quote
        is_beside = settlement.billing is not None and workflow.patched(BESIDE_THE_WAIT)
        case.billing = settlement.billing if is_beside else None
        case.outstanding_credit_memos = () if is_beside else settlement.outstanding_credit_memos
        if case.outstanding_credit_memos:
            return False
        case.enter(Stage.SCHEDULED, deadline=settlement.ends_at)
        if is_beside:
            self._start()
        return True

    def take_up(self, billing: BillingWait | None) -> None:
        """Adopt what the record says of open lines, and wait for their credit memos."""
        is_beside = billing is not None and workflow.patched(BESIDE_THE_WAIT)
        self._owner.case.billing, self._owner.case.outstanding_credit_memos = billing if is_beside else None, ()
        if is_beside:
            self._start()

    def credit_memo_posted(self) -> None:
        """Have the open lines looked at."""
        self.is_posted = True

    async def reminding_over(self) -> None:
        """Wait until billing need not be reminded any more: a credit memo that is posted later ends its line by itself."""
        await self._owner.until(self._is_over)
        if self._watching is not None:
            await self._watching

    def _start(self) -> None:
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """Look, remind and escalate until nothing is open, or until the workflow continues as new: the next run watches on."""
        owner, at = self._owner, self._next_look()
        while True:
            if (timeout := at - workflow.now()) > timedelta(0):
                with suppress(TimeoutError):
                    await workflow.wait_condition(
                        lambda: self.is_posted or self._is_over() or owner.continues_as_new,
                        timeout=timeout,
                        timeout_summary=Readable("look again at the credit memos, or remind billing of them"),
                    )
            if self._is_over() or owner.continues_as_new:
                return
            at = self._next_look() if await self._looked() else workflow.now() + OBSTACLE_CHECK

    async def _looked(self) -> bool:
        """Look at the open lines, with a reminder if one is due; return False if the records refuse that for now."""
        owner, due = self._owner, [one for one in self._occasions() if one.at <= workflow.now()]
        self.is_posted, self.is_recording = False, True
        try:
            if due:
                reminder = Reminder(step=owner.step(due[-1].name), event=due[-1].event)
                outcome: BillingLooked = await owner.record(
                    Records.remind_billing, reminder, summary="remind billing of the credit memos"
                )
            else:
                step = owner.step("billing")
                outcome = await owner.record(Records.look_at_billing, step, summary="look at the credit memos")
        except RefusedStep as refused:
            workflow.logger.error("billing is not looked at again before the next time: %s", refused.message)
            return False
        finally:
            self.is_recording = False
        known, met = owner.case.record, outcome.record
        if known is None or met is None or met.revision >= known.revision:
            owner.case.billing = (
                outcome.billing
            )  # else a step that was taken meanwhile knows better: a correction, for one
        owner.publish()
        owner.look_at_length()
        return True

    def _next_look(self) -> datetime:
        """Return the instant of the next reminder, or of the next look if that comes first."""
        billing, now = self._owner.case.billing, workflow.now()
        if billing is not None and billing.is_due:
            return now
        return min([now + OBSTACLE_CHECK, *(one.at for one in self._occasions())])

    def _occasions(self) -> list[BillingOccasion]:
        """Return the occasions that are still to come."""
        case = self._owner.case
        if case.billing is None:
            return []
        return billing_occasions(case.policy, case.billing.since)[case.billing.told :]

    def _is_over(self) -> bool:
        billing, stage = self._owner.case.billing, self._owner.case.stage
        if billing is None or (stage.is_final and stage is not Stage.CLOSED):
            return True
        return stage is Stage.CLOSED and not billing.is_due and not self._occasions()
