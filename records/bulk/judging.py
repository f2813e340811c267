"""The judging of rows, as their starts would be judged: for the plan, and once more before a row is started. Nothing is opened."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from contract import StartCancellation, cancellation_workflow_id
from contract.steps import OpenRequest, open_request
from domain.bulk import BulkState, RowState
from domain.bulk.plan import RowQuote
from domain.cancellation.identity import IdentityMismatch
from domain.cancellation.lifecycle import SubscriptionUnknown
from domain.principals import OrganizationNotPermitted
from domain.refusals import Refusal
from domain.vocabulary import Question
from records import limits
from records.bulk.faults import faults_of, is_passing
from records.bulk.results import settle
from records.bulk.starts import start_of
from records.bulk.surroundings import Surroundings
from records.cancellation.admission import Admission, Applicant, admit
from records.cancellation.quotes import quote_subscription
from records.transaction import Transaction
from storage.tables import BulkItemRow, BulkRow, SubscriptionRow

VERIFICATION = "verification"
"""Stands among the open questions for the verification of the billing administrator."""


@dataclass(frozen=True)
class Judgement:
    """What a row would do."""

    quote: RowQuote | None = None
    """Null where nothing would be started."""
    already_running: str | None = None
    """The case that another request has opened, and that runs."""


@dataclass(frozen=True)
class Judge:
    """The judge of some rows of one bulk."""

    session: Session
    bulk: BulkRow
    actor: str
    """In whose name the rows are started."""
    around: Surroundings

    def start_of(self, row: BulkItemRow, zone: str) -> StartCancellation:
        """Return the start of a row. Raises ReceivedInFuture."""
        return start_of(self.bulk, row, zone, actor=self.actor)

    def request_of(self, row: BulkItemRow, zone: str, *, at: datetime) -> OpenRequest:
        """Return the request of a row's start that arrives at an instant. Raises ReceivedInFuture, SentInFuture."""
        return open_request(self.start_of(row, zone), cancellation_workflow_id(row.subscription), at)

    def applicant(self, row: BulkItemRow) -> tuple[SubscriptionRow, Applicant]:
        """Return the subscription of a row and its organization. Raises SubscriptionUnknown, OrganizationNotPermitted."""
        subscription = self.around.subscriptions.get(row.subscription)
        permitted = self.bulk.organizations
        if permitted is not None and (subscription is None or subscription.organization not in permitted):
            raise OrganizationNotPermitted(row.subscription)
        if subscription is None:
            raise SubscriptionUnknown(row.subscription)
        return subscription, self.around.applicants[subscription.organization]

    def judge(self, row: BulkItemRow, *, at: datetime) -> Judgement:
        """Return what a row would do. Raises the refusal that its start would get."""
        subscription, applicant = self.applicant(row)
        organization = applicant.organization
        newest = self.around.newest.get(subscription.id)
        if newest is not None and newest.ended_at is None:
            return Judgement(already_running=newest.id)
        request = self.request_of(row, organization.time_zone, at=at)
        admission = admit(
            self.session,
            request,
            subscription,
            applicant,
            open_lines=self.around.open_lines(subscription),
            facts=self.around.facts(subscription, organization),
        )
        asked = Question.TERMINATION_DATE in admission.checklist.answers
        quoted = partial(
            quote_subscription,
            self.session,
            subscription.id,
            received_on=admission.today,
            zone=organization.time_zone,
            wished_on=admission.checklist.termination_date or (admission.today if asked else None),
            termination=admission.checklist.termination,
            known=self.around.known_lines(subscription, organization.time_zone, admission.today),
        )
        shown = RowQuote.of(
            quoted(),
            with_goodwill=quoted(goodwill=True) if request.goodwill_reason is not None else None,
            open_questions=_open_questions(admission),
            access_is_asked_for=asked,
            case_before=newest.id if newest is not None else None,
        )
        return Judgement(quote=shown)


