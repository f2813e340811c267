"""Opening a cancellation: the only way a case comes into being."""

from collections.abc import Mapping
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.checklist import Checklist
from domain.civil_time import day_of
from domain.lifecycle import SubscriptionAlreadyCanceled, SubscriptionUnknown
from domain.policy import CancellationPolicy
from domain.quote import Quote
from domain.vocabulary import (
    Channel,
    Event,
    Identifier,
    Platform,
    Question,
    Stage,
    Verification,
    cancellation_id,
)
from storage import audit
from storage.cases import (
    Step,
    checklist_of,
    current_quote,
    facts_of,
    newest_case,
    organization_of,
    policy_of,
    save_answers,
    save_verification,
    tell_of,
)
from storage.tables import CancellationRow, OrganizationRow, SubscriptionRow
from storage.transitions import undo_lines


class OpenRequest(BaseModel):
    """What opens a cancellation."""

    model_config = ConfigDict(frozen=True)

    workflow_id: str
    subscription: Identifier
    request_id: str
    actor: str
    at: datetime
    answers: Mapping[str, str]
    attested_because: str | None = None
    goodwill_reason: str | None = None
    reason: str | None = None


class OpenedCase(BaseModel):
    """A cancellation as it was opened: all that the workflow needs to carry it."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    organization: Identifier
    platform: Platform
    checklist: Checklist
    policy: CancellationPolicy
    received_on: date
    quote: Quote


def open_case(session: Session, request: OpenRequest, *, channels: frozenset[Channel]) -> OpenedCase:
    """Open a cancellation with the answers known already; the same request again gets the one it opened.

    Raises:
        SubscriptionUnknown, SubscriptionAlreadyCanceled, and the refusals of the answers (`Checklist.answered`).

    """
    subscription = session.get(SubscriptionRow, request.subscription, with_for_update=True)
    if subscription is None:
        raise SubscriptionUnknown(request.subscription)
    opened = session.scalar(select(CancellationRow).where(CancellationRow.request_id == request.request_id))
    if opened is not None:
        return _as_opened(session, opened)
    _close_orphan(session, request)
    organization = session.get_one(OrganizationRow, subscription.organization)
    today = day_of(request.at, organization.time_zone)
    if subscription.access_ended_on is not None:
        newest = newest_case(session, subscription.id)
        raise SubscriptionAlreadyCanceled(subscription.id, subscription.access_ended_on, newest.id if newest else "")
    checklist = Checklist(facts=facts_of(session, organization, subscription)).answered(request.answers, today=today)
    if request.attested_because:
        checklist = checklist.verified(Verification.ATTESTATION)
    ordinal = session.scalar(
        select(func.coalesce(func.max(CancellationRow.ordinal), 0) + 1).where(
            CancellationRow.subscription == subscription.id
        )
    )
    case = CancellationRow(
        id=cancellation_id(subscription.id, ordinal or 1),
        subscription=subscription.id,
        ordinal=ordinal or 1,
        request_id=request.request_id,
        workflow_id=request.workflow_id,
        opened_by=request.actor,
        reason=request.reason,
        stage=Stage.INTAKE.value,
        received_at=request.at,
        received_on=today,
        goodwill_reason=request.goodwill_reason,
    )
    session.add(case)
    session.flush()
    step = Step(cancellation=case.id, name="opened", actor=request.actor, at=request.at, why=request.reason)
    audit.record(
        session,
        "cancellation.opened",
        actor=step.actor,
        at=step.at,
        step=step.key,
        why=step.why,
        subscription=subscription.id,
        cancellation=case.id,
        after={"stage": case.stage} | ({"goodwill_reason": request.goodwill_reason} if request.goodwill_reason else {}),
    )
    save_answers(session, case, checklist, answered={Question(name) for name in request.answers}, step=step)
    if request.attested_because:
        save_verification(
            session,
            case,
            Verification.ATTESTATION,
            step.model_copy(update={"name": "verified"}),
            request.attested_because,
        )
    case.quote = current_quote(session, case).model_dump(mode="json")
    tell_of(session, case, Event.RECEIVED, step, channels=channels)
    return _as_opened(session, case)


def _as_opened(session: Session, case: CancellationRow) -> OpenedCase:
    organization = organization_of(session, case)
    return OpenedCase(
        cancellation=case.id,
        organization=organization.id,
        platform=Platform(organization.platform),
        checklist=checklist_of(session, case),
        policy=policy_of(session, organization),
        received_on=case.received_on,
        quote=Quote.model_validate(case.quote),
    )


def _close_orphan(session: Session, request: OpenRequest) -> None:
    """End a case whose workflow is gone: Temporal runs one workflow per subscription, and this is the running one.

    It happens when an operator terminates a workflow before the effect. A case that took effect is left to the check
    that follows: the subscription is cancelled.
    """
    orphan = session.scalar(
        select(CancellationRow).where(
            CancellationRow.subscription == request.subscription,
            CancellationRow.stage.in_([stage.value for stage in Stage if stage.before_effect]),
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
    undo_lines(session, orphan, step)
    audit.record(
        session,
        "cancellation.abandoned",
        actor=step.actor,
        at=step.at,
        step=step.key,
        why=step.why,
        subscription=orphan.subscription,
        cancellation=orphan.id,
        before={"stage": orphan.stage},
        after={"stage": Stage.ABANDONED.value},
    )
    orphan.stage = Stage.ABANDONED.value
    orphan.ended_at = request.at
    session.flush()
