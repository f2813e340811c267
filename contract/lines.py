"""The update of subscription line dates: names and message."""

from temporalio.common import SearchAttributeKey

from contract.common import Message
from domain.civil_dates import CivilDate
from domain.vocabulary import Actor, Identifier

SUBSCRIPTION_LINE_DATES_UPDATE = "SubscriptionLineDatesUpdate"
"""The type of the workflow that updates line dates: takes `UpdateLineDates`, returns `LineDatesProgress`."""

QUERY_PROGRESS = "progress"
"""Query of SubscriptionLineDatesUpdate: returns `domain.lines.runs.LineDatesProgress`; null until it has begun."""

SCHEDULED_START_TIME = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
"""Temporal's own search attribute: the instant for which a schedule started a workflow, also in a backfill."""

NIGHTLY_SCHEDULE = "subscription-line-dates"
"""The id of the schedule that runs SubscriptionLineDatesUpdate, and the prefix of its workflow ids."""

NIGHTLY_ACTOR = "nightly update"
"""The actor of the runs that the schedule starts."""


class UpdateLineDates(Message):
    """Input of SubscriptionLineDatesUpdate; all fields are optional. At most one contract or subscription is named."""

    as_of: CivilDate | None = None
    """The day as of which lines are updated: by default the scheduled day, also in a backfill, or else today."""
    zone: str | None = None
    """The IANA zone of the scheduled day and of today; by default the worker's (``OFFRAMP_NIGHTLY_ZONE``)."""
    customer_contract: str | None = None
    vendor_contract: str | None = None
    subscription: Identifier | None = None
    actor: Actor = NIGHTLY_ACTOR
    """The requester, for the audit trail."""
