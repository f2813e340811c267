"""Received requests: recognized by their ids across all runs, held to the case that they name, and dated."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from temporalio import workflow

from workflows.common.case_state import CaseState
from workflows.common.owner import CaseOwner
from workflows.common.steps import recorded

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.cancellation import Records
    from contract.steps import FirstAnswer, RequestMade, Step, claim_of_update, receipt_of
    from domain.receipt import check_backdating, received_instant_about
    from domain.requests import RequestOfAnotherCase, instant_of


REQUESTS_RECORDED = "requests-recorded-2026-11"
"""The id of the patch (docs/upgrades.md)."""


class ReceivedRequests:
    """The collaborator that looks every request up in the records before it is acted upon."""

    def __init__(self, owner: CaseOwner[CaseState[Any, Any]]) -> None:
        self._owner = owner
        self._arriving: set[str] = set()
        """The steps of the requests that are being looked up."""

    def step_of(self, step: Step, message: contract.Request) -> Step:
        """Return the step that answers a request, with the marks and the instant of the request; a signal has no marks.

        Raises:
            SentInFuture, SentBeforeCase, and the refusals of a receipt that is stated (`_received`).

        """
        case, update = self._owner.case, workflow.current_update_info()
        workflow_id = workflow.info().workflow_id
        name, update_id = (update.name, update.id) if update else ("", "")
        step = step.model_copy(update={"claim": claim_of_update(workflow_id, name, update_id, message)})
        asked_at = instant_of(message.sent_at, case=case.id, received_at=case.received_at, now=step.at)
        step = step.model_copy(update={"asked_at": asked_at}) if message.sent_at else step
        if isinstance(message, contract.ReceivedRequest):
            step = self._received(step, message)
        if update is None:
            return step
        made = RequestMade(
            workflow_id=workflow_id,
            id=update.id,
            name=update.name,
            digest=contract.digest_of(update.name, message),
            named=contract.named_case(message),
        )
        return step.model_copy(update={"request": made})

    def _received(self, step: Step, message: contract.ReceivedRequest) -> Step:
        """Return the step of a request with the receipt that it states. How late it was entered is counted from when it was sent.

        Raises:
            ReceivedInFuture, ReceivedBeforeCase, BackdatingNeedsReason.

        """
        case, entered_at = self._owner.case, step.dated
        is_stated = message.received_at is not None
        step = step.model_copy(update={"receipt": receipt_of(message, entered_at=entered_at if is_stated else None)})
        if message.received_at is None:
            return step
        at = received_instant_about(message.received_at, case=case.id, received_at=case.received_at, now=step.at)
        check_backdating(
            at,
            entered_at=entered_at,
            zone=case.zone,
            days=case.policy.backdating_days,
            because=message.entered_late_because,
        )
        return step.model_copy(update={"asked_at": at})

    async def first_answer(self, step: Step) -> FirstAnswer | None:
        """Keep a request that may be about an earlier case; return the answer that it had before, if it had one.

        A request that names this case was never acted upon by another one: Temporal answers its repetitions, and the step
        itself where another run of this case takes it.

        Raises:
            ForwardedRefusal: `RequestIdReused`, `RequestOfAnotherCase`.

        """
        if step.request is None or step.request.named == step.cancellation or not workflow.patched(REQUESTS_RECORDED):
            return None
        with self.looking_up(step):
            return await recorded(Records.receive_request, step, summary=f"keep the request {step.request.name}")

    @contextmanager
    def looking_up(self, step: Step) -> Iterator[None]:
        """Have the story wait at a deadline for a request that is looked up in the block.

        The caller acts on the request without an await after it, so that it is stored before the story wakes up.
        """
        self._arriving.add(step.key)
        try:
            yield
        finally:
            self._arriving.discard(step.key)

    async def looked_up(self, done: Callable[[], bool]) -> bool:
        """Return ``done()`` when the requests are looked up that arrived before now, and so were there first."""
        arrived = frozenset(self._arriving)
        if arrived:
            await workflow.wait_condition(lambda: done() or not arrived & self._arriving)
        return done()

    def check_case(self, message: contract.Request) -> None:
        """Raise RequestOfAnotherCase if a request names another case; a migration has a refusal of its own for that."""
        case = self._owner.case.id
        if not isinstance(message, contract.AboutCase) or isinstance(message, contract.AboutMigration):
            return
        if message.cancellation is not None and message.cancellation != case:
            raise RequestOfAnotherCase(case, message.cancellation)


AnyStep = TypeVar("AnyStep", bound=Step)


def dated(step: AnyStep, request: Step | None) -> AnyStep:
    """Return a step of the story as the answer to the request that led to it, if one did."""
    if request is None:
        return step
    return step.model_copy(
        update={
            "request": request.request,
            "asked_at": request.asked_at,
            "receipt": request.receipt,
            "claim": request.claim if step.actor == request.actor else None,
        }
    )


def named_otherwise(received: Sequence[Any], case: str) -> bool:
    """Return true if a message without an answer names another case than this one; what has another form names none."""
    named = received[0].get("cancellation") if received and isinstance(received[0], dict) else None
    return named is not None and named != case
