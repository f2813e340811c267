"""The update of subscription line dates: names and message."""

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator
from temporalio.common import SearchAttributeKey

from contract.common import Signed
from domain.actors import NIGHTLY_UPDATE
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


LONGEST_NAME = 200


def _name(text: str) -> str:
    if not text.isprintable() or not 0 < len(text) <= LONGEST_NAME:
        raise ValueError(f"1 to {LONGEST_NAME} printable characters are expected")
    return text


# A validator, which the form in histories does not show: these fields once took any text.
Name = Annotated[str, AfterValidator(_name)]


# A day's distance from the ends of the calendar, so that the instant has a civil date in every zone.
Instant = Annotated[
    AwareDatetime, Field(ge=datetime(1, 1, 3, tzinfo=UTC)), Field(le=datetime(9999, 12, 29, tzinfo=UTC))
]


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
    day = wish.as_of or (wish.instant.astimezone(UTC).isoformat() if wish.instant else "today")
    return f"{NIGHTLY_SCHEDULE}:{scope}:{day}:{wish.zone or 'here'}{':forced' if wish.force else ''}"


class UpdateLineDates(Signed):
    """Input of SubscriptionLineDatesUpdate; all fields are optional. At most one contract or subscription is named."""

    as_of: CivilDate | None = None
    """The day as of which the lines of every organization are updated, instead of its own day at ``instant``."""
    instant: Instant | None = None
    """The instant whose day in the zone of each organization is the day of its lines: by default the scheduled one, also in a
    backfill, or else now. Not together with ``as_of``."""
    force: bool = False
    """True to update ahead of the day that a zone has reached, or of the instant."""
    zone: Name | None = None
    """The IANA zone in which the instant is shown; by default the worker's (``OFFRAMP_NIGHTLY_ZONE``)."""
    customer_contract: Name | None = None
    vendor_contract: Name | None = None
    subscription: Identifier | None = None
    actor: Actor = NIGHTLY_UPDATE
    """The requester, for the audit trail."""

    @model_validator(mode="after")
    def _one_day(self) -> Self:
        if self.as_of is not None and self.instant is not None:
            raise ValueError("as_of and instant exclude each other")
        return self
