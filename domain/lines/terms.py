"""The dates of a subscription line: first calculation, edits, the nightly update, setting an end date (rules, 3 to 6).

Every function takes a line and returns a new one; the days it needs are passed in, none is read from a clock.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.civil_dates import end_of_month, is_end_of_month, plus_days
from domain.lines.date_formula import DateFormula
from domain.lines.line import (
    EndBeforeStart,
    InitialTermTooShort,
    SubscriptionLine,
    SubsequentTermStandsStill,
    ends_before_start,
)
from domain.lines.refusals import BilledBeyondEnd, LineClosed, PlannedLineExists, SubsequentTermNeeded

Action = Literal["closed", "rolled", "unchanged"]


class LineUpdate(BaseModel):
    """The result of the nightly update for one line."""

    model_config = ConfigDict(frozen=True)

    line: SubscriptionLine
    action: Action


def shifted(day: date, formula: DateFormula) -> date:
    """Return ``day`` moved by ``formula`` with the month-end rule (rules, section 3).

    If ``day`` is the last of its month and the formula is made of months, quarters and years, so is the result:
    31.12 - 3M = 30.09, 30.09 + 3M = 31.12. **Deviation** from Business Central, which applies the rule to every formula, so
    that 31.12 - 14D stays on 31.12. Raises `DateOutOfRange`.
    """
    result = formula.apply(day)
    return end_of_month(result) if formula.month_based and is_end_of_month(day) else result


def deadline_for(term_until: date, notice_period: DateFormula | None) -> date:
    """Return the last day on which a cancellation ends the line on ``term_until``: that day itself without a notice period.

    Raises `DateOutOfRange`.
    """
    return term_until if notice_period is None else shifted(term_until, notice_period.reversed())


def first_calculation(line: SubscriptionLine) -> SubscriptionLine:
    """Return the line with its dates calculated as on its creation or a change of its start date (rules, section 4).

    The terms from the start date use plain arithmetic: the month-end rule is about dates at the end of a term. A closed
    line is returned as it is. Raises `DateOutOfRange`, `InitialTermTooShort`.
    """
    if line.closed:
        return line
    end_date = line.end_date
    if line.initial_term is not None:
        initial_end = plus_days(line.initial_term.apply(line.start_date), -1)
        if initial_end < line.start_date:
            raise InitialTermTooShort(line.initial_term, line.start_date)
        if line.subsequent_term is None:
            end_date = initial_end
    first_term = line.initial_term or line.notice_period
    term_until = end_date
    if term_until is None and line.subsequent_term is not None and first_term is not None:
        term_until = plus_days(first_term.apply(line.start_date), -1)
    return _with_term(line, term_until, end_date=end_date)


def with_term_until(line: SubscriptionLine, term_until: date | None) -> SubscriptionLine:
    """Return the line with another term until; with a notice period, the deadline is calculated from it once.

    Clearing it then clears the deadline too. Raises `LineClosed`, `DateOutOfRange`.
    """
    _refuse_closed(line)
    if line.notice_period is None:
        return line.model_copy(update={"term_until": term_until})
    return _with_term(line, term_until)


def with_cancellation_possible_until(line: SubscriptionLine, deadline: date | None) -> SubscriptionLine:
    """Return the line with another deadline; with a notice period, term until is calculated from it once.

    Clearing it then clears term until too. Raises `LineClosed`, `DateOutOfRange`.
    """
    _refuse_closed(line)
    changes: dict[str, date | None] = {"cancellation_possible_until": deadline}
    if line.notice_period is not None:
        changes["term_until"] = None if deadline is None else shifted(deadline, line.notice_period)
    return line.model_copy(update=changes)


def with_notice_period(line: SubscriptionLine, notice_period: DateFormula | None) -> SubscriptionLine:
    """Return the line with another notice period; with a term until, the deadline is recalculated.

    Raises `LineClosed`, `FormulaNegative`, `DateOutOfRange`.
    """
    _refuse_closed(line)
    revised = line.revised(notice_period=notice_period)
    return revised if line.term_until is None else _with_term(revised, line.term_until)


def with_subsequent_term(line: SubscriptionLine, subsequent_term: DateFormula | None) -> SubscriptionLine:
    """Return the line with another subsequent term; no date changes until the line is next rolled.

    Raises `LineClosed`, `SubsequentTermNeeded`, `FormulaNegative`, `SubsequentTermStandsStill`.
    """
    _refuse_closed(line)
    if subsequent_term is None and line.notice_period is not None:
        raise SubsequentTermNeeded(line)
    return line.revised(subsequent_term=subsequent_term)


def deadline_of(line: SubscriptionLine) -> date | None:
    """Return the last day of receipt in due time: without a notice period, term until itself (rules, sections 5 and 7).

    None if the line has neither a deadline nor a term to end.
    """
    if line.notice_period is None:
        return line.term_until
    return line.cancellation_possible_until or line.term_until


def reference_date(line: SubscriptionLine) -> date:
    """Return the date after which the line is due to be rolled (rules, section 5)."""
    return deadline_of(line) or line.start_date


def next_term_end(line: SubscriptionLine, term_until: date | None, subsequent_term: DateFormula) -> date:
    """Return the end of the term after ``term_until``; without one, of the first term from the start date."""
    source = term_until or plus_days(line.start_date, -1)
    following = shifted(source, subsequent_term)
    if following <= source:  # validation excludes this; an endless loop must not depend on that
        raise SubsequentTermStandsStill(subsequent_term)
    return following


def extend_until(
    line: SubscriptionLine,
    term_until: date | None,
    subsequent_term: DateFormula,
    goal: date,
    reached: Callable[[date], bool],
) -> tuple[date, int]:
    """Extend by ``subsequent_term``, at least once, until ``reached`` is true of the end of the term.

    ``reached`` must be false for term ends before ``goal``: a term of a fixed number of days jumps there without
    visiting every term between, so that a line left alone for centuries takes no longer than one left alone for a night. Returns the
    end of the term and the number of extensions. Raises `DateOutOfRange`.
    """
    following, times = next_term_end(line, term_until, subsequent_term), 1
    step = subsequent_term.fixed_days
    if step is not None and following < goal:
        jumps = -((following - goal).days // step)
        following, times = plus_days(following, jumps * step), times + jumps
    while not reached(following):
        following, times = next_term_end(line, following, subsequent_term), times + 1
    return following, times


def update_as_of(line: SubscriptionLine, today: date) -> LineUpdate:
    """Apply the nightly update to one line: close it, else roll it, else leave it (rules, section 5).

    ``today`` is the scheduled date of the job. A run that missed nights does in one go what they would have done, and a
    second run changes nothing. **Deviation** from Business Central: a frozen line is closed when due, but never rolled. An
    end date alone freezes nothing; as in Business Central, such a line is rolled until it is closed. Raises `DateOutOfRange`.
    """
    if line.closed:
        return LineUpdate(line=line, action="unchanged")
    if is_due_to_close(line, today):
        cleared = {"closed": True, "term_until": None, "cancellation_possible_until": None}
        return LineUpdate(line=line.model_copy(update=cleared), action="closed")
    subsequent, notice = line.subsequent_term, line.notice_period
    if line.frozen or subsequent is None or today <= reference_date(line):
        return LineUpdate(line=line, action="unchanged")
    term_until, _ = extend_until(
        line, line.term_until, subsequent, today, lambda end: deadline_for(end, notice) >= today
    )
    return LineUpdate(line=_with_term(line, term_until), action="rolled")


def is_due_to_close(line: SubscriptionLine, today: date) -> bool:
    """Return true if the line is past its end date, billed exactly up to it, and has no open billing line."""
    return (
        line.end_date is not None
        and today > line.end_date
        and line.next_billing_date is not None
        and line.end_date.toordinal() == line.next_billing_date.toordinal() - 1
        and not line.open_billing_line
    )


def is_billed_beyond(line: SubscriptionLine, end_date: date) -> bool:
    """Return true if days after ``end_date`` are invoiced. Billed exactly up to it is not beyond: "terminated"."""
    return line.next_billing_date is not None and end_date.toordinal() < line.next_billing_date.toordinal() - 1


def provision_end_date(lines: Iterable[SubscriptionLine]) -> date | None:
    """Return a subscription's provision end date: the latest end date of its lines once all are closed, else None."""
    every = list(lines)
    if not every or not all(line.closed for line in every):
        return None
    return max((line.end_date for line in every if line.end_date is not None), default=None)


