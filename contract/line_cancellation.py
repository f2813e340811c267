"""The cancellation of one subscription line while its subscription goes on: names, workflow id, start and status.

Its other requests are those of the cancellation of a subscription (`contract.cancellation`).
"""

from datetime import date

from pydantic import Field

from contract.cancellation import Answers, Goodwill, ReversibleStatus
from contract.common import Attestation, Message, ReasonCodeText, ReceivedRequest
from domain.vocabulary import Identifier, LineCancellationId, Reason

SUBSCRIPTION_LINE_CANCELLATION = "SubscriptionLineCancellation"
"""The type of the workflow that cancels one line: takes `StartLineCancellation`, returns `LineCancellationStatus`."""


SIGNAL_LINE_TAKEN_OVER = "line_taken_over"
"""Signal to SubscriptionCancellation: takes `LineTakenOver`."""


def line_cancellation_workflow_id(line: str) -> str:
    """Return the only workflow id under which a line can be cancelled alone."""
    return f"line-cancellation:{line}"


class StartLineCancellation(ReceivedRequest):
    """Input of SubscriptionLineCancellation, and of its update ``receive``."""

    subscription_line: Identifier
    request_id: str = Field(default="", max_length=200, pattern=r"^[^\x00]*$")
    """Distinguishes one request from another; a repetition of the same request has the same id."""
    answers: Answers = {}
    """Answers that are already known, as in StartCancellation. ``termination_date`` is the wished last day of the line, or
    ``end_of_term`` for the earliest one; ``data`` and ``campaigns`` are not asked about."""
    attestation: Attestation | None = None
    goodwill: Goodwill | None = None
    reason: Reason | None = None
    """As in StartCancellation."""
    reason_code: ReasonCodeText | None = None
    """As in StartCancellation."""
    continues: LineCancellationId | None = None
    """As in StartCancellation."""


class LineTakenOver(Message):
    """Notice to the cancellation of a subscription that it ends one more line, whose own cancellation was undone."""

    line: str


class LineCancellationStatus(ReversibleStatus):
    """The status of the cancellation of one line; fields mean the same as in `CancellationStatus`."""

    subscription_line: Identifier
    line_ends_on: date | None = None
    """The last day on which the line is billed, as it is decided now; the customer's wish is ``termination_date``."""
