"""The cancellation of a marketing service alone: its transitions, one transaction each, idempotent by their steps."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.steps import CampaignStop, OpenedMarketingCase, OpenMarketingRequest, Step
from domain.cancellation.identity import same_address
from domain.marketing import (
    MarketingCancellationEnded,
    MarketingIdentityMismatch,
    MarketingServiceCanceled,
    MarketingServiceUnknown,
    MarketingStage,
    marketing_cancellation_id,
)
from domain.vocabulary import Channel, Event, Platform, Verification
from records import audit
from records.marketing.campaigns import check_campaigns, current_campaigns, hold_service
from records.marketing.service_cases import HeldMarketingCase, hold_marketing_case, tell_of_service
from records.marketing.stops import request_stops, stop_of
from records.verification import save_verification
from storage.tables import MarketingCancellationRow


def open_marketing_case(
    session: Session, request: OpenMarketingRequest, *, channels: frozenset[Channel]
) -> OpenedMarketingCase:
    """Open a cancellation of a marketing service; the same request again gets the one it opened.

    Raises:
        MarketingServiceUnknown, MarketingServiceCanceled, MarketingIdentityMismatch, CampaignUnknown, CampaignDeleted,
        MarketingCancellationEnded (the one that the same request opened).

    """
    service = hold_service(session, request.organization)
    if service is None:
        raise MarketingServiceUnknown(request.organization)
    opened = session.scalar(
        select(MarketingCancellationRow).where(MarketingCancellationRow.request_id == request.request_id)
    )
    if opened is not None:
        if (stage := MarketingStage(opened.stage)).is_final:
            raise MarketingCancellationEnded(opened.id, stage)
        return _as_opened(hold_marketing_case(session, opened.id))
    _close_orphan(session, request)
    if service.is_canceled:
        raise MarketingServiceCanceled(request.organization)
    if not same_address(request.administrator, service.billing_administrator):
        raise MarketingIdentityMismatch(request.organization)
    check_campaigns(session, request.organization, request.campaign_actions)
    ordinal = session.scalar(
        select(func.coalesce(func.max(MarketingCancellationRow.ordinal), 0) + 1).where(
            MarketingCancellationRow.organization == request.organization
        )
    )
    row = MarketingCancellationRow(
        id=marketing_cancellation_id(request.organization, ordinal or 1),
        organization=request.organization,
        ordinal=ordinal or 1,
        request_id=request.request_id,
        workflow_id=request.workflow_id,
        opened_by=request.actor,
        stage=MarketingStage.INTAKE.value,
        received_at=request.at,
        campaign_actions={campaign: action.value for campaign, action in request.campaign_actions.items()},
    )
    session.add(row)
    session.flush()
    step = Step(cancellation=row.id, name="opened", actor=request.actor, at=request.at, why=request.reason)
    _record(session, row, "marketing_cancellation.opened", step, after={"stage": row.stage})
    if request.attested_because:
        verified = step.model_copy(update={"name": "verified"})
        save_verification(session, row, Verification.ATTESTATION, verified, request.attested_because)
        session.flush()
    case = hold_marketing_case(session, row.id)
    tell_of_service(session, case, Event.MARKETING_CANCELLATION_RECEIVED, step, channels=channels)
    return _as_opened(case)


def cancel_service(session: Session, step: Step, *, channels: frozenset[Channel]) -> CampaignStop:
    """Cancel the service for ever, and ask the ad centre to stop everything that runs."""
    case = hold_marketing_case(session, step.cancellation)
    if case.row.stage == MarketingStage.INTAKE:
        case.service.canceled_sign_up = case.service.sign_up
        campaigns = current_campaigns(session, case.organization.id, case.row.campaign_actions)
        _move(session, case, MarketingStage.STOPPING, step)
        request_stops(session, case, campaigns, step, channels=channels)
        tell_of_service(session, case, Event.MARKETING_CANCELED, step, channels=channels)
    return stop_of(session, case.row.id)


def complete(session: Session, step: Step) -> None:
    """End a case whose campaigns are all stopped."""
    case = hold_marketing_case(session, step.cancellation)
    if case.row.stage == MarketingStage.STOPPING:
        _move(session, case, MarketingStage.CANCELED, step)
        case.row.ended_at = step.at


def abandon(session: Session, step: Step, *, channels: frozenset[Channel]) -> None:
    """End a case whose administrator was not verified in time."""
    case = hold_marketing_case(session, step.cancellation)
    if case.row.stage == MarketingStage.INTAKE:
        _move(session, case, MarketingStage.ABANDONED, step)
        case.row.ended_at = step.at
        tell_of_service(session, case, Event.MARKETING_CANCELLATION_ABANDONED, step, channels=channels)


def _close_orphan(session: Session, request: OpenMarketingRequest) -> None:
    """End a case whose workflow is gone: Temporal runs one per marketing service, and this is the running one.

    A case that had cancelled the service is left as it is: the check that follows refuses.
    """
    orphan = session.scalar(
        select(MarketingCancellationRow).where(
            MarketingCancellationRow.organization == request.organization,
            MarketingCancellationRow.stage == MarketingStage.INTAKE.value,
        )
    )
    if orphan is None:
        return
    step = Step(
        cancellation=orphan.id,
        name="orphaned",
        actor=request.actor,
        at=request.at,
        why="its workflow was terminated; a new cancellation takes its place",
    )
    abandon(session, step, channels=frozenset())
    session.flush()


def _as_opened(case: HeldMarketingCase) -> OpenedMarketingCase:
    return OpenedMarketingCase(
        cancellation=case.row.id,
        organization=case.organization.id,
        platform=Platform(case.organization.platform),
        time_zone=case.organization.time_zone,
        policy=case.policy,
        received_at=case.row.received_at,
        verification=Verification(case.row.verified_by) if case.row.verified_by else None,
    )


def _move(session: Session, case: HeldMarketingCase, stage: MarketingStage, step: Step) -> None:
    before, case.row.stage = case.row.stage, stage.value
    after = {"stage": stage.value}
    _record(session, case.row, f"marketing_cancellation.{stage.value}", step, before={"stage": before}, after=after)
    session.flush()


def _record(
    session: Session,
    row: MarketingCancellationRow,
    action: str,
    step: Step,
    *,
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> None:
    audit.record(
        session,
        action,
        actor=step.actor,
        at=step.at,
        step=step.key,
        why=step.why,
        cancellation=row.id,
        before=before,
        after=after,
    )