def check_end_date(line: SubscriptionLine, end_date: date, *, has_planned_line: bool) -> None:
    """Refuse an end date that must not be set (rules, section 6).

    Raises `LineClosed`, `EndBeforeStart`, `PlannedLineExists` or `BilledBeyondEnd`, in this order: the last is the one that
    takes most work to resolve.
    """
    _refuse_closed(line)
    if ends_before_start(end_date, line.start_date):
        raise EndBeforeStart(end_date, line.start_date)
    if has_planned_line:
        raise PlannedLineExists(line, end_date)
    if line.next_billing_date is not None and is_billed_beyond(line, end_date):
        raise BilledBeyondEnd(line, end_date, line.next_billing_date)


def with_end_date(
    line: SubscriptionLine, end_date: date | None, today: date, *, has_planned_line: bool = False
) -> SubscriptionLine:
    """Return the line with another end date, or with none; one before ``today`` clears term until and the deadline.

    Otherwise the two dates stay as they are: they do not depend on the end date. Raises like `check_end_date`.
    """
    if end_date is None:
        _refuse_closed(line)
        return line.model_copy(update={"end_date": None})
    check_end_date(line, end_date, has_planned_line=has_planned_line)
    changes: dict[str, date | None] = {"end_date": end_date}
    if end_date < today:
        changes |= {"term_until": None, "cancellation_possible_until": None}
    return line.model_copy(update=changes)


def _with_term(line: SubscriptionLine, term_until: date | None, **changes: date | None) -> SubscriptionLine:
    """Return the line with this term until, and the deadline that follows from it and the notice period, if any."""
    deadline = None
    if term_until is not None and line.notice_period is not None:
        deadline = deadline_for(term_until, line.notice_period)
    return line.model_copy(update={**changes, "term_until": term_until, "cancellation_possible_until": deadline})


def _refuse_closed(line: SubscriptionLine) -> None:
    if line.closed:
        raise LineClosed(line)