def judge_some(transaction: Transaction, bulk: str, *, most: int) -> int:
    """Judge some rows of a plan, and return how many; 0 where none is left, or the bulk has ended.

    They are judged together; where that meets a fault, each by itself, and the fault of one is its result.

    A guess at an organization's identity counts as a start of whoever planned the bulk: a plan is no way to try them all.
    """
    session = transaction.session
    found = session.get(BulkRow, bulk, with_for_update=True)
    if found is None or found.state != BulkState.PLANNING.value:
        return 0
    rows = session.scalars(
        select(BulkItemRow)
        .where(BulkItemRow.bulk == bulk, BulkItemRow.state == RowState.PLANNING.value)
        .order_by(BulkItemRow.number)
        .limit(most)
    ).all()
    try:
        with session.begin_nested():
            _judge(transaction, found, rows)
    except Exception as fault:
        if is_passing(fault):
            raise
        for row in rows:
            with faults_of(session, row, at=found.planned_at):
                _judge(transaction, found, [row])
    return len(rows)


def _judge(transaction: Transaction, bulk: BulkRow, rows: Sequence[BulkItemRow]) -> None:
    around = Surroundings.of(transaction.session, [row.subscription for row in rows], at=bulk.planned_at)
    judge = Judge(transaction.session, bulk, bulk.planned_by, around)
    for row in rows:
        _take(transaction, judge, row)
    transaction.session.flush()


def _take(transaction: Transaction, judge: Judge, row: BulkItemRow) -> None:
    at = judge.bulk.planned_at
    try:
        _, applicant = judge.applicant(row)
        row.organization = applicant.organization.id
        use = _guess(judge, row, applicant)
        if use is not None:
            limits.refuse_if_reached(transaction, use)
        try:
            judged = judge.judge(row, at=at)
        except IdentityMismatch as mismatch:
            if use is not None:
                limits.count_refused_start(transaction, use, mismatch)
            raise
    except Refusal as refusal:
        settle(row, RowState.REFUSED, at=at, refusal=refusal)
        return
    if judged.already_running is not None:
        settle(row, RowState.ALREADY_RUNNING, at=at, cancellation=judged.already_running)
    elif judged.quote is not None:
        row.state, row.quote = RowState.READY.value, judged.quote.model_dump(mode="json")


def _guess(judge: Judge, row: BulkItemRow, applicant: Applicant) -> limits.Use | None:
    """Return what a row counts as towards the limits; None where it guesses no identity."""
    request = judge.request_of(row, applicant.organization.time_zone, at=judge.bulk.planned_at)
    if not limits.guesses_identity(request):
        return None
    return limits.start_of(request, applicant.organization.id, applicant.organization.billing_administrator)


def complete_plan(transaction: Transaction, bulk: str, *, at: datetime) -> None:
    """Complete a plan all of whose rows are judged: from now on it can be confirmed, as it is and not otherwise."""
    session = transaction.session
    found = session.get(BulkRow, bulk, with_for_update=True)
    if found is None or found.state != BulkState.PLANNING.value:
        return
    of_bulk = BulkItemRow.bulk == bulk
    if session.scalar(select(func.count()).where(of_bulk, BulkItemRow.state == RowState.PLANNING.value)):
        return
    whole, ready = hashlib.sha256(), 0
    columns = (BulkItemRow.number, BulkItemRow.subscription, BulkItemRow.state, BulkItemRow.digest, BulkItemRow.quote)
    for row in session.execute(select(*columns).where(of_bulk).order_by(BulkItemRow.number)):
        whole.update(json.dumps(list(row), sort_keys=True).encode())
        ready += row.state == RowState.READY.value
    session.execute(
        update(BulkRow)
        .where(BulkRow.id == bulk)
        .values(state=BulkState.PLANNED.value, judged_at=at, digest=whole.hexdigest()[:12], ready=ready)
    )


def _open_questions(admission: Admission) -> tuple[str, ...]:
    checklist = admission.checklist
    verification = () if checklist.verification is not None else (VERIFICATION,)
    return (*(question.value for question in checklist.open_questions), *verification)
