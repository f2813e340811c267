"""Other days on which access could end, where they would save or cost a term (rules, section 7)."""

from collections.abc import Iterator, Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict

from domain.civil_dates import DateOutOfRange, plus_days
from domain.lines.date_formula import length_between
from domain.lines.decision import LineDecision, decide
from domain.lines.explanation import Statement, StatementCode, statement
from domain.lines.line import Partner, SubscriptionLine
from domain.lines.terms import extend_until, next_term_end
from domain.vocabulary import Termination

NEAR = 31
"""The number of days between a wish and the end of a term within which a person may have meant to name a later day."""


class Alternative(BaseModel):
    """Another end of access, and its consequence for the customer."""

    model_config = ConfigDict(frozen=True)

    terminate_on: date | Termination
    """The day to name instead, or ``end_of_term``."""
    access_ends_on: date
    statement: Statement


def alternatives(
    lines: Sequence[SubscriptionLine],
    decisions: Sequence[LineDecision],
    wished_on: date | None,
    access_ends_on: date,
) -> tuple[Alternative, ...]:
    """Return the alternatives to a wish, or to the day of receipt where there is none: earliest day first.

    ``decisions`` are those of the ``lines`` for the wish. Lines of vendors count for none: they are no concern of the
    customer, who reads this. The end of the term is an alternative where access would end before billing does.
    """
    ours = [pair for pair in zip(lines, decisions, strict=True) if pair[0].partner is Partner.CUSTOMER]
    if not ours:
        return ()
    found: dict[date, Alternative] = {}
    is_extended = False
    for line, decision in ours if wished_on is not None else ():
        regular = decide(line, decision.received_on).end_date
        is_extended |= regular != decision.end_date
        for day in _near_days(line, regular, decision):
            if day not in found and (other := _compared(line, decision, day)):
                found[day] = other
    others = tuple(found[day] for day in sorted(found))
    last = max(decision.end_date for _, decision in ours)
    if is_extended or last <= max(access_ends_on, ours[0][1].received_on):
        return others
    text = statement(StatementCode.ALTERNATIVE_END_OF_TERM, wished_on=access_ends_on, access_ends_on=last)
    return (*others, Alternative(terminate_on=Termination.END_OF_TERM, access_ends_on=last, statement=text))


def _near_days(line: SubscriptionLine, regular: date, decision: LineDecision) -> Iterator[date]:
    """Yield the end of the term before a wish that extends a line, and the day after an end close to the wish."""
    subsequent, wished_on = line.subsequent_term, decision.wished_on
    if line.end_date is not None or subsequent is None:
        return
    if regular < wished_on:
        before = regular
        if next_term_end(line, regular, subsequent) < wished_on:
            goal = plus_days(wished_on, -(subsequent.fixed_days or 0))
            before, _ = extend_until(
                line, regular, subsequent, goal, lambda end: next_term_end(line, end, subsequent) >= wished_on
            )
        yield before
    if 0 <= (decision.end_date - wished_on).days <= NEAR and decision.end_date < date.max:
        yield plus_days(decision.end_date, 1)


def _compared(line: SubscriptionLine, decision: LineDecision, day: date) -> Alternative | None:
    """Return the alternative if it changes the end of the line; a day before the receipt is none."""
    if day < decision.received_on:
        return None
    try:
        other = decide(line, decision.received_on, day).end_date
    except DateOutOfRange:
        return None
    if other == decision.end_date:
        return None
    code = StatementCode.ALTERNATIVE_SAVES if other < decision.end_date else StatementCode.ALTERNATIVE_COSTS
    difference = length_between(min(decision.end_date, other), max(decision.end_date, other))
    text = statement(
        code, terminate_on=day, wished_on=decision.wished_on, line=line.id, end_date=other, difference=difference
    )
    return Alternative(terminate_on=day, access_ends_on=day, statement=text)
