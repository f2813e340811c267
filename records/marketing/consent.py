"""The consent of the marketing service's own administrator to a stop of its campaigns (rules, section 9).

One transaction each, like `records.cancellation.transitions`; a function that is run again changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.steps import Step
from domain.cancellation.identity import same_address
from domain.marketing import (
    CampaignFacts,
    Consent,
    ConsentDecision,
    ConsentNotAwaited,
)
from domain.vocabulary import Event
from records import audit
from records.addressees import MARKETING_ADMINISTRATOR
from records.audit import record_step
from records.cancellation.locked_case import LockedCase, lock_case
from records.cancellation.transitions import prepare
from records.marketing.campaigns import (
    current_campaigns,
    lock_service,
)
from records.marketing.stops import notify
from records.transaction import Transaction
from storage.tables import CancellationRow, MarketingServiceRow, SubscriptionRow


def request_consent(transaction: Transaction, step: Step, *, until: datetime) -> bool:
    """Ask the marketing service's own administrator for consent, where that is another person; return true if it is.

    No consent is asked for where nothing is left to stop.
    """
    case = lock_case(transaction, step.cancellation)
    case.refuse_if_ended()
    if case.row.marketing_consent is not None:
        return True
    service = lock_service(transaction, case.organization.id)
    campaigns = current_campaigns(transaction.session, case.organization.id, case.row.campaign_actions)
    if service is None or same_address(service.billing_administrator, case.organization.billing_administrator):
        return False
    if not campaigns:
        return False
    prepare(transaction, step)
    case.row.marketing_consent, case.row.marketing_consent_until = Consent.ASKED.value, until
    record_step(transaction, "marketing.consent_requested", step, after={"until": until.isoformat()})
    _ask_owner(transaction, case, campaigns, step)
    return True


def asked_until(session: Session, cancellation: str) -> tuple[datetime, str] | None:
    """Return the instant until which a case waits for the consent, or waited, and the address of the administrator on record.

    None if it never asked.
    """
    found = session.execute(
        select(CancellationRow.marketing_consent_until, MarketingServiceRow.billing_administrator)
        .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
        .join(MarketingServiceRow, MarketingServiceRow.organization == SubscriptionRow.organization)
        .where(CancellationRow.id == cancellation)
    ).one_or_none()
    if found is None or found.marketing_consent_until is None:
        return None
    return found.marketing_consent_until, found.billing_administrator


def remind_of_consent(transaction: Transaction, step: Step) -> None:
    """Ask for the consent again, once per occasion."""
    case = lock_case(transaction, step.cancellation)
    service = lock_service(transaction, case.organization.id)
    if case.row.marketing_consent != Consent.ASKED or service is None or case.stage.is_final:
        return
    if record_step(transaction, "reminder.sent", step):
        campaigns = current_campaigns(transaction.session, case.organization.id, case.row.campaign_actions)
        _ask_owner(transaction, case, campaigns, step, occasion=step.name)


def save_consent(transaction: Transaction, step: Step, decision: ConsentDecision, *, how: str) -> None:
    """Record the answer of the marketing service's own administrator, and the way in which it was given.

    Raises:
        ConsentNotAwaited.

    """
    case = lock_case(transaction, step.cancellation)
    if audit.after_of(transaction.session, step.key) is not None:
        return
    case.refuse_if_ended()
    if case.row.marketing_consent != Consent.ASKED:
        asked = case.row.marketing_consent
        raise ConsentNotAwaited(case.row.id, Consent(asked) if asked else None)
    _conclude(transaction, case, step, Consent(decision.value), after={"given_by": how})


def time_consent_out(transaction: Transaction, step: Step) -> None:
    """Record that the consent was not answered in time."""
    case = lock_case(transaction, step.cancellation)
    case.refuse_if_ended()
    if case.row.marketing_consent == Consent.ASKED:
        _conclude(transaction, case, step, Consent.TIMED_OUT, after={})


def _conclude(
    transaction: Transaction, case: LockedCase, step: Step, consent: Consent, *, after: dict[str, object]
) -> None:
    case.row.marketing_consent = consent.value
    record_step(transaction, f"marketing.consent_{consent.value}", step, after={"consent": consent.value, **after})
    if consent.refused:
        campaigns = current_campaigns(transaction.session, case.organization.id, case.row.campaign_actions)
        notify(transaction, case, Event.MARKETING_KEPT, step, campaigns)


def _ask_owner(
    transaction: Transaction,
    case: LockedCase,
    campaigns: Sequence[CampaignFacts],
    step: Step,
    occasion: str = "",
) -> None:
    event = Event.MARKETING_CONSENT_REQUESTED
    notify(transaction, case, event, step, campaigns, occasion=occasion, mail_to=MARKETING_ADMINISTRATOR)
