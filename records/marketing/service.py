"""The cancellation of a marketing service alone: its transitions, one transaction each, idempotent by their steps."""

from sqlalchemy import select

from contract.steps import CampaignStop, OpenedMarketingCase, OpenMarketingRequest, Step
from domain.cancellation.identity import same_address
from domain.cancellation.verification import AlreadyVerified
from domain.cases import CaseKind
from domain.marketing import (
    MarketingCancellationUnknown,
    MarketingIdentityMismatch,
    MarketingServiceCanceled,
    MarketingServiceUnknown,
    MarketingStage,
)
from domain.refusals import Refusal
from domain.vocabulary import Event, Platform, ReceiptChannel, Verification
from records import audit, cases, limits, receipts, requests
from records.marketing.campaigns import check_campaigns, current_campaigns, lock_service
from records.marketing.locked_case import (
    LockedMarketingCase,
    lock_marketing_case,
    marketing_case_record,
    organization_with_policy,
)
from records.marketing.notices import notify
from records.marketing.stops import request_stops, stop_of
from records.one_time_codes import save_verification
from records.transaction import Transaction
from storage.tables import MarketingCancellationRow, MarketingServiceRow


def record_refused_opening(transaction: Transaction, request: OpenMarketingRequest, refusal: Refusal) -> None:
    """Record in the audit trail that the cancellation of a marketing service was refused, and count the start."""
    service = transaction.session.get(MarketingServiceRow, request.organization)
    about = (service.organization, service.billing_administrator) if service else (None, None)
    start = limits.start_of(request, *about)
    limits.count_refused_start(transaction, start, refusal)
    audit.record_refusal(
        transaction,
        "marketing_cancellation",
        refusal.details,
        actor=request.actor,
        at=receipts.entered_at(request),
        step=f"{request.request_id}:{request.digest or ''}:refused",
        cancellation=f"{request.organization}/marketing",
    )


def open_marketing_case(transaction: Transaction, request: OpenMarketingRequest) -> OpenedMarketingCase:
    """Open a cancellation of a marketing service; the same request again gets the case that it opened.

    A request that continues a case gets that one.

    Raises:
        MarketingCancellationUnknown (the case to continue), MarketingServiceUnknown, MarketingServiceCanceled, MarketingIdentityMismatch, CampaignUnknown, CampaignDeleted,
            BackdatingNeedsReason, LimitReached.

    """
    session = transaction.session
    service = lock_service(transaction, request.organization)
    if service is None:
        raise MarketingServiceUnknown(request.organization)
    opened = session.scalar(
        select(MarketingCancellationRow).where(MarketingCancellationRow.request_id == request.request_id)
    )
    if request.continues is not None:
        opened = session.get(MarketingCancellationRow, request.continues)
        if opened is None or opened.organization != request.organization:
            raise MarketingCancellationUnknown(request.organization)
    if opened is not None:
        if request.continues is None:
            requests.check_start(session, request.workflow_id, request.request_id, request.digest)
        return _as_opened(transaction, lock_marketing_case(transaction, opened.id))
    _close_orphan(transaction, request)
    start = limits.start_of(request, service.organization, service.billing_administrator)
    limits.refuse_if_reached(transaction, start)
    if service.is_canceled:
        raise MarketingServiceCanceled(request.organization)
    if not same_address(request.administrator, service.billing_administrator):
        raise MarketingIdentityMismatch(request.organization)
    organization, policy = organization_with_policy(session, request.organization)
    receipts.check(request, zone=organization.time_zone, policy=policy)
    check_campaigns(session, request.organization, request.campaign_actions)
    named = cases.next_of(session, CaseKind.MARKETING_SERVICE, request.organization)
    row = MarketingCancellationRow(
        id=named.id,
        organization=request.organization,
        ordinal=named.ordinal,
        request_id=request.request_id,
        workflow_id=request.workflow_id,
        opened_by=request.actor,
        stage=MarketingStage.INTAKE.value,
        received_at=request.at,
        **receipts.columns(request.receipt),
        time_zone=organization.time_zone,
        campaign_actions={campaign: action.value for campaign, action in request.campaign_actions.items()},
    )
    session.add(row)
    session.flush()
    requests.open_with(transaction, row, request.digest)
    step = receipts.opened(row.id, request)
    audit.record_step(transaction, "marketing_cancellation.opened", step, after={"stage": row.stage})
    if request.attested_because:
        verified = step.model_copy(update={"name": "verified"})
        save_verification(transaction, row, Verification.ATTESTATION, verified, request.attested_because)
        session.flush()
    case = lock_marketing_case(transaction, row.id)
    notify(transaction, case, Event.MARKETING_CANCELLATION_RECEIVED, step)
    limits.check_start(transaction, start, row.id)
    return _as_opened(transaction, case)


