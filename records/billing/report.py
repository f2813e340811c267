"""The report of a billing document: what became of each of its entries."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from domain.billing.document import FeedPosition
from domain.billing.reading import MOST_SHOWN_REFUSED, ReadEntry
from domain.imports.refusals import Problem, ProblemDetails

Outcome = Literal["taken", "unchanged", "outdated", "refused"]


class EntryReport(BaseModel):
    """What became of one entry."""

    model_config = ConfigDict(frozen=True)

    path: str
    line: str | None
    """The line's id; null where the entry does not say it."""
    result: Outcome
    next_billing_date: date | None = None
    """The line's next billing date after the entry; null also where the entry was refused."""
    posted: tuple[str, ...] = ()
    """The numbers of the documents that are new."""
    subscription: str | None = None
    """The line's subscription, where something was posted."""
    credited: tuple[str, ...] = ()
    """The invoices that new credit memos credit."""
    newest_sequence: int | None = None
    """The sequence number that the line has taken from this source already, where that is why nothing changed."""
    problems: tuple[ProblemDetails, ...] = ()
    """The refusals, by path, of an entry that was refused: the first of them."""

    @classmethod
    def refused(cls, read: ReadEntry, problems: Sequence[Problem]) -> Self:
        """Return the report of a refused entry."""
        details = (ProblemDetails(path=one.path, **one.refusal.details.model_dump()) for one in problems)
        return cls(path=read.path, line=read.line, result="refused", problems=tuple(details))


class BillingReport(BaseModel):
    """The result of a billing document, in total and by entry."""

    model_config = ConfigDict(frozen=True)

    source: str
    sequence: int
    taken: int
    unchanged: int
    outdated: int
    refused: int
    lines: tuple[EntryReport, ...]
    """What became of each entry, but for refused ones after the first thousand."""
    not_shown: int = 0
    """The number of those."""

    @classmethod
    def of(cls, position: FeedPosition, lines: Iterable[EntryReport]) -> Self:
        """Return the report of a document's entries."""
        shown: list[EntryReport] = []
        outcomes: Counter[Outcome] = Counter()
        for line in lines:
            outcomes[line.result] += 1
            if line.result != "refused" or outcomes["refused"] <= MOST_SHOWN_REFUSED:
                shown.append(line)
        return cls(
            source=position.source,
            sequence=position.sequence,
            taken=outcomes["taken"],
            unchanged=outcomes["unchanged"],
            outdated=outcomes["outdated"],
            refused=outcomes["refused"],
            lines=tuple(shown),
            not_shown=outcomes.total() - len(shown),
        )
