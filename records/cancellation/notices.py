"""Notices of a cancellation to its people and systems, recorded in the transaction of their event."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.steps import Step
from domain.cancellation.checklist import Checklist
from domain.joint_letters import GATHERED
from domain.lines.line import Partner
from domain.lines.quote import Quote, changes
from domain.marketing import Consent
from domain.messaging import (
    OF_A_LINE,
    ErasureFacts,
    ExportFacts,
    LineMessageFacts,
    MarketingFacts,
    MessageFacts,
    MigrationFacts,
)
from domain.system_tasks import ASKED_OF_SYSTEMS, SystemErasure, SystemTaskFacts
from domain.vocabulary import CampaignChoice, Channel, Event, Stage
from records import outbox
from records.addressees import BILLING_ADMINISTRATOR, Addressee, address_of
from records.bulk.confirmed import organization_bulk_of
from records.cancellation.answers import checklist_of
from records.cancellation.locked_case import LockedCase, access_end_of
from records.cancellation.open_lines import SETTLED_STAGES, open_lines
from records.cancellation.quotes import termination_of
from records.marketing.campaigns import stops_of
from records.transaction import Transaction
from storage.tables import CancellationRow, MessageRow, SubscriptionLineRow


def notify(
    transaction: Transaction,
    case: LockedCase,
    event: Event,
    step: Step,
    *,
    occasion: str | None = None,
    checklist: Checklist | None = None,
    promised_before: Quote | None = None,
    lines: Sequence[str] = (),
    invoice: str | None = None,
    credit_from: date | None = None,
    queue: str | None = None,
    billing_open_since: datetime | None = None,
    marketing: MarketingFacts | None = None,
    mail_to: Addressee | None = None,
    export: ExportFacts | None = None,
    erasure: ErasureFacts | None = None,
    migration: MigrationFacts | None = None,
    ends_with_subscription_on: date | None = None,
    system_task: SystemTaskFacts | None = None,
    system_erasures: Sequence[SystemErasure] = (),
) -> None:
    """Record that people and systems are to be notified of this event of the case, with the facts as they are now.

    ``checklist`` saves reading the answers where the caller has them; they matter during the intake alone. Differences are
    named from ``promised_before``, the quote that was promised. Mail goes to ``mail_to``, if there is an address of theirs, else to
    the organization's billing administrator. A ``system_task`` goes to the endpoint of its system alone.
    """
    session = transaction.session
    session.flush()
    row = case.row
    if checklist is None and row.stage in (Stage.INTAKE, Stage.ABANDONED):
        checklist = checklist_of(session, case)
    now = Quote.model_validate(row.quote) if row.quote else None
    about_marketing, was_stopped = _marketing_facts(session, row, marketing)
    of_line, about_line = row.subscription_line, {}
    if of_line is not None:
        event = OF_A_LINE.get(event, event)
        about_line = {
            "subscription_line": of_line,
            "line_ends_on": row.line_ends_on,
            "ends_with_subscription_on": ends_with_subscription_on,
        }
        if mail_to is None and not _is_customers(
            session, of_line
        ):  # our obligations to vendors do not concern the customer
            transaction = transaction.without(Channel.MAIL)
    facts = (MessageFacts if of_line is None else LineMessageFacts)(
        **about_line,
        cancellation=row.id,
        subscription=row.subscription,
        description=case.subscription.description,
        organization=case.organization.id,
        organization_name=case.organization.unique_name,
        organization_url=case.organization.url,
        time_zone=case.zone,
        stage=Stage(row.stage),
        occurred_at=step.dated,
        received_at=row.received_at,
        received_on=row.received_on,
        termination=termination_of(row) if row.termination_date else None,
        channel=row.channel,
        request_id=row.request_id.removeprefix(f"{row.workflow_id}:"),
        request_channel=step.receipt.channel if step.receipt else None,
        recorded_at=step.receipt and step.receipt.entered_at,
        termination_date=row.termination_date,
        access_ends_at=access_end_of(row, case.zone),
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
        intake_ends_at=(row.entered_at or row.received_at) + case.policy.intake_timeout,
        reason=step.why,
        reason_code=row.reason_code,
        lines=list(lines),
        invoice=invoice,
        credit_from=credit_from,
        open_billing=open_lines(session, row.id) if case.has_waiting_lines and row.stage in SETTLED_STAGES else (),
        billing_open_since=billing_open_since,
        queue=queue,
        marketing_was_stopped=was_stopped,
        marketing=about_marketing,
        export=export,
        erasure=erasure,
        migration=migration,
        system_task=system_task,
        system_erasures=tuple(system_erasures),
    )
    address: str | None = case.billing_administrator
    if mail_to is not None:
        address = address_of(session, mail_to, organization=case.organization.id, cancellation=row.id)
    if case.row.forgotten_at is not None:  # it has something new to be forgotten
        case.row.forgotten_at = None
    outbox.add(
        transaction if address else transaction.without(Channel.MAIL),
        event,
        facts,
        occasion=occasion or event.value,
        mail_to=address or "",
        addressee=mail_to or BILLING_ADMINISTRATOR,
        endpoint=system_task.system if system_task and event in ASKED_OF_SYSTEMS else None,
        bulk=organization_bulk_of(session, row) if event in GATHERED and mail_to is None else None,
    )


def _is_customers(session: Session, line: str) -> bool:
    return session.get_one(SubscriptionLineRow, line).partner == Partner.CUSTOMER


def last_promised(session: Session, case: LockedCase) -> Quote | None:
    """Return the quote of the newest letter to the customer; decisions made while credit memos are awaited send none."""
    content = session.scalar(
        select(MessageRow.content)
        .where(MessageRow.cancellation == case.row.id, MessageRow.channel == Channel.MAIL.value)
        .order_by(MessageRow.sequence.desc())
        .limit(1)
    )
    return MessageFacts.model_validate(content).quote if content else None


def _marketing_facts(
    session: Session, row: CancellationRow, given: MarketingFacts | None
) -> tuple[MarketingFacts | None, bool]:
    """Return the facts about the campaigns for a message, and true if the case has stopped any."""
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
