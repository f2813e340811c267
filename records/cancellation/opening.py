"""The opening of a cancellation, the only way to create a case."""

from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.steps import OpenedCase, OpenRequest
from domain.cancellation.checklist import Checklist
from domain.cancellation.identity import IdentityMismatch
from domain.cancellation.lifecycle import (
    CancellationUnknown,
    SubscriptionUnknown,
)
from domain.cancellation.single_lines import LineUnknown
from domain.cases import CaseKind, CaseRef
from domain.lines.quote import Quote
from domain.refusals import Refusal
from domain.requests import refuse_reserved
from domain.vocabulary import (
    Event,
    Platform,
    Question,
    ReceiptChannel,
    Stage,
    Verification,
)
from records import audit, cases, limits, receipts, requests
from records.bulk.confirmed import confirmed_bulk_of, is_counted
from records.cancellation.admission import admit, applicant_of
from records.cancellation.answers import checklist_of, save_answers
from records.cancellation.goodwill_askers import note_part
from records.cancellation.line_ends import undo_lines
from records.cancellation.locked_case import (
    LockedCase,
    case_record,
    lock_case,
)
from records.cancellation.notices import notify
from records.cancellation.open_billing import billing_of
from records.cancellation.quotes import requote
from records.cancellation.single_lines import subscription_of, taken_over_by
from records.cancellation.transitions import enter
from records.erasure import certificate_of
from records.export import export_of, export_status
from records.marketing.stops import stop_of
from records.one_time_codes import save_verification
from records.transaction import Transaction
from storage.tables import IS_WHOLE, CancellationRow, MigrationRow, OrganizationRow, SubscriptionRow


