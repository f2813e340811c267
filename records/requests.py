"""Requests about cases in the records: each is kept when it arrives, answered once, and gets that answer ever after.

The id of a request is unique among all requests to the cases of one subject, running or ended. Temporal compares ids
within one run of a workflow alone, and keeps them for its retention; the records do for all runs and for ever.
"""

import hashlib
import secrets
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract import UPDATE_RECEIVE, UPDATE_VERIFY_CODE
from contract.steps import FirstAnswer, RequestMade, Step, request_in_key
from domain.cases import CaseRef
from domain.refusals import RefusalDetails
from domain.requests import RequestIdReused, RequestOfAnotherCase
from records import audit
from records.transaction import Transaction
from storage.tables import CaseRow, RequestRow


def receive(transaction: Transaction, step: Step) -> FirstAnswer | None:
    """Keep the request that a step is to answer; return the answer that it had before, if it had one.

    A request that was received by this case, and not answered, is to be answered now: its step was interrupted.

    Raises:
        RequestIdReused.
        RequestOfAnotherCase: an earlier case received it, and ended before it answered.

    """
    request = step.request
    if request is None:
        raise ValueError(f"{step.key} answers no request with an id")
    if _keep(transaction, request, step.cancellation, step.actor, step.at):
        return None
    answer = first_answer(transaction.session, request)
    if answer is not None:
        return answer
    row = transaction.session.get_one(RequestRow, (request.workflow_id, request.id))
    if row.cancellation != step.cancellation:
        raise RequestOfAnotherCase(step.cancellation, row.cancellation)
    return None


def first_answer(session: Session, request: RequestMade) -> FirstAnswer | None:
    """Return the answer that a request has had; None if it has had none. Raises RequestIdReused."""
    row = session.get(RequestRow, (request.workflow_id, request.id))
    if row is None:
        return None
    names_another = request.named is not None and request.named != (row.named or row.cancellation)
    if names_another or not secrets.compare_digest(row.digest, _kept_digest(request)):
        raise RequestIdReused(request.id, row.cancellation)
    if row.refusal is None and row.accepted_at is None:
        return None
    return FirstAnswer(cancellation=row.cancellation, refusal=None if row.refusal is None else _refusal(row.refusal))


def _refusal(kept: dict[str, Any]) -> RefusalDetails:
    """Return a refusal as it was kept; of one that is no such thing beside it, the code and the sentence."""
    try:
        return RefusalDetails.model_validate(kept)
    except ValidationError:
        return RefusalDetails.model_validate({name: kept[name] for name in ("code", "message")})


def accept(transaction: Transaction, step: Step) -> None:
    """Record in the transaction of a step that the request which it answers is accepted."""
    if step.request is not None:
        _accept(transaction, step.request, step.cancellation, step.actor, step.at)


def refuse(transaction: Transaction, step: Step, refusal: RefusalDetails) -> FirstAnswer | None:
    """Record that the request which a step was to answer is refused; return the other answer that it had before."""
    request = step.request
    if request is None:
        return None
    _keep(transaction, request, step.cancellation, step.actor, step.at)
    try:
        answer = first_answer(transaction.session, request)
    except RequestIdReused:
        return None  # which is the refusal: the answer to the first request stands
    if answer is None:
        _answer(transaction, request, refusal=refusal.model_dump(mode="json"))
    return answer if answer is not None and answer.refusal != refusal else None


def other_answer(session: Session, step: Step, refusal: RefusalDetails) -> FirstAnswer | None:
    """Return the answer that the request of a step had before it was to meet this refusal, if it had another one."""
    try:
        answer = None if step.request is None else first_answer(session, step.request)
    except RequestIdReused:
        return None
    return answer if answer is not None and answer.refusal != refusal else None


def check(transaction: Transaction, step: Step) -> None:
    """Check that a step which answers a request with an id answers the one that came with it first.

    A step of the story has another name: its request was checked when it was taken up.

    Raises:
        RequestIdReused.

    """
    request = step.request
    if request is not None and step.name.endswith(f":{request_in_key(request.name, request.id)}"):
        first_answer(transaction.session, request)


def open_with(transaction: Transaction, case: CaseRow, digest: str) -> None:
    """Keep the request that opens a case, accepted; not one of a version that sent no digest."""
    if digest:
        request = start_made(case.workflow_id, case.request_id, digest)
        _accept(transaction, request, case.id, case.opened_by, case.entered_at or case.received_at)


def check_start(session: Session, workflow_id: str, request_id: str, digest: str) -> None:
    """Check that the request which opened a case is repeated with the same content. Raises RequestIdReused."""
    if digest:
        first_answer(session, start_made(workflow_id, request_id, digest))


def start_made(workflow_id: str, request_id: str, digest: str) -> RequestMade:
    """Return the marks of the request that opens a case; its id is kept with the workflow's id before it."""
    sent = f"{UPDATE_RECEIVE}:{request_id.removeprefix(f'{workflow_id}:')}"
    return RequestMade(workflow_id=workflow_id, id=sent, name=UPDATE_RECEIVE, digest=digest)


def record_reuse(
    transaction: Transaction, request: RequestMade, *, refusal: RequestIdReused, actor: str, at: datetime
) -> None:
    """Audit that a request came under the id of another one, once for each content."""
    audit.record_refusal(
        transaction,
        request.name,
        refusal.details,
        actor=actor,
        at=at,
        step=f"{request.workflow_id}:{request.id}:reused:{_kept_digest(request)}",
        subscription=CaseRef.parse(refusal.cancellation).subscription,
        cancellation=refusal.cancellation,
    )


def _accept(transaction: Transaction, request: RequestMade, case: str, actor: str, at: datetime) -> None:
    """Record that a request is accepted, with its row where it has none: mostly one statement."""
    if not _keep(transaction, request, case, actor, at, accepted_at=at):
        _answer(transaction, request, accepted_at=at)


def _keep(
    transaction: Transaction, request: RequestMade, case: str, actor: str, at: datetime, **answer: object
) -> bool:
    """Add the row of a request, with its ``answer`` if it has one; return False, adding nothing, if its id has a row.

    Columns without an answer are not named, not even as nulls: the pages have no right to one that accepts (`storage.rights`).
    """
    added = transaction.session.execute(
        insert(RequestRow)
        .values(
            workflow_id=request.workflow_id,
            id=request.id,
            digest=_kept_digest(request),
            named=request.named,
            cancellation=case,
            actor=actor,
            at=at,
            **answer,
        )
        .on_conflict_do_nothing()
        .returning(RequestRow.id)
    )
    return added.scalar() is not None


def _answer(transaction: Transaction, request: RequestMade, **answer: object) -> None:
    transaction.session.execute(
        update(RequestRow)
        .where(
            RequestRow.workflow_id == request.workflow_id,
            RequestRow.id == request.id,
            RequestRow.digest == _kept_digest(request),
            RequestRow.accepted_at.is_(None),
            RequestRow.refusal.is_(None),
        )
        .values(**answer)
        .execution_options(synchronize_session=False)
    )


def _kept_digest(request: RequestMade) -> str:
    """Return the digest as it is stored: a one-time code has too few digits for a quick hash of it to hide it."""
    if request.name != UPDATE_VERIFY_CODE:
        return request.digest
    salt = f"{request.workflow_id}:{request.id}".encode()
    return hashlib.scrypt(request.digest.encode(), salt=salt, n=2**14, r=8, p=1).hex()
