"""Bar charts: numbers to scale, for templates to draw; the same numbers stand beside them in a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, TOP, BOTTOM, LEFT = 860, 180, 10, 22, 48


@dataclass(frozen=True)
class Part:
    """A part of a stacked bar."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True)
class Column:
    """A bar with its name below."""

    x: float
    label: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Chart:
    """Columns of stacked parts."""

    columns: Sequence[Column]
    ticks: Sequence[tuple[float, str]]
    kinds: Sequence[str]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = BOTTOM


def stacked(rows: Sequence[tuple[str, Mapping[str, int]]], kinds: Sequence[str]) -> Chart:
    """Return a chart with a column for each row of numbers by kind; the kinds are stacked in their order."""
    most = max([sum(numbers.get(kind, 0) for kind in kinds) for _, numbers in rows], default=0)
    top = _round_up(most)
    room = HEIGHT - TOP - BOTTOM
    step = (WIDTH - LEFT) / max(len(rows), 8)
    columns = []
    for place, (label, numbers) in enumerate(rows):
        x, y = LEFT + place * step, float(HEIGHT - BOTTOM)
        parts = []
        for kind in kinds:
            number = numbers.get(kind, 0)
            height = number / top * room
            y -= height
            if number:
                words = f"{label}: {number:,} {kind.replace('_', ' ')}"
                parts.append(
                    Part(
                        kind,
                        round(x + step * 0.15, 1),
                        round(y, 1),
                        round(step * 0.7, 1),
                        round(max(height, 1), 1),
                        words,
                    )
                )
        columns.append(Column(round(x + step / 2, 1), label, parts))
    ticks = [(round(HEIGHT - BOTTOM - share * room, 1), f"{int(top * share):,}") for share in (0, 0.5, 1)]
    return Chart(columns, ticks, kinds)


def _round_up(number: int) -> int:
    """Return the next round even number, so that half of it is whole."""
    power = 2
    while True:
        for factor in (1, 2, 5):
            if number <= power * factor:
                return power * factor
        power *= 10
