"""The reader of a billing document: each entry for itself, so that one that cannot be read holds up no other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pydantic import BaseModel, ValidationError

from domain.billing.document import BillingEntry, FedInvoice, FeedPosition
from domain.imports import refusals
from domain.imports.id_refusals import DuplicateId
from domain.imports.json_text import parse_json
from domain.imports.problems import joined, refusal_of, repeated, repeated_names, step, unstorable
from domain.imports.refusals import MOST_PROBLEMS, ImportMalformed, Problem, Problems
from domain.validation import listed_errors

FIELDS = ("source", "sequence", "lines")
MOST_ENTRIES = 20_000
"""The largest number of entries of a document. Larger runs send several, under the same number where their lines differ."""
MOST_SHOWN_REFUSED = 1_000
"""The number of refused entries that a report shows, in the order of the document; the rest are counted."""
MOST_SHOWN_OF_ENTRY = 20
"""The number of an entry's problems that are shown."""
_KINDS = ("invoice", "credit_memo")


@dataclass(frozen=True)
class ReadEntry:
    """An entry of the document, or its problems."""

    path: str
    line: str | None
    """The line's id, where that can be read."""
    entry: BillingEntry | None
    problems: list[Problem] = field(default_factory=list)
    """The first of them, `MOST_SHOWN_OF_ENTRY`; of an entry that no report shows, the first."""


@dataclass(frozen=True)
class BillingFeedDocument:
    """A document of a billing feed, entry by entry."""

    position: FeedPosition
    entries: Iterator[ReadEntry]
    """Read one after another, because what is known of many refused ones takes far more room than the document."""


def read_billing(content: bytes) -> BillingFeedDocument:
    """Read a document; what is wrong with one entry is among that entry's ``problems``.

    Raises:
        ImportMalformed: it is no JSON, or the document as a whole is not understood.

    """
    raw = parse_json(content)
    if not isinstance(raw, dict):
        raise ImportMalformed([Problem("", refusals.FieldMalformed("The document is not an object"))])
    problems = Problems()
    problems.extend(Problem(step("", name), refusals.FieldUnknown(name, FIELDS)) for name in raw if name not in FIELDS)
    lines = raw.get("lines", [])
    header = {name: raw[name] for name in ("source", "sequence") if name in raw}
    problems.extend(Problem(step("", name), refusals.FieldRepeated()) for name in repeated_names(raw))
    problems.extend(unstorable({**header, **dict.fromkeys(set(raw) - set(FIELDS))}, ""))
    if not isinstance(lines, list):
        problems.append(Problem("lines", refusals.FieldMalformed("This should be a list")))
    elif len(lines) > MOST_ENTRIES:
        few = f"A document has {MOST_ENTRIES:,} lines at most, and this one has {len(lines):,}"
        problems.append(Problem("lines", refusals.FieldMalformed(few)))
    try:
        position = FeedPosition.model_validate(header)
    except ValidationError as invalid:
        raise ImportMalformed([*problems, *_problems("", invalid, FeedPosition)]) from None
    if problems:
        raise ImportMalformed(problems)
    return BillingFeedDocument(position, _entries(lines))


def _entries(lines: list[object]) -> Iterator[ReadEntry]:
    first: dict[str, str] = {}
    refused = 0
    for i, item in enumerate(lines):
        read = _read(f"lines[{i}]", item, first, MOST_SHOWN_OF_ENTRY if refused < MOST_SHOWN_REFUSED else 1)
        refused += read.entry is None
        yield read


def _read(path: str, item: object, first: dict[str, str], most: int) -> ReadEntry:
    if not isinstance(item, dict):
        return ReadEntry(path, None, None, [Problem(path, refusals.FieldMalformed("This should be an object"))])
    line = item.get("line")
    line = line if isinstance(line, str) else None
    if problems := list(islice(unstorable(item, path), most)):
        return ReadEntry(path, None, None, problems)
    problems = list(islice(repeated(item, path), most))
    if line is not None and first.setdefault(line, path) != path:
        problems.append(Problem(f"{path}.line", DuplicateId(line, f"{first[line]}.line")))
    try:
        entry = BillingEntry.model_validate(item)
    except ValidationError as invalid:
        return ReadEntry(path, line, None, [*problems, *_problems(path, invalid, BillingEntry, most)][:most])
    problems.extend(_reversed_periods(path, entry))
    return ReadEntry(path, entry.line, None if problems else entry, problems[:most])


def _problems(path: str, invalid: ValidationError, model: type[BaseModel], most: int = MOST_PROBLEMS) -> list[Problem]:
    return [
        Problem(joined(path, _without_kinds(error["loc"])), refusal_of(_placed(error), tuple(model.model_fields)))
        for error in listed_errors(invalid)[:most]
    ]


def _placed(error: Any) -> Mapping[str, Any]:
    return {**error, "loc": _without_kinds(error["loc"])}


def _without_kinds(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return a place in an entry without the kind of a document, which pydantic adds after the number of the document."""
    return tuple(one for i, one in enumerate(loc) if not (i == 2 and loc[0] == "documents" and one in _KINDS))


def _reversed_periods(path: str, entry: BillingEntry) -> list[Problem]:
    return [
        Problem(
            f"{path}.documents[{i}].period_end", refusals.PeriodReversed(document.period_start, document.period_end)
        )
        for i, document in enumerate(entry.documents)
        if isinstance(document, FedInvoice) and document.period_end < document.period_start
    ]
