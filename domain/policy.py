"""How patient the service is: the durations of a cancellation, by named policy."""

from datetime import timedelta
from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, ConfigDict

from domain.vocabulary import Identifier

PositiveDuration = Annotated[timedelta, Gt(timedelta(0)), Le(timedelta(days=3660))]


class CancellationPolicy(BaseModel):
    """The durations of one cancellation, and who hears of what takes too long. A running cancellation keeps the policy it was opened with.

    Durations are ISO 8601 (``P14D``, ``PT15M``) in JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    intake_timeout: PositiveDuration = timedelta(days=14)
    """How long a checklist may stay unanswered before the case is abandoned, from its opening."""
    intake_reminders: tuple[PositiveDuration, ...] = (timedelta(days=3), timedelta(days=7), timedelta(days=12))
    """When the person is reminded of open questions, each counted from the opening."""
    effect_reminder: PositiveDuration = timedelta(days=3)
    """How long before the termination day the person is reminded of it."""
    reversal_window_days: Annotated[int, Ge(1), Le(3660)] = 30
    """Whole civil days after the day access ended, in the organization's zone."""
    reversal_window: PositiveDuration | None = None
    """A window of this length from the effect instead of whole days: for demonstrations and benchmarks only."""
    reversal_reminder: PositiveDuration = timedelta(days=3)
    """How long before the deadline the person is reminded that the cancellation can still be reversed."""
    download_link_lifetime: PositiveDuration = timedelta(days=7)
    """How long the link in a mail leads to an export or a migrated copy; a fresh one can be asked for at any time."""
    acknowledgement_reminder: PositiveDuration = timedelta(days=7)
    """How often the person is reminded, once the case is closed, that an export waits to be downloaded: nothing is erased
    before."""
    migration_reminder: PositiveDuration = timedelta(days=2)
    """How long a hand-over of an on-premises migration may take before whoever must act is reminded."""
    migration_escalation: PositiveDuration = timedelta(days=5)
    """How long it may take before `migration_escalation_queue` hears of it."""
    migration_limit: PositiveDuration = timedelta(days=30)
    """How long it may take at all: then the migration and its cancellation are abandoned, and all is undone."""
    migration_escalation_queue: Identifier = "escalation"
    """The support queue that hears of what takes too long."""
    transfer_reminder: PositiveDuration = timedelta(hours=4)
    """How long the transfer itself may run before the queue is told; it is a machine's work."""
    transfer_escalation: PositiveDuration = timedelta(days=1)
    """How long the transfer itself may run before it is escalated."""
    code_lifetime: PositiveDuration = timedelta(minutes=15)
    """How long a one-time code can be used."""
    code_attempts: Annotated[int, Ge(1), Le(10)] = 4
    """How many tries a one-time code allows, and how many codes a case sends: the fifth of either is refused."""
    consent_timeout: PositiveDuration = timedelta(days=14)
    """How long the marketing service's own billing administrator has to agree that its campaigns are stopped."""
    consent_reminders: tuple[PositiveDuration, ...] = (timedelta(days=3), timedelta(days=7), timedelta(days=12))
    """When they are reminded of it, each counted from the first mail."""
    ad_centre_reminder: PositiveDuration = timedelta(days=1)
    """How long the ad centre may take to acknowledge that a campaign is stopped before it is asked again; each further
    time it gets twice as long, 30 days at most."""
