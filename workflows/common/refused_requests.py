"""The refusals of a case: audited up to a limit, so that a noisy client costs a case nothing."""

from collections import deque
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

from temporalio import workflow

from workflows.common.case_state import CaseState
from workflows.common.steps import RefusedStep, recorded

with workflow.unsafe.imports_passed_through():
    from activities.cancellation import Records
    from contract.steps import CaseRecord, FirstAnswer, Recorded, RefusedRequest, Step
    from domain.refusals import Refusal


AUDITED_OF_A_CALLER = 10
"""The number of refused requests of one kind by one caller that are audited within an hour."""

AUDITED_OF_ALL = 50
"""The number of refused requests of one kind that are audited within an hour, whatever callers say who they are."""

PERIOD = timedelta(hours=1)

REFUSALS_LIMITED = "refusals-audited-up-to-a-limit-2026-11"
REFUSED_BY_RECORD = "requests-refused-by-the-record-2026-11"
"""The ids of the patches (docs/upgrades.md)."""


class RefusingOwner(Protocol):
    """The workflow of a case, as far as its refusals need it."""

    @property
    def case(self) -> CaseState[Any, Any]:
        """The case, which is open."""
        ...

    def adopt(self, record: CaseRecord | None) -> None:
        """Take over the record that a step met, if it met one."""
        ...

    def publish(self) -> None:
        """Show the state of the case."""
        ...


class RefusedRequests:
    """The collaborator that audits refused requests, each kind and caller up to a limit."""

    def __init__(self, owner: RefusingOwner) -> None:
        self._owner = owner
        self._audited: dict[str, deque[tuple[datetime, str]]] = {}

    def is_over_limit(self, action: str, actor: str) -> bool:
        """Return true if refusals of this kind are not audited at present: enough of them were within the last hour."""
        since = workflow.now() - PERIOD
        recent = [caller for at, caller in self._audited.get(action, ()) if at > since]
        return len(recent) >= AUDITED_OF_ALL or recent.count(actor) >= AUDITED_OF_A_CALLER

    async def stands(self, refusal: Refusal, step: Step, action: str, audited_as: str) -> bool | FirstAnswer:
        """Audit a refusal; return False if the record is another than the one by which it was judged: it is judged again.

        A request that was answered before gets that answer: its step was recorded, and its workflow task lost. The rules
        that look at a date or an instant may refuse it by now.
        """
        case = self._owner.case
        if self.is_over_limit(action, step.actor) and workflow.patched(REFUSALS_LIMITED):
            case.last_refusal = refusal.details
            return True
        summary = f"keep the refused {action}"
        refused = self._refused(refusal, step, audited_as, case.subscription, stage=case.stage.value)
        if not workflow.patched(REFUSED_BY_RECORD):
            return await self._stands_by_stage(refused, action, summary)
        if case.is_overtaken:  # by what another request found: the story is about to take it up
            await workflow.wait_condition(lambda: not case.is_overtaken)
            return False
        refused = refused.model_copy(update={"known": case.record})
        counted = self._count(action, step.actor)  # before it is audited: others are refused meanwhile
        audited = await self._keep(refused, summary)
        if audited is not None:
            self._owner.adopt(audited.record)
            await workflow.wait_condition(lambda: not case.is_overtaken)
            if audited.first is not None:
                self._owner.publish()
                return audited.first
            if refused.is_outdated(audited.record):
                with suppress(ValueError):  # so many came meanwhile that it is forgotten
                    self._audited[action].remove(counted)
                return False
        case.last_refusal = refusal.details
        return True

    async def _stands_by_stage(self, refused: RefusedRequest, action: str, summary: str) -> bool | FirstAnswer:
        """Do the same as versions before the patch did, which judged again when the record was in another stage alone."""
        case = self._owner.case
        self._count(action, refused.step.actor)
        audited = await self._keep(refused, summary)
        if audited is not None and audited.first is not None:
            return audited.first
        record = audited.record if audited else None
        self._owner.adopt(record)
        if refused.is_outdated(record):
            if case.is_overtaken:
                await workflow.wait_condition(lambda: not case.is_overtaken)
                return False
            await self._keep(refused.model_copy(update={"stage": None}), summary)
        case.last_refusal = refused.refusal
        return True

    def _count(self, action: str, actor: str) -> tuple[datetime, str]:
        counted = workflow.now(), actor
        self._audited.setdefault(action, deque(maxlen=AUDITED_OF_ALL)).append(counted)
        return counted

    async def audit(
        self, refusal: Refusal, step: Step, audited_as: str, subscription: str | None, *, summary: str
    ) -> None:
        """Write into the audit trail that a step was refused, whatever the record of the case is."""
        await self._keep(self._refused(refusal, step, audited_as, subscription), summary)

    @staticmethod
    def _refused(
        refusal: Refusal, step: Step, audited_as: str, subscription: str | None, stage: str | None = None
    ) -> RefusedRequest:
        step = step.model_copy(update={"name": f"{step.name}:refused"})
        return RefusedRequest(
            subscription=subscription, step=step, action=audited_as, refusal=refusal.details, stage=stage
        )

    @staticmethod
    async def _keep(refused: RefusedRequest, summary: str) -> Recorded | None:
        """Record a refused request; return the record that it met.

        A refusal that a fault keeps out of the audit trail is one nevertheless: then nothing is known of the record.
        """
        try:
            return await recorded(Records.record_refusal, refused, summary=summary)
        except RefusedStep as fault:
            workflow.logger.error(
                "%s is refused (%s), but not audited: %s", refused.step.key, refused.refusal.code, fault.message
            )
            return None
