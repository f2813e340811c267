"""Opening a cancellation: the only way a case comes into being."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.steps import OpenedCase, OpenRequest, Step
from domain.cancellation.checklist import Checklist
from domain.cancellation.lifecycle import CancellationEnded, SubscriptionAlreadyCanceled, SubscriptionUnknown
from domain.civil_time import day_of
from domain.lines.quote import Quote
from domain.policy import CancellationPolicy
from domain.vocabulary import (
    Channel,
    Event,
    Platform,
    Question,
    Stage,
    Verification,
    cancellation_id,
)
from records import audit
from records.cancellation.cases import (
    HeldCase,
    checklist_of,
    current_quote,
    facts_of,
    hold_case,
    newest_case,
    save_answers,
    tell_of,
)
from records.cancellation.transitions import end, undo_lines
from records.verification import save_verification
from storage.tables import CancellationRow, OrganizationRow, PolicyRow, SubscriptionRow


def open_case(session: Session, request: OpenRequest, *, channels: frozenset[Channel]) -> OpenedCase:
    """Open a cancellation with the answers known already; the same request again gets the one it opened.

    Raises:
        SubscriptionUnknown, SubscriptionAlreadyCanceled, CancellationEnded (the one that the same request opened), and
        the refusals of the answers (`Checklist.answered`).

    """
    subscription = session.get(SubscriptionRow, request.subscription, with_for_update=True)
    if subscription is None:
        raise SubscriptionUnknown(request.subscription)
    opened = session.scalar(select(CancellationRow).where(CancellationRow.request_id == request.request_id))
    if opened is not None:
        return _opened_before(session, opened.id)
    _close_orphan(session, request)
    organization, durations = session.execute(
        select(OrganizationRow, PolicyRow.durations)
        .join(PolicyRow, PolicyRow.name == OrganizationRow.policy)
        .where(OrganizationRow.id == subscription.organization)
    ).one()
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
    answered = {Question(name) for name in request.answers}
    save_answers(session, case, checklist, answered=answered, step=step, campaign_actions=request.campaign_actions)
    if request.attested_because:
        save_verification(
            session,
            case,
            Verification.ATTESTATION,
            step.model_copy(update={"name": "verified"}),
            request.attested_because,
        )
    case.quote = current_quote(session, case).model_dump(mode="json")
    held = HeldCase(case, subscription, organization, CancellationPolicy.model_validate(durations))
    tell_of(session, held, Event.RECEIVED, step, channels=channels, checklist=checklist)
    return _as_opened(held, checklist)


def _opened_before(session: Session, cancellation: str) -> OpenedCase:
    case = hold_case(session, cancellation)
    if Stage(case.row.stage).is_final:
        raise CancellationEnded(cancellation, Stage(case.row.stage))
    return _as_opened(case, checklist_of(session, case))


def _as_opened(case: HeldCase, checklist: Checklist) -> OpenedCase:
    return OpenedCase(
        cancellation=case.row.id,
        organization=case.organization.id,
        platform=Platform(case.organization.platform),
        checklist=checklist,
        policy=case.policy,
        received_on=case.row.received_on,
        quote=Quote.model_validate(case.row.quote),
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
    case = hold_case(session, orphan.id)
    undo_lines(session, case, step)
    end(session, case, Stage.ABANDONED, step)
