"""The reopening of a line: an end date that no case has set is taken away again (rules, section 4)."""

from datetime import date

from domain.civil_dates import day_text
from domain.lines.line import SubscriptionLine
from domain.lines.refusals import LineClosed
from domain.lines.terms import first_calculation, update_as_of
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input


class LineEndSetByCase(Refusal):
    """A request to reopen a line whose end a cancellation has set."""

    code = "line_end_set_by_cancellation"

    def __init__(self, line: str, cancellation: str) -> None:
        super().__init__(
            f"Line {line} ends by cancellation {cancellation}.",
            remedy=Remedy.of(
                RemedyKind.UNDO_CANCELLATION, cancellation=cancellation, alternative="leave the line as it is"
            ),
            line=line,
            cancellation=cancellation,
        )


class LineHasNoEnd(Refusal):
    """A request to reopen a line that has no end date."""

    code = "line_has_no_end"

    def __init__(self, line: str) -> None:
        super().__init__(
            f"Line {line} has no end date, and goes on.", remedy=Remedy.of(RemedyKind.NOTHING_TO_DO), line=line
        )


class LineOfEndedSubscription(Refusal):
    """A request to reopen a line of a subscription whose access has ended."""

    code = "line_of_ended_subscription"

    def __init__(self, line: str, subscription: str, ended_on: date) -> None:
        super().__init__(
            f"Line {line} belongs to subscription {subscription}, whose access ended on {day_text(ended_on)}.",
            remedy=correct_input(
                "Reverse the cancellation of the subscription while its window is open, or sign up anew."
            ),
            line=line,
            subscription=subscription,
            ended_on=ended_on,
        )


def reopened(line: SubscriptionLine, today: date) -> SubscriptionLine:
    """Return a line without its end date, its terms caught up to ``today``, a civil date in the organization's zone.

    A term that its end had taken away begins anew from the start date. A line that nothing extends can be ended at any time
    from then on.

    Raises:
        LineClosed, LineHasNoEnd, DateOutOfRange.

    """
    if line.closed:
        raise LineClosed(line)
    if line.end_date is None:
        raise LineHasNoEnd(str(line.id))
    goes_on = line.model_copy(update={"end_date": None})
    if goes_on.term_until is None and goes_on.subsequent_term is not None:
        goes_on = first_calculation(goes_on)
    return update_as_of(goes_on, today).line
