"""The content of a page as data: sections of facts, tables, bars and texts, which one template renders alike."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Literal

from domain.civil_dates import day_text
from domain.refusals import RefusalDetails
from domain.words import FOR_AGENTS

Style = Literal["", "number", "date", "code"]


@dataclass(frozen=True)
class Cell:
    """A value in a table or among facts."""

    text: str
    href: str = ""
    """Where it leads to; nowhere, if empty."""
    is_bad: bool = False
    style: Style = ""


@dataclass(frozen=True)
class Facts:
    """Names with their values."""

    kind: ClassVar = "facts"
    rows: Sequence[tuple[str, Cell]]


@dataclass(frozen=True)
class Table:
    """Rows under the names of columns; the first cell of a row is its head."""

    kind: ClassVar = "table"
    title: str
    """Of the table, for people who do not see it."""
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: str
    """What is said where there is no row."""
    numbers: Collection[str] = ()
    """The columns of numbers."""


@dataclass(frozen=True)
class Progress:
    """How much of something is done."""

    kind: ClassVar = "progress"
    title: str
    done: int
    total: int
    words: str


@dataclass(frozen=True)
class Text:
    """A sentence."""

    kind: ClassVar = "text"
    text: str
    is_bad: bool = False


@dataclass(frozen=True)
class Listing:
    """A text that is shown as it is written, behind its title."""

    kind: ClassVar = "listing"
    title: str
    text: str


@dataclass(frozen=True)
class Links:
    """Addresses of the same page with other conditions, one of which is shown."""

    kind: ClassVar = "links"
    title: str
    links: Sequence[tuple[str, str, bool]]
    """The words, the address, and true for the one that is shown."""


@dataclass(frozen=True)
class NotRead:
    """What could not be read, and the way out."""

    kind: ClassVar = "not_read"
    refusal: RefusalDetails


Block = Facts | Table | Progress | Text | Listing | Links | NotRead


@dataclass(frozen=True)
class Section:
    """A part of a page under a title, which is kept current by itself."""

    id: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Shown:
    """The result of an action that has one to show: once, for the next look at the page is without it."""

    title: str
    blocks: Sequence[Block]


def plain(value: object, *, is_bad: bool = False) -> Cell:
    """Return a text; a dash for nothing."""
    return Cell("–" if value is None or value == "" else str(value), is_bad=is_bad)


def words(name: object, *, is_bad: bool = False) -> Cell:
    """Return a name of the code in words."""
    return Cell(str(name).replace("_", " "), is_bad=is_bad)


def number(value: int | None, *, is_bad: bool = False) -> Cell:
    """Return a number as people read it; a dash for none."""
    return Cell("–" if value is None else f"{value:,}", style="number", is_bad=is_bad and bool(value))


def instant(value: datetime | None) -> Cell:
    """Return an instant in UTC; a dash for none."""
    return Cell(FOR_AGENTS.instant(value, "UTC") if value else "–", style="date")


def day(value: date | None) -> Cell:
    """Return a civil day; a dash for none."""
    return Cell(day_text(value) if value else "–", style="date")


def code(value: object) -> Cell:
    """Return what people copy letter by letter."""
    return Cell(str(value), style="code")
