"""The end of a line: the one function behind quotes and cancellations (rules, section 7)."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.civil_dates import DateOutOfRange, plus_days
from domain.lines.date_formula import DateFormula
from domain.lines.explanation import OneStatement, Statement, StatementCode, Statements, statement
from domain.lines.line import Partner, SubscriptionLine, ends_before_start
from domain.lines.refusals import GoodwillWishBeforeReceipt, LineClosed, WishAfterEndDate
from domain.lines.terms import deadline_for, deadline_of, extend_until, is_billed_beyond, next_term_end, reference_date

Rule = Literal[1, 2, 3, 4, 5, 6]

_SPELLED_OUT = 3
"""The number of extensions explained one by one before the rest are counted."""


class LineDecision(BaseModel):
    """The end of one line if a cancellation is received on a given day, and the reasons."""

    model_config = ConfigDict(frozen=True)

    line_id: str
    received_on: date
    wished_on: date
    """The day the organization asked for (access ends on); the day of receipt if it named none."""
    end_date: date
    """The last billed day (billing ends on)."""
    rule: Rule
    """The number of the rule, of six, that gave the regular end (rules, section 7)."""
    in_due_time: bool
    """True if the deadline stored on the line was met, or if there was none to meet."""
    billed_beyond_end: bool
    """True if days after the end are invoiced, so that credit memos must come first."""
    explanation: Statements
    """The steps to the end date; empty in a status, where the record has them."""
    one_day_later: date | None
    """The end date if the cancellation had been received a day later; None if it would have been refused."""
    one_day_later_explanation: OneStatement | None = None
    """The difference that a day would have made; null where there are no steps."""


def decide(
    line: SubscriptionLine, received_on: date, wished_on: date | None = None, *, goodwill: bool = False
) -> LineDecision:
    """Decide when ``line`` ends if its cancellation is received on ``received_on`` and wished for ``wished_on``.

    The end date, ``billed_beyond_end`` and ``one_day_later`` do not depend on whether the nightly update as of
    ``received_on`` has run: both extend by the same function. ``rule``, ``in_due_time`` and the explanation speak of the
    deadline that is stored on the line, which an update may have replaced by the next one. An update as of a *later* day
    cannot be undone here: for a cancellation that was entered late, decide on the line as it was on the day of receipt.

    Where the rules are silent: the deadline of a line that has a notice period but no deadline stored is its term until, as
    in the nightly update; a line with neither date gets its first term from the start date; a wish after the end of a term
    that nothing extends is taken as it is; a closed line keeps its end date, goodwill or not.

    Raises `GoodwillWishBeforeReceipt`, `WishAfterEndDate` (only for a wish that was expressed), `LineClosed` (for a closed
    line without end date), `DateOutOfRange`.
    """
    reached = _conclude(line, received_on, wished_on, goodwill=goodwill)
    steps = [*reached.steps, statement(StatementCode.LINE_ENDS, end_date=reached.end)]
    beyond = is_billed_beyond(line, reached.end)
    if beyond and line.next_billing_date is not None:
        billed_until = plus_days(line.next_billing_date, -1)
        steps.append(statement(StatementCode.BILLED_BEYOND_END, billed_until=billed_until))
    later, difference = _one_day_later(line, received_on, wished_on, reached.end, goodwill=goodwill)
    return LineDecision(
        line_id=line.id,
        received_on=received_on,
        wished_on=wished_on or received_on,
        end_date=reached.end,
        rule=reached.rule,
        in_due_time=reached.in_due_time,
        billed_beyond_end=beyond,
        explanation=steps,
        one_day_later=later,
        one_day_later_explanation=difference,
    )


def wish_for(line: SubscriptionLine, wished_on: date | None, *, goodwill: bool = False) -> date | None:
    """Return the wish of a whole subscription as it concerns one line: none where an end date is set, which stays.

    Goodwill brings forward the end date of a customer's line.
    """
    return wished_on if line.end_date is None or (goodwill and line.partner is Partner.CUSTOMER) else None


@dataclass(slots=True)
class _Conclusion:
    """A decision in the making: the end found so far and the steps that led there."""

    rule: Rule
    end: date
    in_due_time: bool = True
    steps: list[Statement] = field(default_factory=list)

    def because(self, code: StatementCode, **values: date | DateFormula | int) -> None:
        """Add a step."""
        self.steps.append(statement(code, **values))


def _conclude(line: SubscriptionLine, received_on: date, wished_on: date | None, *, goodwill: bool) -> _Conclusion:
    wish = wished_on or received_on
    unbound = goodwill and line.partner is Partner.VENDOR
    goodwill = goodwill and not unbound
    if goodwill and wish < received_on:
        raise GoodwillWishBeforeReceipt(line, wish, received_on)
    if line.end_date is not None and (line.closed or not goodwill):
        return _end_date_stays(line, line.end_date, wished_on, goodwill=goodwill)
    if line.closed:
        raise LineClosed(line)
    if goodwill:
        found = _goodwill(line, received_on, wish)
    else:
        found = _regular_end(line, received_on)
        _take_wish(line, found, wish, expressed=wished_on is not None)
    if unbound:
        found.steps.insert(0, statement(StatementCode.GOODWILL_BINDS_NO_VENDOR))
    if ends_before_start(found.end, line.start_date):
        found.end = plus_days(line.start_date, -1)
        found.because(StatementCode.NEVER_STARTS, start_date=line.start_date, end_date=found.end)
    return found


def _end_date_stays(line: SubscriptionLine, end_date: date, wished_on: date | None, *, goodwill: bool) -> _Conclusion:
    """Apply rule 2, the end date already set."""
    if wished_on is not None and wished_on > end_date and not goodwill:
        raise WishAfterEndDate(line, wished_on, end_date)
    return _Conclusion(2, end_date, steps=[statement(StatementCode.END_DATE_SET, end_date=end_date)])


def _goodwill(line: SubscriptionLine, received_on: date, wish: date) -> _Conclusion:
    """Apply rule 1, the deadline ignored."""
    deadline = deadline_of(line)
    met = deadline is None or received_on <= deadline
    found = _Conclusion(1, wish, met, [statement(StatementCode.GOODWILL, wished_on=wish)])
    if line.end_date is not None and line.end_date <= wish:
        found.end = line.end_date
        found.because(StatementCode.END_DATE_NOT_POSTPONED, end_date=line.end_date)
    elif line.end_date is not None:
        found.because(StatementCode.END_DATE_BROUGHT_FORWARD, end_date=line.end_date, wished_on=wish)
    return found


def _regular_end(line: SubscriptionLine, received_on: date) -> _Conclusion:
    """Apply rules 3 to 6: the earliest end without goodwill and without an end date."""
    if line.term_until is None and line.subsequent_term is None:
        found = _Conclusion(3, received_on, steps=[statement(StatementCode.NO_TERM)])
        return _after_notice(line, found)
    deadline = deadline_of(line)
    if line.term_until is not None and deadline is not None and received_on <= deadline:
        return _in_due_time(line.term_until, deadline, received_on)
    missed_by = (received_on - deadline).days if deadline is not None and received_on > deadline else 0
    if line.subsequent_term is not None:
        found = _Conclusion(5, received_on, in_due_time=not missed_by)
        _extend_past_deadline(line, found, line.subsequent_term, received_on)
        return found
    found = _Conclusion(6, received_on, in_due_time=not missed_by)
    if deadline is not None and missed_by:
        found.because(StatementCode.DEADLINE_MISSED_NO_EXTENSION, deadline=deadline, days=missed_by)
    else:
        found.because(StatementCode.NO_DEADLINE_NO_EXTENSION)
    return _after_notice(line, found)


def _in_due_time(term_until: date, deadline: date, received_on: date) -> _Conclusion:
    """Apply rule 4, the deadline met."""
    found = _Conclusion(4, term_until)
    if spare := (deadline - received_on).days:
        found.because(StatementCode.DEADLINE_MET_EARLY, deadline=deadline, days=spare, term_until=term_until)
    else:
        found.because(StatementCode.DEADLINE_MET_ON_LAST_DAY, deadline=deadline, term_until=term_until)
    return found


def _after_notice(line: SubscriptionLine, found: _Conclusion) -> _Conclusion:
    """Apply rules 3 and 6: a notice period after receipt, by plain arithmetic without the month-end rule."""
    if line.notice_period is None:
        found.because(StatementCode.NO_NOTICE_PERIOD, received_on=found.end)
        return found
    received_on, found.end = found.end, line.notice_period.apply(found.end)
    found.because(
        StatementCode.NOTICE_PERIOD, received_on=received_on, notice_period=line.notice_period, end_date=found.end
    )
    return found


def _extend_past_deadline(
    line: SubscriptionLine, found: _Conclusion, subsequent: DateFormula, received_on: date
) -> None:
    """Apply rule 5: roll as the nightly update does, until the deadline is not before the day of receipt."""
    notice, term_until, deadline = line.notice_period, line.term_until, reference_date(line)
    for _ in range(_SPELLED_OUT):
        if term_until is None:
            following = next_term_end(line, None, subsequent)
            found.because(
                StatementCode.FIRST_TERM,
                start_date=line.start_date,
                subsequent_term=subsequent,
                term_until=following,
            )
        else:
            following = next_term_end(line, term_until, subsequent)
            found.because(
                StatementCode.DEADLINE_MISSED,
                deadline=deadline,
                days=(received_on - deadline).days,
                subsequent_term=subsequent,
                term_until=following,
            )
        term_until, deadline = following, deadline_for(following, notice)
        if deadline >= received_on:
            break
    else:
        term_until, times = extend_until(
            line, term_until, subsequent, received_on, lambda end: deadline_for(end, notice) >= received_on
        )
        found.because(
            StatementCode.DEADLINE_MISSED_AS_WELL,
            deadline=deadline,
            times=times,
            subsequent_term=subsequent,
            term_until=term_until,
        )
        deadline = deadline_for(term_until, notice)
    found.because(StatementCode.DEADLINE_MET, deadline=deadline, term_until=term_until)
    found.end = term_until


def _take_wish(line: SubscriptionLine, found: _Conclusion, wish: date, *, expressed: bool) -> None:
    """Move the end to a wished day after the regular end; billing never follows a wish before it."""
    if wish <= found.end:
        if expressed and wish < found.end:
            found.because(StatementCode.WISH_BEFORE_END, wished_on=wish, end_date=found.end)
        return
    subsequent = line.subsequent_term
    if found.rule in (4, 5) and subsequent is not None:
        term_until, times = extend_until(line, found.end, subsequent, wish, lambda end: end >= wish)
        found.because(
            StatementCode.WISH_AFTER_TERM,
            wished_on=wish,
            end_date=found.end,
            times=times,
            subsequent_term=subsequent,
            term_until=term_until,
        )
        found.end = term_until
        return
    found.because(StatementCode.WISH_AFTER_END, end_date=found.end, wished_on=wish)
    found.end = wish


def _one_day_later(
    line: SubscriptionLine, received_on: date, wished_on: date | None, end: date, *, goodwill: bool
) -> tuple[date | None, Statement]:
    """Return the end date had the cancellation been received the next day, and the difference in words."""
    try:
        day = plus_days(received_on, 1)
        later = _conclude(line, day, wished_on, goodwill=goodwill).end
    except GoodwillWishBeforeReceipt:
        return None, statement(StatementCode.LATER_GOODWILL_REFUSED)
    except DateOutOfRange:
        return None, statement(StatementCode.LATER_OUT_OF_RANGE)
    if later == end:
        return later, statement(StatementCode.LATER_SAME_END, received_on=day)
    return later, statement(StatementCode.LATER_OTHER_END, received_on=day, later_end_date=later, end_date=end)
