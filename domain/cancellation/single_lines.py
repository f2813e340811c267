"""The cancellation of one line while its subscription goes on: when it may begin, and what stands against it."""

from datetime import date

from domain.civil_dates import day_text
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input


class LineUnknown(Refusal):
    """An id that no subscription line has."""

    code = "subscription_line_unknown"

    def __init__(self, line: str) -> None:
        super().__init__(
            f"There is no subscription line {line!r}.",
            remedy=Remedy.of(RemedyKind.CHECK_OR_IMPORT, things="lines"),
            line=line,
        )


class LineNeverCancelled(Refusal):
    """A request about a line that was never cancelled alone."""

    code = "line_cancellation_unknown"

    def __init__(self, line: str) -> None:
        super().__init__(
            f"There is no cancellation of line {line!r} alone.",
            remedy=Remedy.of(RemedyKind.CANCEL_LINE, line=line),
            line=line,
        )


class LineEndsAlready(Refusal):
    """A cancellation of a line that has an end date, or that is closed: there is nothing to cancel."""

    code = "line_ends_already"

    def __init__(self, line: str, end_date: date | None, *, closed: bool) -> None:
        ended = f" on {day_text(end_date)}" if end_date is not None else ""
        super().__init__(
            f"Line {line} {'has ended' if closed else 'ends'}{ended} already; there is nothing to cancel.",
            remedy=correct_input(
                "A closed line stays as it is; add a new line instead."
                if closed
                else "Goodwill can end a customer's line earlier; to let it go on, reopen it."
            ),
            line=line,
            end_date=end_date,
        )


class LastCustomerLine(Refusal):
    """A cancellation of the last line of the customer that goes on: that is a cancellation of the subscription."""

    code = "last_customer_line"

    def __init__(self, line: str, subscription: str) -> None:
        super().__init__(
            f"Line {line} is the last line of the customer in subscription {subscription} that goes on: without it the "
            "subscription ends.",
            remedy=Remedy.of(RemedyKind.CANCEL_WHOLE, subscription=subscription),
            line=line,
            subscription=subscription,
        )


class SubscriptionBeingCancelled(Refusal):
    """A cancellation of a line whose whole subscription is being cancelled."""

    code = "subscription_being_cancelled"

    def __init__(self, line: str, subscription: str, cancellation: str) -> None:
        super().__init__(
            f"Line {line} ends with its subscription {subscription}, which {cancellation} cancels.",
            remedy=Remedy.of(
                RemedyKind.UNDO_CANCELLATION,
                cancellation=cancellation,
                alternative="correct it, if the subscription is to end on another day",
            ),
            line=line,
            subscription=subscription,
            cancellation=cancellation,
        )


ENDED_OTHERWISE = "the line ends with its subscription, or has ended, before this cancellation fixed its end"
"""The reason of a line's cancellation that something else has overtaken."""

TAKEN_OVER = "the cancellation of the line alone was undone, so that it ends with its subscription"
"""The reason for which a cancellation of a subscription ends one more line."""