def cancel_service(transaction: Transaction, step: Step) -> CampaignStop:
    """Cancel the service for ever, and ask the ad centre to stop every running campaign."""
    session = transaction.session
    case = lock_marketing_case(transaction, step.cancellation)
    if case.stage is MarketingStage.ABANDONED:
        case.refuse_if_ended()
    if case.row.stage == MarketingStage.INTAKE:
        case.service.canceled_sign_up = case.service.sign_up
        campaigns = current_campaigns(session, case.organization.id, case.row.campaign_actions)
        cases.enter(transaction, case, MarketingStage.STOPPING, step)
        request_stops(transaction, case, campaigns, step)
        notify(transaction, case, Event.MARKETING_CANCELED, step)
    return stop_of(session, case.row.id)


def complete(transaction: Transaction, step: Step) -> None:
    """End a case whose campaigns are all stopped."""
    case = lock_marketing_case(transaction, step.cancellation)
    if case.row.stage == MarketingStage.STOPPING:
        cases.enter(transaction, case, MarketingStage.CANCELED, step)


def abandon(transaction: Transaction, step: Step) -> None:
    """End a case whose administrator was not verified in time.

    Raises:
        AlreadyVerified: the verification is recorded, so it came first.

    """
    case = lock_marketing_case(transaction, step.cancellation)
    if case.row.stage == MarketingStage.INTAKE:
        if case.row.verified_by is not None:
            raise AlreadyVerified(case.row.id)
        cases.enter(transaction, case, MarketingStage.ABANDONED, step)
        notify(transaction, case, Event.MARKETING_CANCELLATION_ABANDONED, step)


def _close_orphan(transaction: Transaction, request: OpenMarketingRequest) -> None:
    """End a case whose workflow is gone.

    A case that has cancelled the service stays as it is: the check that follows refuses the request.
    """
    orphan = transaction.session.scalar(
        select(MarketingCancellationRow).where(
            MarketingCancellationRow.organization == request.organization,
            MarketingCancellationRow.stage == MarketingStage.INTAKE.value,
        )
    )
    if orphan is None:
        return
    case = lock_marketing_case(transaction, orphan.id)
    step = cases.orphaned(orphan.id, actor=request.actor, at=receipts.entered_at(request))
    cases.enter(transaction, case, MarketingStage.ABANDONED, step)


def _as_opened(transaction: Transaction, case: LockedMarketingCase) -> OpenedMarketingCase:
    return OpenedMarketingCase(
        cancellation=case.row.id,
        organization=case.organization.id,
        platform=Platform(case.organization.platform),
        time_zone=case.zone,
        policy=case.policy,
        received_at=case.row.received_at,
        entered_at=case.row.entered_at,
        channel=ReceiptChannel(case.row.channel) if case.row.channel else None,
        verification=Verification(case.row.verified_by) if case.row.verified_by else None,
        record=marketing_case_record(transaction.session, case.row.id),
        opened_by=case.row.opened_by,
    )
