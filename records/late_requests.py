"""Requests after the end of a case, when no workflow is left to answer them.

One mechanism for every kind of case: the request is checked against the rules that the running case would apply, and the
refusal is audited as the running case would audit it. A case that has not ended should have a workflow: the request is refused
until it has one again, and can then be repeated under the same id. The functions return the refusal instead of raising it, because the
transaction that holds the audit row must be committed.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

import contract
from contract.steps import CampaignStop, RequestMade, Step, request_in_key
from domain.cancellation.corrections import check_correction
from domain.cancellation.lifecycle import (
    CancellationEnded,
    CancellationUnknown,
    check_reversal,
    check_withdrawal,
)
from domain.cancellation.single_lines import LineNeverCancelled
from domain.cases import CaseNotRunning
from domain.marketing import MarketingCancellationEnded, MarketingCancellationUnknown, MarketingStage
from domain.migration import MigrationEnded, MigrationOfAnotherCase, MigrationUnknown
from domain.refusals import Refusal
from domain.requests import RequestOfAnotherCase
from domain.vocabulary import Channel, Stage
from records import audit, outbox, requests
from records.cancellation.locked_case import newest_case, newest_line_case
from records.cancellation.zones import zone_of
from records.export import check_export
from records.marketing.locked_case import newest_marketing_case
from records.marketing.stops import acknowledge_stop
from records.migration.lists import migration_of
from records.transaction import Transaction
from storage.tables import CancellationRow


@dataclass(frozen=True)
class LateRequest:
    """A request that found no running workflow."""

    name: str
    """The name of the update."""
    update_id: str
    """The id of the update; the same for a repetition, which leaves no second audit row."""
    message: contract.Request
    at: datetime
    made: RequestMade | None = None
    """The marks by which a repetition is recognized."""


@dataclass(frozen=True)
class LateAcknowledgement:
    """The result of an acknowledgement by the ad centre that reached a case after its end."""

    stop: CampaignStop
    last_message: dict[Channel, int]
    """The newest message of the case on each channel, up to which messages are to be delivered."""


def refuse_of_cancellation(transaction: Transaction, subscription: str, request: LateRequest) -> Refusal:
    """Return the refusal of a request to a cancellation of a subscription, and audit it.

    It is the one that the request names, or else the newest. CancellationUnknown, where there never was one, has no case under which it could be audited.
    """
    case = newest_case(transaction.session, subscription)
    return CancellationUnknown(subscription) if case is None else _refused(transaction, case, request)


def refuse_of_line(transaction: Transaction, line: str, request: LateRequest) -> Refusal:
    """Return the refusal of a request to a cancellation of a line alone, and audit it, as `refuse_of_cancellation` does.

    LineNeverCancelled, where there never was one, has no case under which it could be audited.
    """
    case = newest_line_case(transaction.session, line)
    return LineNeverCancelled(line) if case is None else _refused(transaction, case, request)


def _refused(transaction: Transaction, case: CancellationRow, request: LateRequest) -> Refusal:
    refusal: Refusal
    named = request.message.cancellation if isinstance(request.message, contract.AboutCase) else None
    earlier = transaction.session.get(CancellationRow, named or case.id)
    subject = (case.subscription, case.subscription_line)
    if earlier is None or (earlier.subscription, earlier.subscription_line) != subject:
        refusal = RequestOfAnotherCase(case.id, str(named))
    else:
        case = earlier
        refusal = _refusal_of(transaction.session, case, request)
    return _audited(transaction, request, refusal, cancellation=case.id, subscription=case.subscription)


def refuse_of_marketing(transaction: Transaction, organization: str, request: LateRequest) -> Refusal:
    """Return the refusal of a request to the newest cancellation of a marketing service alone, and audit it.

    MarketingCancellationUnknown, where there never was one, has no case under which it could be audited.
    """
    case = newest_marketing_case(transaction.session, organization)
    if case is None:
        return MarketingCancellationUnknown(organization)
    stage = MarketingStage(case.stage)
    refusal: Refusal = MarketingCancellationEnded(case.id, stage) if stage.is_final else CaseNotRunning(case.id, stage)
    named = request.message.cancellation if isinstance(request.message, contract.AboutCase) else None
    if named not in (None, case.id):
        refusal = RequestOfAnotherCase(case.id, str(named))
    return _audited(transaction, request, refusal, cancellation=case.id)


def refuse_of_migration(transaction: Transaction, subscription: str, request: LateRequest) -> Refusal:
    """Return the refusal of a request to a migration, and audit it under the cancellation that the request names.

    MigrationUnknown, where that has none, has no case under which it could be audited.
    """
    named = request.message.cancellation if isinstance(request.message, contract.AboutMigration) else ""
    found = migration_of(transaction.session, named)
    if found is None:
        return MigrationUnknown(subscription)
    refusal: Refusal
    if found.subscription != subscription:
        refusal = MigrationOfAnotherCase(subscription, found.cancellation)
    elif found.stage.is_final:
        refusal = MigrationEnded(found.cancellation, found.stage)
    else:
        refusal = CaseNotRunning(found.cancellation, found.stage)
    return _audited(
        transaction, request, refusal, cancellation=found.cancellation, subscription=subscription, kind="migration"
    )


def acknowledge_late(
    transaction: Transaction, case: str, campaign: str, request: LateRequest
) -> LateAcknowledgement | Refusal:
    """Record the ad centre's acknowledgement that a campaign is stopped, which counts after the end of a case too.

    Returns the state of the case's campaigns, or the refusal, which is audited: StopNotRequested, StopOfAnotherCase.
    """
    name, actor = f"{request.name}:{request_in_key(request.name, request.update_id)}", request.message.actor
    step = Step(cancellation=case, name=name, actor=actor, at=request.at, request=request.made)
    # The installation's channels are those on which this case was announced.
    session = transaction.session
    on_its_channels = Transaction(session, frozenset(outbox.last_of(session, case)))
    try:
        stop = acknowledge_stop(on_its_channels, step, campaign)
    except Refusal as refusal:
        return _audited(transaction, request, refusal, cancellation=case, subscription=step.case.subscription)
    requests.accept(transaction, step)
    return LateAcknowledgement(stop, outbox.last_of(session, case))


def _refusal_of(session: Session, case: CancellationRow, request: LateRequest) -> Refusal:
    stage, message = Stage(case.stage), request.message
    if not stage.is_final:
        return CaseNotRunning(case.id, stage)
    try:
        if request.name == contract.REQUEST_REVERSAL:
            zone = zone_of(session, case)
            check_reversal(case.id, stage, asked_at=request.at, deadline=case.reversal_deadline, zone=zone)
        elif request.name == contract.UPDATE_WITHDRAW:
            check_withdrawal(case.id, stage)
        elif request.name == contract.UPDATE_CORRECT:
            check_correction(case.id, stage)
        elif isinstance(message, contract.AcknowledgeExport | contract.RenewExportLink):
            check_export(session, case.id, message.export)
    except Refusal as refusal:
        return refusal
    return CancellationEnded(case.id, stage)


def _audited(
    transaction: Transaction,
    request: LateRequest,
    refusal: Refusal,
    *,
    cancellation: str,
    subscription: str | None = None,
    kind: str = "",
) -> Refusal:
    """Audit a refusal under the step and the name that a running case of its kind uses, and return it.

    A request that only lacks a workflow has a step of its own: repeated, it must not find itself answered.
    """
    is_final = not isinstance(refusal, CaseNotRunning)
    outcome = "refused" if is_final else "not_running"
    answered = request_in_key(request.name, request.update_id)
    name = f"{f'{kind}-' if kind else ''}{request.name}:{answered}:{outcome}"
    actor, made = request.message.actor, request.made
    step = Step(cancellation=cancellation, name=name, actor=actor, at=request.at, request=made)
    if is_final:
        requests.refuse(transaction, step, refusal.details)
    audit.record_refusal(
        transaction,
        f"{kind}_{request.name}" if kind else request.name,
        refusal.details,
        actor=step.actor,
        at=step.at,
        step=step.key,
        subscription=subscription,
        cancellation=cancellation,
    )
    return refusal
