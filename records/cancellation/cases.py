"""Cancellations: opening one, its checklist, and what the rest of the service needs to know of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from contract.steps import Step
from domain.cancellation.checklist import CaseFacts, Checklist
from domain.cancellation.identity import Identity
from domain.lines.quote import Quote, changes, quote
from domain.marketing import CampaignAction, Consent
from domain.messaging import ErasureFacts, ExportFacts, MarketingFacts, MessageFacts, MigrationFacts
from domain.policy import CancellationPolicy
from domain.vocabulary import (
    CampaignChoice,
    Channel,
    Event,
    Question,
    Stage,
)
from records import audit, outbox
from records.lines.rows import as_domain, invoices_of, lines_of
from records.marketing.campaigns import check_actions, stops_of
from storage.tables import (
    CancellationRow,
    ChecklistAnswerRow,
    MarketingServiceRow,
    MessageRow,
    OrganizationRow,
    PolicyRow,
    SubscriptionLineRow,
    SubscriptionRow,
)


def save_answers(
    session: Session,
    case: CancellationRow,
    checklist: Checklist,
    *,
    answered: set[Question],
    step: Step,
    campaign_actions: Mapping[str, CampaignAction] | None = None,
) -> None:
    """Keep answers that the checklist has accepted, each with who gave it and when.

    Raises:
        CampaignActionWithoutStop, CampaignUnknown, CampaignDeleted: of ``campaign_actions``, which say how each campaign
            is to be stopped.

    """
    actions = dict(campaign_actions or {})
    if actions:
        subscription = session.get_one(SubscriptionRow, case.subscription)
        check_actions(session, subscription.organization, actions, checklist)
        case.campaign_actions = {
            **(case.campaign_actions or {}),
            **{key: actions[key].value for key in sorted(actions)},
        }
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
            after={question.value: _shown(question, checklist) for question in sorted(answered)}
            | ({"campaign_actions": case.campaign_actions} if actions else {}),
        )


@dataclass(frozen=True)
class HeldCase:
    """A case with what it belongs to. Whoever holds it is alone with the subscription until the transaction ends."""

    row: CancellationRow
    subscription: SubscriptionRow
    organization: OrganizationRow
    policy: CancellationPolicy


def hold_case(session: Session, cancellation: str) -> HeldCase:
    """Hold a case until the transaction ends: its subscription's row is the lock that all take first."""
    of_case = select(CancellationRow.subscription).where(CancellationRow.id == cancellation).scalar_subquery()
    session.execute(select(SubscriptionRow.id).where(SubscriptionRow.id == of_case).with_for_update())
    # Read after the lock is ours: what a transaction that held it before has written is seen.
    row, subscription, organization, durations = session.execute(
        select(CancellationRow, SubscriptionRow, OrganizationRow, PolicyRow.durations)
        .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
        .join(OrganizationRow, OrganizationRow.id == SubscriptionRow.organization)
        .join(PolicyRow, PolicyRow.name == OrganizationRow.policy)
        .where(CancellationRow.id == cancellation)
    ).one()
    return HeldCase(row, subscription, organization, CancellationPolicy.model_validate(durations))


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
    starts_on, has_marketing_service = session.execute(
        select(
            select(func.coalesce(func.min(SubscriptionLineRow.start_date), date.min))
            .where(SubscriptionLineRow.subscription == subscription.id)
            .scalar_subquery(),
            exists().where(
                MarketingServiceRow.organization == organization.id,
                MarketingServiceRow.canceled_sign_up.is_distinct_from(MarketingServiceRow.sign_up),
            ),
        )
    ).one()
    return CaseFacts(
        identity=Identity(
            billing_administrator=organization.billing_administrator,
            organization_url=organization.url,
            organization_name=organization.unique_name,
        ),
        time_zone=organization.time_zone,
        purpose=organization.purpose,
        has_marketing_service=has_marketing_service,
        starts_on=starts_on,
        has_data=organization.data_schema is not None,
    )


