"""The refusals of a case: audited up to a limit, so that a noisy client costs a case nothing."""

from collections import deque
from datetime import datetime, timedelta
from typing import Any, Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.cancellation import Records
    from contract.steps import CaseRecord, FirstAnswer, Recorded, RefusedRequest, Step
    from domain.refusals import Refusal

# Our own workflow code is reloaded for every workflow, inside the sandbox, on purpose: so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.common.case_state import CaseState
    from workflows.common.steps import RefusedStep, recorded

AUDITED_OF_A_CALLER = 10
"""The number of refused requests of one kind by one caller that are audited within an hour."""

AUDITED_OF_ALL = 50
"""The number of refused requests of one kind that are audited within an hour, whatever callers say who they are."""

PERIOD = timedelta(hours=1)

REFUSALS_LIMITED = "refusals-audited-up-to-a-limit-2026-11"
FIRST_ANSWERS_ADOPTED = "first-answers-adopted-2026-11"
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
        """Audit a refusal; return False if the record is further than the workflow that refused, which then judges again.

        A request that was answered before gets that answer: its step was recorded, and its workflow task lost. The rules
        that look at a date or an instant may refuse it by now.
        """
        case = self._owner.case
        if self.is_over_limit(action, step.actor) and workflow.patched(REFUSALS_LIMITED):
            case.last_refusal = refusal.details
            return True
        self._audited.setdefault(action, deque(maxlen=AUDITED_OF_ALL)).append((workflow.now(), step.actor))
        refused_in, summary = case.stage.value, f"keep the refused {action}"
        audited = await self.audit(refusal, step, audited_as, case.subscription, summary=summary, stage=refused_in)
        record = audited.record if audited else None
        if audited is not None and audited.first is not None:
            if workflow.patched(FIRST_ANSWERS_ADOPTED):
                self._owner.adopt(record)
                await workflow.wait_condition(lambda: not case.is_overtaken)
                self._owner.publish()
            return audited.first
        self._owner.adopt(record)
        if record is not None and record.stage != refused_in:
            if case.is_overtaken:
                await workflow.wait_condition(lambda: not case.is_overtaken)
                return False
            await self.audit(refusal, step, audited_as, case.subscription, summary=summary)
        case.last_refusal = refusal.details
        return True

    @staticmethod
    async def audit(
        refusal: Refusal,
        step: Step,
        audited_as: str,
        subscription: str | None,
        *,
        summary: str,
        stage: str | None = None,
    ) -> Recorded | None:
        """Write into the audit trail that a step was refused, if the case is in this stage; return the record.

        A refusal that a fault keeps out of the audit trail is one nevertheless: then nothing is known of the record.
        """
        refused = RefusedRequest(
            subscription=subscription,
            step=step.model_copy(update={"name": f"{step.name}:refused"}),
            action=audited_as,
            refusal=refusal.details,
            stage=stage,
        )
        try:
            return await recorded(Records.record_refusal, refused, summary=summary)
        except RefusedStep as fault:
            workflow.logger.error(
                "%s is refused (%s), but not audited: %s", step.key, refusal.details.code, fault.message
            )
            return None
