"""The refusals of changes to subscription lines, and of wishes that cannot be met (rules, sections 4, 6 and 7)."""

from datetime import date

from domain.civil_dates import day_text, plus_days
from domain.lines.line import SubscriptionLine
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input


class LineClosed(Refusal):
    """A change to a line that is closed."""

    code = "line_closed"

    def __init__(self, line: SubscriptionLine) -> None:
        super().__init__(
            f"Line {line.id} is closed: it has ended and is fully invoiced, and its dates no longer change.",
            remedy=correct_input("Add a new line to the subscription instead."),
            line=line.id,
            end_date=line.end_date,
        )


class BilledBeyondEnd(Refusal):
    """An end date on days that are invoiced already."""

    code = "billed_beyond_end"

    def __init__(self, line: SubscriptionLine, end_date: date, next_billing_date: date) -> None:
        super().__init__(
            f"Line {line.id} cannot end on {day_text(end_date)}: it is billed until "
            f"{day_text(plus_days(next_billing_date, -1))} (next billing date {day_text(next_billing_date)}).",
            remedy=Remedy.of(RemedyKind.CREDIT_INVOICES, end_date=end_date),
            line=line.id,
            end_date=end_date,
            next_billing_date=next_billing_date,
        )


class PlannedLineExists(Refusal):
    """An end date on a line with a pending renewal or price change."""

    code = "planned_line_exists"

    def __init__(self, line: SubscriptionLine, end_date: date) -> None:
        super().__init__(
            f"Line {line.id} cannot end on {day_text(end_date)}: a planned line (a pending renewal or price change) exists.",
            remedy=correct_input("Withdraw the planned line first; a reversal of the cancellation restores it."),
            line=line.id,
            end_date=end_date,
        )


class SubsequentTermNeeded(Refusal):
    """Clearing the subsequent term of a line that has a notice period."""

    code = "notice_without_subsequent_term"

    def __init__(self, line: SubscriptionLine) -> None:
        super().__init__(
            f"The subsequent term of line {line.id} cannot be cleared while its notice period is {line.notice_period}.",
            remedy=correct_input("Clear the notice period first, or set an end date."),
            line=line.id,
            notice_period=line.notice_period,
        )


class GoodwillWishBeforeReceipt(Refusal):
    """A goodwill end before the day on which the cancellation was received."""

    code = "goodwill_wish_before_receipt"

    def __init__(self, line: SubscriptionLine, wished_on: date, received_on: date) -> None:
        super().__init__(
            f"Line {line.id} cannot end on {day_text(wished_on)} as goodwill: the cancellation was received on "
            f"{day_text(received_on)}, and goodwill ignores the deadline, not the day of receipt.",
            remedy=correct_input(f"Wish for {day_text(received_on)} or a later day."),
            line=line.id,
            wished_on=wished_on,
            received_on=received_on,
        )


class WishAfterEndDate(Refusal):
    """A wished day after the end date that the line already has."""

    code = "wish_after_end_date"

    def __init__(self, line: SubscriptionLine, wished_on: date, end_date: date) -> None:
        super().__init__(
            f"Line {line.id} already ends on {day_text(end_date)}; a cancellation cannot postpone that to {day_text(wished_on)}.",
            remedy=correct_input("Extend the line instead: change its end date."),
            line=line.id,
            wished_on=wished_on,
            end_date=end_date,
        )
