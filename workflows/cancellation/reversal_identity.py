"""The identity that a reversal gives: that of the cancellation, or as it is on record now (rules, section 8)."""

from datetime import datetime
from typing import Protocol

from temporalio import workflow

from workflows.cancellation.owner import ReversibleOwner
from workflows.common.requests import ReceivedRequests
from workflows.common.steps import recorded

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.cancellation import Records
    from contract.steps import Reversal, Step
    from domain.actors import THE_SERVICE
    from domain.cancellation.identity import Identity, check_identity, check_identity_then_or_now, mismatches


ON_RECORD_NOW = "reversal-identity-on-record-2026-11"
"""The id of the patch (docs/upgrades.md)."""


class CheckStage(Protocol):
    """The check of a reversal by the stage of its case."""

    def __call__(self, message: contract.RequestReversal, *, at: datetime | None = None) -> None:
        """Raise the refusal of a reversal that was asked for at an instant, by default now."""


class ReversalIdentity:
    """The collaborator that holds the identity in a reversal against the cancellation's, and against the present record.

    An import may have changed the billing administrator since. The workflow knows the identity of the cancellation alone;
    only where that is not the given one it reads the record.
    """

    def __init__(self, owner: ReversibleOwner, requests: ReceivedRequests, check_stage: CheckStage) -> None:
        self._owner = owner
        self._requests = requests
        self._check_stage = check_stage
        self._last_read: Identity | None = None

    def check(self, message: contract.RequestReversal) -> None:
        """Raise the refusal of a reversal by its stage, or IdentityMismatch by what is known without reading the record."""
        self._check_stage(message)
        of_cancellation = self._of_cancellation
        check_identity_then_or_now(message.identity, of_cancellation, self._last_read or of_cancellation)

    async def judged(self, message: contract.RequestReversal, step: Step) -> Reversal:
        """Return the step of a request with the points of its identity that are as on record now, not as in the cancellation.

        A request that is looked up when the deadline comes was there first (`ReceivedRequests.looked_up`).

        Raises:
            IdentityMismatch: a point is neither; and the refusals by the stage.

        """
        self._check_stage(message, at=step.dated)
        given, now = message.identity, self._of_cancellation
        if mismatches(given, self._of_cancellation):
            if not workflow.patched(ON_RECORD_NOW):
                check_identity(given, self._of_cancellation)
            with self._requests.looking_up(step):
                read = await recorded(Records.read_identity, step, summary="read the identity on record")
            now = self._last_read = read.identity
            self._check_stage(message, at=step.dated)  # another one may have come first meanwhile
        changed = check_identity_then_or_now(given, self._of_cancellation, now)
        return Reversal(**dict(step), identity_on_record_now=changed)

    def step_of(self, message: contract.RequestReversal | None, request: Step | None) -> Reversal:
        """Return the step that reverses the cancellation, as the message asks and its request was judged."""
        actor, why = (message.actor, message.reason) if message else (THE_SERVICE, None)
        changed = request.identity_on_record_now if isinstance(request, Reversal) else ()
        return Reversal(**dict(self._owner.step("reversed", actor, why=why)), identity_on_record_now=changed)

    @property
    def _of_cancellation(self) -> Identity:
        return self._owner.case.checklist.facts.identity