def checklist_of(session: Session, case: HeldCase) -> Checklist:
    """Return the checklist of a case with its answers so far."""
    rows = session.scalars(select(ChecklistAnswerRow).where(ChecklistAnswerRow.cancellation == case.row.id)).all()
    return Checklist(
        facts=facts_of(session, case.organization, case.subscription),
        answers={Question(row.question): row.answer for row in rows},
        verification=case.row.verified_by,
    )


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
    billed = any(row.next_billing_date is not None for row in rows)
    return quote(
        subscription,
        [as_domain(row) for row in rows],
        invoices_of(session, subscription) if billed else [],
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


def last_promised(session: Session, case: HeldCase) -> Quote | None:
    """Return the quote that the customer was last told: decisions since then, while credit memos are awaited, say nothing."""
    told = session.scalar(
        select(MessageRow.content)
        .where(MessageRow.cancellation == case.row.id, MessageRow.channel == Channel.MAIL.value)
        .order_by(MessageRow.sequence.desc())
        .limit(1)
    )
    return MessageFacts.model_validate(told).quote if told else None


def record_step(
    session: Session,
    case: HeldCase,
    action: str,
    step: Step,
    suffix: str = "",
    *,
    line: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    why: str | None = None,
) -> bool:
    """Leave the audit row of a step, or of one of its parts; False if it was left before."""
    return audit.record(
        session,
        action,
        actor=step.actor,
        at=step.at,
        step=f"{step.key}:{suffix}" if suffix else step.key,
        why=why or step.why,
        subscription=case.row.subscription,
        subscription_line=line,
        cancellation=case.row.id,
        before=before,
        after=after,
    )


def tell_of(
    session: Session,
    case: HeldCase,
    event: Event,
    step: Step,
    *,
    channels: frozenset[Channel],
    occasion: str | None = None,
    checklist: Checklist | None = None,
    promised_before: Quote | None = None,
    lines: Sequence[str] = (),
    invoice: str | None = None,
    marketing: MarketingFacts | None = None,
    mail_to: str | None = None,
    export: ExportFacts | None = None,
    erasure: ErasureFacts | None = None,
    migration: MigrationFacts | None = None,
) -> None:
    """Note that this event of the case is to be told, with the facts as they are now.

    ``checklist`` spares a look at the answers where the caller has them; they matter during the intake alone. What became
    different is told where ``promised_before`` says what was promised. Mail goes to ``mail_to``, else to the organization's
    billing administrator.
    """
    session.flush()
    row = case.row
    if checklist is None and row.stage in (Stage.INTAKE, Stage.ABANDONED):
        checklist = checklist_of(session, case)
    now = Quote.model_validate(row.quote) if row.quote else None
    about_marketing, was_stopped = _marketing_facts(session, row, marketing)
    facts = MessageFacts(
        cancellation=row.id,
        subscription=row.subscription,
        description=case.subscription.description,
        organization=case.organization.id,
        organization_name=case.organization.unique_name,
        organization_url=case.organization.url,
        time_zone=case.organization.time_zone,
        stage=Stage(row.stage),
        occurred_at=step.at,
        received_at=row.received_at,
        received_on=row.received_on,
        termination_date=row.termination_date,
        data=row.data,
        campaigns=row.campaigns,
        access_ended_on=row.access_ended_on,
        reversal_deadline=row.reversal_deadline,
        quote=now,
        changes=changes(promised_before, now) if promised_before and now else [],
        changes_for_customer=(
            changes(promised_before.for_customer(), now.for_customer()) if promised_before and now else []
        ),
        open_questions=list(checklist.open_questions) if checklist else [],
        verified=row.verified_by is not None,
        intake_ends_at=row.received_at + case.policy.intake_timeout,
        reason=step.why,
        lines=list(lines),
        invoice=invoice,
        marketing_was_stopped=was_stopped,
        marketing=about_marketing,
        export=export,
        erasure=erasure,
        migration=migration,
    )
    outbox.tell(
        session,
        event,
        facts,
        occasion=occasion or event.value,
        mail_to=mail_to or case.organization.billing_administrator,
        channels=channels,
    )


def _marketing_facts(
    session: Session, row: CancellationRow, given: MarketingFacts | None
) -> tuple[MarketingFacts | None, bool]:
    """What a message says of the campaigns, and whether the case has stopped any."""
    if row.campaigns != CampaignChoice.STOP:
        return None, False
    stops = stops_of(session, row.id)
    facts = (given or MarketingFacts(campaigns=stops)).model_copy(
        update={
            "consent": Consent(row.marketing_consent) if row.marketing_consent else None,
            "consent_until": row.marketing_consent_until,
            "ads_may_still_run": any(not stop.acknowledged for stop in stops),
        }
    )
    return facts, bool(stops)


def _shown(question: Question, checklist: Checklist) -> str:
    return "as on record" if question is Question.BILLING_ADMINISTRATOR else checklist.answers[question]
