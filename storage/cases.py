"""Cancellations: opening one, its checklist, and what the rest of the service needs to know of it."""

from collections.abc import Sequence
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.checklist import CaseFacts, Checklist
from domain.identity import Identity
from domain.messages import MessageFacts
from domain.policy import CancellationPolicy
from domain.quote import Quote, quote
from domain.vocabulary import (
    Channel,
    Event,
    Question,
    Stage,
    Verification,
)
from storage import audit, outbox
from storage.lines import as_domain, contracts_of, invoices_of, lines_of
from storage.tables import (
    CancellationRow,
    ChecklistAnswerRow,
    MarketingServiceRow,
    OrganizationRow,
    PolicyRow,
    SubscriptionLineRow,
    SubscriptionRow,
)


class Step(BaseModel):
    """One business step of a cancellation: the idempotency key, and who, when, why for the audit trail."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    name: str
    """Unique within the cancellation; a repetition repeats it."""
    actor: str
    at: datetime
    why: str | None = None

    @property
    def key(self) -> str:
        """The idempotency key: the cancellation's id, which holds the workflow's subject, and the business step."""
        return f"{self.cancellation}:{self.name}"


def save_answers(
    session: Session, case: CancellationRow, checklist: Checklist, *, answered: set[Question], step: Step
) -> None:
    """Keep answers that the checklist has accepted, each with who gave it and when."""
    for question in sorted(answered):
        session.add(
            ChecklistAnswerRow(
                cancellation=case.id,
                question=question.value,
                answer=checklist.answers[question],
                answered_by=step.actor,
                answered_at=step.at,
            )
        )
    case.termination_date = checklist.termination_date
    case.data = checklist.data
    case.campaigns = checklist.campaigns
    if answered:
        audit.record(
            session,
            "checklist.answered",
            actor=step.actor,
            at=step.at,
            step=f"{step.key}:answers",
            subscription=case.subscription,
            cancellation=case.id,
            after={question.value: _shown(question, checklist) for question in sorted(answered)},
        )


def save_verification(session: Session, case: CancellationRow, how: Verification, step: Step, why: str | None) -> None:
    """Keep how the billing administrator was verified, by whom, and why an attestation was trusted."""
    case.verified_by = how.value
    audit.record(
        session,
        "billing_administrator.verified",
        actor=step.actor,
        at=step.at,
        step=step.key,
        why=why,
        subscription=case.subscription,
        cancellation=case.id,
        after={"verified_by": how.value},
    )


def case_for_update(session: Session, cancellation: str) -> CancellationRow:
    """Return a cancellation, held until the transaction ends, after its subscription (the order that all take)."""
    case = session.get_one(CancellationRow, cancellation)
    session.get_one(SubscriptionRow, case.subscription, with_for_update=True)
    return session.get_one(CancellationRow, cancellation, with_for_update=True, populate_existing=True)


def newest_case(session: Session, subscription: str) -> CancellationRow | None:
    """Return the newest cancellation of a subscription, running or ended."""
    return session.scalar(
        select(CancellationRow)
        .where(CancellationRow.subscription == subscription)
        .order_by(CancellationRow.ordinal.desc())
        .limit(1)
    )


def organization_of(session: Session, case: CancellationRow) -> OrganizationRow:
    """Return the organization whose subscription the case cancels."""
    subscription = session.get_one(SubscriptionRow, case.subscription)
    return session.get_one(OrganizationRow, subscription.organization)


def facts_of(session: Session, organization: OrganizationRow, subscription: SubscriptionRow) -> CaseFacts:
    """Return what the checklist compares answers with."""
    starts_on = session.scalar(
        select(func.min(SubscriptionLineRow.start_date)).where(SubscriptionLineRow.subscription == subscription.id)
    )
    return CaseFacts(
        identity=Identity(
            billing_administrator=organization.billing_administrator,
            organization_url=organization.url,
            organization_name=organization.unique_name,
        ),
        time_zone=organization.time_zone,
        purpose=organization.purpose,
        has_marketing_service=session.get(MarketingServiceRow, organization.id) is not None,
        starts_on=starts_on or date.min,
    )


def checklist_of(session: Session, case: CancellationRow) -> Checklist:
    """Return the checklist of a case with its answers so far."""
    rows = session.scalars(select(ChecklistAnswerRow).where(ChecklistAnswerRow.cancellation == case.id)).all()
    subscription = session.get_one(SubscriptionRow, case.subscription)
    return Checklist(
        facts=facts_of(session, organization_of(session, case), subscription),
        answers={Question(row.question): row.answer for row in rows},
        verification=case.verified_by,
    )


def policy_of(session: Session, organization: OrganizationRow) -> CancellationPolicy:
    """Return the durations that apply to an organization."""
    return CancellationPolicy.model_validate(session.get_one(PolicyRow, organization.policy).durations)


def quote_subscription(
    session: Session,
    subscription: str,
    *,
    received_on: date,
    wished_on: date | None,
    goodwill: bool = False,
    lock: bool = False,
) -> Quote:
    """Decide the lines of a subscription as they are now; ``lock`` holds them until the transaction ends."""
    rows = lines_of(session, subscription, lock=lock)
    contracts = contracts_of(session, subscription)
    return quote(
        subscription,
        [as_domain(row, contracts.get(row.id)) for row in rows],
        invoices_of(session, subscription),
        received_on=received_on,
        wished_on=wished_on,
        goodwill=goodwill,
    )


def current_quote(session: Session, case: CancellationRow, *, lock: bool = False) -> Quote:
    """Decide the lines of a case's subscription for the day it was received and the wish known so far."""
    return quote_subscription(
        session,
        case.subscription,
        received_on=case.received_on,
        wished_on=case.termination_date,
        goodwill=case.goodwill_reason is not None and case.goodwill_approved_by is not None,
        lock=lock,
    )


def tell_of(
    session: Session,
    case: CancellationRow,
    event: Event,
    step: Step,
    *,
    channels: frozenset[Channel],
    occasion: str | None = None,
    changes: Sequence[str] = (),
    lines: Sequence[str] = (),
    invoice: str | None = None,
) -> None:
    """Note that this event of the case is to be told, with the facts as they are now."""
    session.flush()
    subscription = session.get_one(SubscriptionRow, case.subscription)
    organization = session.get_one(OrganizationRow, subscription.organization)
    checklist = checklist_of(session, case)
    facts = MessageFacts(
        cancellation=case.id,
        subscription=case.subscription,
        description=subscription.description,
        organization=organization.id,
        organization_name=organization.unique_name,
        organization_url=organization.url,
        time_zone=organization.time_zone,
        stage=Stage(case.stage),
        occurred_at=step.at,
        received_at=case.received_at,
        received_on=case.received_on,
        termination_date=case.termination_date,
        data=case.data,
        campaigns=case.campaigns,
        access_ended_on=case.access_ended_on,
        reversal_deadline=case.reversal_deadline,
        quote=Quote.model_validate(case.quote) if case.quote else None,
        changes=list(changes),
        open_questions=list(checklist.open_questions),
        verified=case.verified_by is not None,
        intake_ends_at=case.received_at + policy_of(session, organization).intake_timeout,
        reason=step.why,
        lines=list(lines),
        invoice=invoice,
    )
    outbox.tell(
        session,
        event,
        facts,
        occasion=occasion or event.value,
        mail_to=organization.billing_administrator,
        channels=channels,
    )


def _shown(question: Question, checklist: Checklist) -> str:
    return "as on record" if question is Question.BILLING_ADMINISTRATOR else checklist.answers[question]
