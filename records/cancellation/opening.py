"""The opening of a cancellation, the only way to create a case."""

from sqlalchemy import select

from contract.steps import OpenedCase, OpenRequest, Step
from domain.cancellation.checklist import Checklist
from domain.cancellation.lifecycle import CancellationEnded, SubscriptionAlreadyCanceled, SubscriptionUnknown
from domain.cases import CaseKind
from domain.civil_time import day_of
from domain.lines.quote import Quote
from domain.policy import CancellationPolicy
from domain.vocabulary import (
    Event,
    Platform,
    Question,
    Stage,
    Verification,
)
from records import audit, cases
from records.cancellation.answers import checklist_of, facts_of, save_answers
from records.cancellation.locked_case import LockedCase, lock_case, newest_case
from records.cancellation.notices import notify
from records.cancellation.quotes import current_quote
from records.cancellation.transitions import enter, undo_lines
from records.one_time_codes import save_verification
from records.transaction import Transaction
from storage.tables import CancellationRow, OrganizationRow, PolicyRow, SubscriptionRow


def open_case(transaction: Transaction, request: OpenRequest) -> OpenedCase:
    """Open a cancellation with the answers known already; the same request again gets the case that it opened.

    Raises:
        SubscriptionUnknown, SubscriptionAlreadyCanceled, CancellationEnded (the case that the same request opened), and
        the refusals of the answers (`Checklist.answered`).

    """
    session = transaction.session
    subscription = session.get(SubscriptionRow, request.subscription, with_for_update=True)
    if subscription is None:
        raise SubscriptionUnknown(request.subscription)
    opened = session.scalar(select(CancellationRow).where(CancellationRow.request_id == request.request_id))
    if opened is not None:
        return _opened_before(transaction, opened.id)
    _close_orphan(transaction, request)
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
    named = cases.next_of(session, CaseKind.SUBSCRIPTION, subscription.id)
    case = CancellationRow(
        id=named.id,
        subscription=subscription.id,
        ordinal=named.ordinal,
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
    audit.record_step(
        transaction,
        "cancellation.opened",
        step,
        after={"stage": case.stage} | ({"goodwill_reason": request.goodwill_reason} if request.goodwill_reason else {}),
    )
    answered = {Question(name) for name in request.answers}
    save_answers(transaction, case, checklist, answered=answered, step=step, campaign_actions=request.campaign_actions)
    if request.attested_because:
        save_verification(
            transaction,
            case,
            Verification.ATTESTATION,
            step.model_copy(update={"name": "verified"}),
            request.attested_because,
        )
    case.quote = current_quote(session, case).model_dump(mode="json")
    locked = LockedCase(case, subscription, organization, CancellationPolicy.model_validate(durations))
    notify(transaction, locked, Event.RECEIVED, step, checklist=checklist)
    return _as_opened(locked, checklist)


def _opened_before(transaction: Transaction, cancellation: str) -> OpenedCase:
    case = lock_case(transaction, cancellation)
    if Stage(case.row.stage).is_final:
        raise CancellationEnded(cancellation, Stage(case.row.stage))
    return _as_opened(case, checklist_of(transaction.session, case))


def _as_opened(case: LockedCase, checklist: Checklist) -> OpenedCase:
    return OpenedCase(
        cancellation=case.row.id,
        organization=case.organization.id,
        platform=Platform(case.organization.platform),
        checklist=checklist,
        policy=case.policy,
        received_on=case.row.received_on,
        quote=Quote.model_validate(case.row.quote),
    )


def _close_orphan(transaction: Transaction, request: OpenRequest) -> None:
    """End a case whose workflow is gone: Temporal runs one workflow per subscription, and the caller is the running one.

    A case that took effect is left to the check that follows, which finds the subscription cancelled.
    """
    orphan = transaction.session.scalar(
        select(CancellationRow).where(
            CancellationRow.subscription == request.subscription,
            CancellationRow.stage.in_([stage.value for stage in Stage if stage.before_effect]),
        )
    )
    if orphan is None:
        return
    step = cases.orphaned(orphan.id, actor=request.actor, at=request.at)
    case = lock_case(transaction, orphan.id)
    undo_lines(transaction, case, step)
    enter(transaction, case, Stage.ABANDONED, step)