def open_case(transaction: Transaction, request: OpenRequest) -> OpenedCase:
    """Open a cancellation with the answers known already; the same request again gets the case that it opened, as it is now.

    A request that continues a case gets that one.

    Raises:
        SubscriptionUnknown, SubscriptionAlreadyCanceled, SubscriptionTooLarge, ReasonCodeUnknown, CancellationUnknown (the
            case to continue), BackdatingNeedsReason, ReceivedBeforeEarlierEnd, LineUnknownOnDay (a receipt in the past),
            RequestIdReserved, LimitReached, and the refusals of the answers (`Checklist.answered`).

    """
    session = transaction.session
    subscription = _locked_subscription(session, request)
    if (known := _opened_before(transaction, request, subscription.id)) is not None:
        return _as_opened(transaction, known, checklist_of(session, known))
    _close_orphan(transaction, request, subscription.id)
    applicant = applicant_of(session, subscription)
    organization = applicant.organization
    start = limits.start_of(request, organization.id, organization.billing_administrator)
    bulk = confirmed_bulk_of(session, request)
    if bulk is None:
        refuse_reserved(request.request_id.removeprefix(f"{request.workflow_id}:"))
    if is_counted(bulk):
        limits.refuse_if_reached(transaction, start)
    admission = admit(session, request, subscription, applicant)
    today, checklist = admission.today, admission.checklist
    named = _next_of(session, request, subscription.id)
    case = CancellationRow(
        id=named.id,
        subscription=subscription.id,
        subscription_line=request.subscription_line,
        ordinal=named.ordinal,
        request_id=request.request_id,
        workflow_id=request.workflow_id,
        opened_by=request.actor,
        reason=request.reason,
        reason_code=request.reason_code,
        stage=Stage.INTAKE.value,
        received_at=request.at,
        received_on=today,
        **receipts.columns(request.receipt),
        time_zone=organization.time_zone,
        goodwill_reason=request.goodwill_reason,
    )
    session.add(case)
    session.flush()
    if bulk is not None:
        note_part(case, bulk.planned_by)
    requests.open_with(transaction, case, request.digest)
    step = receipts.opened(case.id, request)
    audit.record_step(
        transaction,
        f"{cases.audited_as(step)}.opened",
        step,
        after={"stage": case.stage}
        | ({"reason_code": request.reason_code} if request.reason_code else {})
        | ({"goodwill_reason": request.goodwill_reason} if request.goodwill_reason else {}),
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
    requote(session, case)
    locked = LockedCase(case, subscription, organization, applicant.policy, has_waiting_lines=False)
    notify(transaction, locked, Event.RECEIVED, step, checklist=checklist)
    if is_counted(bulk):
        limits.check_start(transaction, start, case.id)
    return _as_it_is(session, locked, checklist)


def _locked_subscription(session: Session, request: OpenRequest) -> SubscriptionRow:
    """Lock the subscription that a request names, or that of its line; raises SubscriptionUnknown, LineUnknown."""
    line = request.subscription_line
    named = request.subscription if line is None else subscription_of(session, line)
    subscription = session.get(SubscriptionRow, named, with_for_update=True)
    if subscription is None:
        raise SubscriptionUnknown(str(named))
    return subscription


def _next_of(session: Session, request: OpenRequest, subscription: str) -> CaseRef:
    if request.subscription_line is None:
        return cases.next_of(session, CaseKind.SUBSCRIPTION, subscription)
    kind = CaseKind.SUBSCRIPTION_LINE
    return cases.next_of(session, kind, request.subscription_line, subscription=subscription)


def _opened_before(transaction: Transaction, request: OpenRequest, subscription: str) -> LockedCase | None:
    """Return the case that the request opened, or that it continues, quoted anew until its dates are fixed."""
    session = transaction.session
    opened = session.scalar(select(CancellationRow).where(CancellationRow.request_id == request.request_id))
    if request.continues is not None:
        opened = session.get(CancellationRow, request.continues)
        of_request = (subscription, request.subscription_line)
        if opened is None or (opened.subscription, opened.subscription_line) != of_request:
            raise CancellationUnknown(subscription)
    elif opened is not None:
        requests.check_start(session, request.workflow_id, request.request_id, request.digest)
    if opened is None:
        return None
    known = lock_case(transaction, opened.id)
    if known.stage in (Stage.INTAKE, Stage.PREPARING):
        requote(session, known.row)
    return known


def record_refused_opening(transaction: Transaction, request: OpenRequest, refusal: Refusal) -> None:
    """Record in the audit trail of the subscription that a cancellation of it, or of its line, was refused, and count the start."""
    line = request.subscription_line
    subscription = request.subscription
    if line is not None:
        with suppress(LineUnknown):
            subscription = subscription_of(transaction.session, line)
    found = _organization_of(transaction, subscription)
    about = (found.id, found.billing_administrator) if found else (None, None)
    start = limits.start_of(request, *about)
    if isinstance(refusal, IdentityMismatch) or is_counted(confirmed_bulk_of(transaction.session, request)):
        limits.count_refused_start(transaction, start, refusal)
    audit.record_refusal(
        transaction,
        "cancellation" if line is None else "line_cancellation",
        refusal.details,
        actor=request.actor,
        at=receipts.entered_at(request),
        step=f"{line or subscription}:open:{request.request_id}:{request.digest or ''}:refused",
        subscription=subscription,
    )


def _organization_of(transaction: Transaction, subscription: str | None) -> OrganizationRow | None:
    row = transaction.session.get(SubscriptionRow, subscription) if subscription else None
    return transaction.session.get_one(OrganizationRow, row.organization) if row else None


def _as_opened(transaction: Transaction, case: LockedCase, checklist: Checklist) -> OpenedCase:
    """Return a case that was opened before, with how far it has come."""
    session, row = transaction.session, case.row
    stops_requested = audit.after_of(session, f"{row.id}:campaigns-stopped") is not None
    export, certificate = export_of(session, row.id), certificate_of(session, row.id)
    return _as_it_is(session, case, checklist).model_copy(
        update={
            "stop": stop_of(session, row.id) if stops_requested else None,
            "export": export_status(export) if export else None,
            "copies_made": export is not None or session.get(MigrationRow, row.id) is not None,
            "erased_at": certificate.finished_at if certificate else None,
            "billing": billing_of(session, case),
            "taken_over_by": taken_over_by(session, case) if case.stage in (Stage.REVERSED, Stage.WITHDRAWN) else None,
        }
    )


def _as_it_is(session: Session, case: LockedCase, checklist: Checklist) -> OpenedCase:
    """Return a case with what has its place in its own row, which is all that a new one has."""
    row = case.row
    return OpenedCase(
        cancellation=row.id,
        subscription=row.subscription,
        organization=case.organization.id,
        platform=Platform(case.organization.platform),
        checklist=checklist.sealed(row.id),
        policy=case.policy,
        received_on=row.received_on,
        quote=Quote.model_validate(row.quote).without_explanations(),
        record=case_record(session, row.id),
        received_at=row.received_at,
        entered_at=row.entered_at,
        channel=ReceiptChannel(row.channel) if row.channel else None,
        opened_by=row.opened_by,
        reason_code=row.reason_code,
        goodwill_reason=row.goodwill_reason,
        goodwill_approved_by=row.goodwill_approved_by,
    )


def _close_orphan(transaction: Transaction, request: OpenRequest, subscription: str) -> None:
    """End a case whose workflow is gone: Temporal runs one workflow per subject, and the caller is the running one.

    A case that took effect is left to the check that follows, which finds the subscription cancelled, or the line ended.
    """
    line = request.subscription_line
    orphan = transaction.session.scalar(
        select(CancellationRow).where(
            *(
                (CancellationRow.subscription == subscription, IS_WHOLE)
                if line is None
                else (CancellationRow.subscription_line == line,)
            ),
            CancellationRow.stage.in_([stage.value for stage in Stage if stage.before_effect]),
        )
    )
    if orphan is None:
        return
    step = cases.orphaned(orphan.id, actor=request.actor, at=receipts.entered_at(request))
    case = lock_case(transaction, orphan.id)
    undo_lines(transaction, case, step)
    enter(transaction, case, Stage.ABANDONED, step)
