"""The named policies by which organizations are served: the durations of a cancellation, and the reasons for leaving."""

from collections.abc import Collection
from datetime import timedelta
from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, ConfigDict

from domain.refusals import Refusal
from domain.remedies import correct_input
from domain.vocabulary import Identifier, ReasonCode, identifier_in

STANDARD_REASON_CODES: tuple[ReasonCode, ...] = (
    "too_expensive",
    "missing_features",
    "switched_service",
    "unused",
    "customer_service",
    "too_complex",
    "low_quality",
    "other",
)
"""The reasons for leaving of a policy that names none of its own."""

MOST_REASON_CODES = 100
"""The number of reasons for leaving that a policy names at most."""

STANDARD_RETENTION = 24
"""The months after a case's end after which its personal data is removed, under a policy that names no others."""

LONGEST_RETENTION = 240
"""The most months that a policy may name."""

PositiveDuration = Annotated[timedelta, Gt(timedelta(0)), Le(timedelta(days=3660))]


class CancellationPolicy(BaseModel):
    """The durations of one cancellation, and the queue for escalations.

    A running cancellation keeps the policy that it was opened with. Durations are ISO 8601 (``P14D``, ``PT15M``) in
    JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    intake_timeout: PositiveDuration = timedelta(days=14)
    """The time from the opening of a case until it is abandoned if its checklist stays unanswered."""
    intake_reminders: tuple[PositiveDuration, ...] = (timedelta(days=3), timedelta(days=7), timedelta(days=12))
    """The times from the opening to each reminder of open questions."""
    backdating_days: Annotated[int, Ge(0), Le(3660)] = 14
    """Whole civil days before the day of entry, in the organization's zone: a receipt before them is stated with a reason."""
    effect_reminder: PositiveDuration = timedelta(days=3)
    """The time between the reminder of the termination day and that day."""
    reversal_window_days: Annotated[int, Ge(1), Le(3660)] = 30
    """Whole civil days after the day access ended, in the organization's zone."""
    reversal_window: PositiveDuration | None = None
    """A window of this length from the effect, instead of whole days: for demonstrations and benchmarks only."""
    reversal_reminder: PositiveDuration = timedelta(days=3)
    """The time between the reminder that the cancellation can still be reversed and the deadline for that."""
    download_link_lifetime: PositiveDuration = timedelta(days=7)
    """The lifetime of the link in a mail to an export or a migrated copy; a fresh one can be requested at any time."""
    acknowledgement_reminder: PositiveDuration = timedelta(days=7)
    """The interval of the reminders, once the case is closed, that an export waits for download: nothing is erased
    before."""
    migration_reminder: PositiveDuration = timedelta(days=2)
    """The time that a hand-over of an on-premises migration may take before the party that must act is reminded."""
    migration_escalation: PositiveDuration = timedelta(days=5)
    """The time that it may take before `migration_escalation_queue` is notified."""
    migration_limit: PositiveDuration = timedelta(days=30)
    """The time that it may take at all: then the migration and its cancellation are abandoned, and all is undone."""
    migration_escalation_queue: Identifier = "escalation"
    """The support queue that is notified when a hand-over takes too long."""
    transfer_reminder: PositiveDuration = timedelta(hours=4)
    """The time that the transfer itself, a machine's work, may run before the queue is notified."""
    transfer_escalation: PositiveDuration = timedelta(days=1)
    """The time that the transfer itself may run before it is escalated."""
    credit_memo_reminders: tuple[PositiveDuration, ...] = (timedelta(days=7), timedelta(days=14))
    """The times from the request for credit memos to each reminder of `billing_queue`."""
    credit_memo_escalation: PositiveDuration = timedelta(days=21)
    """The time from that request until `credit_memo_escalation_queue` is notified."""
    billing_queue: Identifier = "billing"
    """The support queue that posts credit memos."""
    credit_memo_escalation_queue: Identifier = "escalation"
    """The support queue that is notified when credit memos take too long."""
    code_lifetime: PositiveDuration = timedelta(minutes=15)
    """The lifetime of a one-time code."""
    code_attempts: Annotated[int, Ge(1), Le(10)] = 4
    """The number of attempts that a one-time code allows, and of codes per case: the next of either is refused."""
    consent_timeout: PositiveDuration = timedelta(days=14)
    """The time that the marketing service's own billing administrator has to agree that its campaigns are stopped."""
    consent_reminders: tuple[PositiveDuration, ...] = (timedelta(days=3), timedelta(days=7), timedelta(days=12))
    """The times from the first mail to each reminder of it."""
    system_task_reminder: PositiveDuration = timedelta(days=1)
    """The time that a registered system may take to confirm its task before it is asked again; doubled each further time, up
    to 30 days."""
    system_task_escalation_queue: Identifier = "escalation"
    """The support queue that is notified when a system without an owner confirms nothing."""
    ad_centre_reminder: PositiveDuration = timedelta(days=1)
    """The time that the ad centre may take to acknowledge that a campaign is stopped before it is asked again; doubled
    each further time, up to 30 days."""


class ReasonCodeUnknown(Refusal):
    """A reason for leaving that the organization's policy does not list."""

    code = "reason_code_unknown"

    def __init__(self, reason_code: str, allowed: Collection[str]) -> None:
        name = identifier_in(reason_code)
        super().__init__(
            f"{repr(name) if name else 'What is given'} is not a reason for leaving of this organization's policy.",
            remedy=correct_input(f"Give one of {', '.join(allowed)}, and everything else in words as the reason."),
            reason_code=name,
            allowed=",".join(allowed),
        )


def check_reason_code(reason_code: str | None, policys_own: Collection[ReasonCode] | None) -> None:
    """Raise ReasonCodeUnknown unless the policy lists the reason for leaving; a policy without a list has the standard one."""
    allowed = STANDARD_REASON_CODES if policys_own is None else policys_own
    if reason_code is not None and reason_code not in allowed:
        raise ReasonCodeUnknown(reason_code, allowed)
