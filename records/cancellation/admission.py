"""The admission of a cancellation: everything by which a start is judged before a case is opened, without a write."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.steps import OpenRequest
from domain.cancellation.checklist import CaseFacts, Checklist
from domain.cancellation.lifecycle import MOST_LINES, SubscriptionAlreadyCanceled, SubscriptionTooLarge
from domain.civil_time import day_of
from domain.policy import CancellationPolicy, check_reason_code
from domain.receipt import check_after_earlier_end
from domain.vocabulary import Stage, Verification
from records import receipts
from records.cancellation.answers import facts_of
from records.cancellation.locked_case import newest_case, newest_line_case
from records.cancellation.single_lines import check_line_can_end_alone
from records.lines.rows import count_open_lines
from storage.tables import OrganizationRow, PolicyRow, SubscriptionRow


@dataclass(frozen=True)
class Applicant:
    """The organization that a start is about, with what its policy says."""

    organization: OrganizationRow
    policy: CancellationPolicy
    reason_codes: list[str] | None
    """The reasons for leaving that it lists; null for a policy that lists none."""


@dataclass(frozen=True)
class Admission:
    """What a case is opened with."""

    today: date
    """The day of receipt, in the organization's zone."""
    checklist: Checklist
    """With the answers that are known already."""


def applicant_of(session: Session, subscription: SubscriptionRow) -> Applicant:
    """Return the organization of a subscription with its policy."""
    return applicants_of(session, [subscription.organization])[subscription.organization]


def applicants_of(session: Session, organizations: Collection[str]) -> dict[str, Applicant]:
    """Return organizations with their policies, by their ids."""
    found = session.execute(
        select(OrganizationRow, PolicyRow.durations, PolicyRow.reason_codes)
        .join(PolicyRow, PolicyRow.name == OrganizationRow.policy)
        .where(OrganizationRow.id.in_(organizations))
    )
    return {
        organization.id: Applicant(organization, CancellationPolicy.model_validate(durations), reason_codes)
        for organization, durations, reason_codes in found
    }


def admit(
    session: Session,
    request: OpenRequest,
    subscription: SubscriptionRow,
    applicant: Applicant,
    *,
    open_lines: int | None = None,
    facts: CaseFacts | None = None,
) -> Admission:
    """Return what a case is opened with; ``open_lines`` and ``facts`` are given by somebody who has read them already.

    Raises:
        SubscriptionAlreadyCanceled, SubscriptionTooLarge, ReasonCodeUnknown, BackdatingNeedsReason, ReceivedBeforeEarlierEnd,
            and the refusals of the answers (`Checklist.answered`) and of a line alone (`check_line_can_end_alone`).

    """
    organization = applicant.organization
    today = day_of(request.at, organization.time_zone)
    if subscription.access_ended_on is not None:
        newest = newest_case(session, subscription.id)
        raise SubscriptionAlreadyCanceled(subscription.id, subscription.access_ended_on, newest.id if newest else "")
    receipts.check(request, zone=organization.time_zone, policy=applicant.policy)
    _check_earlier_end(session, request, subscription.id)
    if request.subscription_line is not None:
        generous = request.goodwill_reason is not None
        entered_on = day_of(receipts.entered_at(request), organization.time_zone)
        check_line_can_end_alone(session, request.subscription_line, today=max(today, entered_on), goodwill=generous)
    else:
        lines = count_open_lines(session, subscription.id) if open_lines is None else open_lines
        if lines > MOST_LINES:
            raise SubscriptionTooLarge(subscription.id, lines)
    check_reason_code(request.reason_code, applicant.reason_codes)
    facts = facts or facts_of(session, organization, subscription.id, line=request.subscription_line)
    checklist = Checklist(facts=facts).answered(request.answers, today=today)
    if request.attested_because:
        checklist = checklist.verified(Verification.ATTESTATION)
    return Admission(today, checklist)


def _check_earlier_end(session: Session, request: OpenRequest, subscription: str) -> None:
    """Raise ReceivedBeforeEarlierEnd for a stated receipt before the withdrawal or the reversal of the case before."""
    if request.receipt is None or request.receipt.entered_at is None:
        return
    line = request.subscription_line
    for newest in (newest_case(session, subscription), None if line is None else newest_line_case(session, line)):
        if newest is None or newest.ended_at is None or Stage(newest.stage) not in (Stage.WITHDRAWN, Stage.REVERSED):
            continue
        check_after_earlier_end(request.at, newest.id, newest.ended_at)
