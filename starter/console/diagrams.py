"""The term diagram of a subscription line: its dates to scale, for templates to draw.

A diagram holds numbers and words alone; `templates/diagram.html.j2` is the drawing, and beside it the same dates as text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from domain.civil_dates import day_text
from domain.lines.decision import LineDecision
from domain.lines.line import SubscriptionLine

WIDTH, LEFT, RIGHT, TOP, LANE = 860, 74, 14, 26, 26
"""In units of the drawing: its width, the margins, and the height of one lane."""
_LONGEST_PAST = 550
"""The days before the first date that matters of which a start further back is cut off."""
_MOST_TICKS = 9
_LABEL = 76
"""The width of a date, with some air."""


@dataclass(frozen=True)
class Bar:
    """A time within a lane."""

    kind: str
    x: float
    width: float
    is_cut: bool
    """True if it begins before the left edge."""
    words: str


@dataclass(frozen=True)
class Lane:
    """A row of the drawing."""

    name: str
    y: float
    bars: Sequence[Bar]
    ends: tuple[float, str]
    """Where its last day is written, and that day."""


@dataclass(frozen=True)
class Mark:
    """A day across the lanes, or on one of them."""

    kind: str
    x: float
    label: str
    words: str
    is_left: bool = False
    """True if its label stands to the left of it."""


@dataclass(frozen=True)
class TermDiagram:
    """The dates of a line, to scale."""

    line: str
    lanes: Sequence[Lane]
    marks: Sequence[Mark]
    ticks: Sequence[tuple[float, str]]
    facts: Sequence[tuple[str, str]]
    """The same as text: names and days."""
    width: int = WIDTH
    height: int = TOP + 3 * LANE + 26
    left: int = LEFT
    top: int = TOP
    lane: int = LANE


def _moved(day: date, days: int) -> date:
    """Return a day so many days away, or the end of the calendar."""
    return date.fromordinal(min(max(day.toordinal() + days, date.min.toordinal()), date.max.toordinal()))


@dataclass(frozen=True)
class _Scale:
    first: date
    last: date

    def x(self, day: date, *, end: bool = False) -> float:
        """Return the place of a day; its end, the midnight after it, on request."""
        days = (day - self.first).days + (1 if end else 0)
        span = (self.last - self.first).days + 1
        share = min(max(days / span, 0.0), 1.0)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def term_diagram(
    line: SubscriptionLine,
    *,
    today: date,
    decision: LineDecision | None = None,
    access_ends_on: date | None = None,
) -> TermDiagram:
    """Return the diagram of a line.

    Args:
        line: the line.
        today: the civil day in the zone of its organization.
        decision: what a case, or a quote, decides for it, with the terms by which it extends; its own dates, if not set.
        access_ends_on: the last day of access, if one is asked for.

    """
    end = decision.end_date if decision else line.end_date
    extends_until = _decisive("term_until", decision)
    deadline = _decisive("deadline", decision) or line.cancellation_possible_until
    billed_until = _moved(line.next_billing_date, -1) if line.next_billing_date else None
    known = [deadline, line.term_until, extends_until, billed_until, end, access_ends_on, today]
    days = [day for day in known if day is not None]
    first, last = min(days), max([*days, line.start_date])
    if line.start_date < first and (first - line.start_date).days <= _LONGEST_PAST:
        first = line.start_date
    margin = max(14, (last - first).days // 9)
    scale = _Scale(_moved(first, -margin), _moved(last, margin))
    lanes = [
        _lane("Term", 0, scale, line.start_date, [("term", line.term_until), ("extended", extends_until)]),
        _lane("Billing", 1, scale, line.start_date, _billing(billed_until, end)),
        _lane("Access", 2, scale, line.start_date, [("access", access_ends_on)]),
    ]
    facts = [
        ("Start", line.start_date),
        ("Term until", line.term_until),
        ("Extends until", extends_until if extends_until != line.term_until else None),
        ("Deadline (cancellation possible until)", deadline),
        ("Billed until", billed_until),
        ("Billing ends on", end),
        ("Access ends on", access_ends_on),
        ("Today", today),
    ]
    return TermDiagram(
        line=line.id,
        lanes=lanes,
        marks=list(_marks(scale, deadline, end, today)),
        ticks=_ticks(scale),
        facts=[(name, day_text(day)) for name, day in facts if day is not None],
    )


def _decisive(name: str, decision: LineDecision | None) -> date | None:
    """Return the last day of a name in the steps of a decision: of the deadline that was met, or the term that it ends with."""
    days = [step.values[name] for step in decision.explanation if name in step.values] if decision else []
    return date.fromisoformat(str(days[-1])) if days else None


def _billing(billed_until: date | None, end: date | None) -> Sequence[tuple[str, date | None]]:
    """Return the parts of the billing: invoiced, and still to be invoiced; or invoiced beyond the end, which is to be credited."""
    if billed_until is not None and end is not None and end < billed_until:
        return [("billed", end), ("beyond", billed_until)]
    return [("billed", billed_until), ("billing", end)]


def _lane(name: str, number: int, scale: _Scale, start: date, until: Sequence[tuple[str, date | None]]) -> Lane:
    bars: list[Bar] = []
    begins, last = start, None
    for kind, day in until:
        if day is None or day < begins:
            continue
        left, right = scale.x(begins), scale.x(day, end=True)
        words = f"{name.lower()} from {day_text(begins)} until {day_text(day)}"
        bars.append(Bar(kind, left, round(max(right - left, 1.5), 1), begins < scale.first, words))
        begins, last = _moved(day, 1), day
    y = TOP + number * LANE
    return Lane(name, y, bars, _written(scale.x(last, end=True), day_text(last)) if last else (LEFT + 4, "none"))


def _written(x: float, text: str) -> tuple[float, str]:
    return (min(x + 5, WIDTH - _LABEL), text)


def _marks(scale: _Scale, deadline: date | None, end: date | None, today: date) -> Iterator[Mark]:
    if deadline is not None:
        yield Mark("deadline", scale.x(deadline, end=True), "", f"deadline {day_text(deadline)}")
    if end is not None:
        yield Mark("end", scale.x(end, end=True), "end", f"billing ends on {day_text(end)}", end < today)
    yield Mark("today", scale.x(today), "today", f"today, {day_text(today)}", end is not None and end >= today)


def _ticks(scale: _Scale) -> list[tuple[float, str]]:
    """Return the beginnings of months, quarters or years, as many as there is room for."""
    months = (scale.last.year - scale.first.year) * 12 + scale.last.month - scale.first.month
    step = next(step for step in (1, 2, 3, 6, 12, 24, 60, 120, 600, 12_000) if months / step <= _MOST_TICKS)
    found: list[tuple[float, str]] = []
    number = scale.first.year * 12 + scale.first.month  # the month after the first, counted from zero
    number += -number % step
    while True:
        year, month = divmod(number, 12)
        day = date(year, month + 1, 1) if year <= date.max.year else scale.last
        if day >= scale.last:
            return found
        x = scale.x(day)
        if x < WIDTH - RIGHT - 30:
            found.append((x, f"{day:%Y-%m}" if step < 12 else str(year)))
        number += step
