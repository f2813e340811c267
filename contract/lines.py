"""The update of subscription line dates: names and message."""

from typing import Annotated

from pydantic import AfterValidator
from temporalio.common import SearchAttributeKey

from contract.common import Message
from domain.civil_dates import CivilDate
from domain.vocabulary import Actor, Identifier

SUBSCRIPTION_LINE_DATES_UPDATE = "SubscriptionLineDatesUpdate"
"""The type of the workflow that updates line dates: takes `UpdateLineDates`, returns `LineDatesProgress`."""

QUERY_PROGRESS = "progress"
"""Query of SubscriptionLineDatesUpdate: returns `domain.lines.runs.LineDatesProgress`; null until it has begun."""

UPDATE_LINES_DONE = "lines_done"
"""Update of SubscriptionLineDatesUpdate, without input: waits until every due line is closed or rolled.

It returns `domain.lines.runs.LineDatesProgress`; without ``finished_at``, the run continues in another history: ask again.
"""

SCHEDULED_START_TIME = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
"""Temporal's own search attribute: the instant for which a schedule started a workflow, also in a backfill."""

NIGHTLY_SCHEDULE = "subscription-line-dates"
"""The id of the schedule that runs SubscriptionLineDatesUpdate, and the prefix of its workflow ids."""

NIGHTLY_ACTOR = "nightly update"
"""The actor of the runs that the schedule starts."""


LONGEST_NAME = 200


def _name(text: str) -> str:
    if not text.isprintable() or not 0 < len(text) <= LONGEST_NAME:
        raise ValueError(f"1 to {LONGEST_NAME} printable characters are expected")
    return text


# A validator, which the form in histories does not show: these fields once took any text.
Name = Annotated[str, AfterValidator(_name)]


def run_name(wish: "UpdateLineDates") -> str:
    """Return what an update on request is for, as the workflow ids of its runs begin."""
    scope = next(
        (
            f"{kind}:{named}"
            for kind, named in (
                ("customer-contract", wish.customer_contract),
                ("vendor-contract", wish.vendor_contract),
                ("subscription", wish.subscription),
            )
            if named is not None
        ),
        "every-line",
    )
    return f"{NIGHTLY_SCHEDULE}:{scope}:{wish.as_of or 'today'}:{wish.zone or 'here'}"


class UpdateLineDates(Message):
    """Input of SubscriptionLineDatesUpdate; all fields are optional. At most one contract or subscription is named."""

    as_of: CivilDate | None = None
    """The day as of which lines are updated: by default the scheduled day, also in a backfill, or else today."""
    zone: Name | None = None
    """The IANA zone of the scheduled day and of today; by default the worker's (``OFFRAMP_NIGHTLY_ZONE``)."""
    customer_contract: Name | None = None
    vendor_contract: Name | None = None
    subscription: Identifier | None = None
    actor: Actor = NIGHTLY_ACTOR
    """The requester, for the audit trail."""
