"""The update of subscription line dates: names and message."""

from temporalio.common import SearchAttributeKey

from contract.common import Message
from domain.civil_dates import CivilDate
from domain.vocabulary import Actor, Identifier

SUBSCRIPTION_LINE_DATES_UPDATE = "SubscriptionLineDatesUpdate"

QUERY_PROGRESS = "progress"
"""Of SubscriptionLineDatesUpdate: `domain.lines.runs.LineDatesProgress`, also its result; null until it has begun."""

SCHEDULED_START_TIME = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
"""Temporal's own: the instant for which a schedule started a workflow, also in a backfill."""

NIGHTLY_SCHEDULE = "subscription-line-dates"
"""The id of the schedule that runs SubscriptionLineDatesUpdate, and how its workflow ids begin."""

NIGHTLY_ACTOR = "nightly update"


class UpdateLineDates(Message):
    """Input of SubscriptionLineDatesUpdate; all of it may be left out. At most one contract or subscription is named."""

    as_of: CivilDate | None = None
    """The day as of which lines are updated. Left out: the scheduled day, also in a backfill; without a schedule, today."""
    zone: str | None = None
    """The IANA zone of the scheduled day and of today; left out, the worker's (``OFFRAMP_NIGHTLY_ZONE``)."""
    customer_contract: str | None = None
    vendor_contract: str | None = None
    subscription: Identifier | None = None
    actor: Actor = NIGHTLY_ACTOR
    """Who asks, for the audit trail."""
