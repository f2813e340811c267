"""The problems of a document's values: pydantic's errors as refusals, names written twice, and the path of each."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from domain.imports import refusals
from domain.imports.json_text import RepeatingObject
from domain.imports.refusals import Problem
from domain.refusals import Refusal, RefusedValue, printable

LONGEST_PATH = 500
"""The largest number of characters of a path, which is for people."""


def refusal_of(error: Any, known: Sequence[str]) -> Refusal:
    """Return the refusal that one of pydantic's errors stands for; ``known`` are the fields of the whole entry."""
    context = error.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, RefusedValue):
        return cause.refusal
    match error["type"]:
        case "missing":
            return refusals.FieldMissing()
        case "extra_forbidden":
            return refusals.FieldUnknown(str(error["loc"][-1]), known if len(error["loc"]) == 1 else ())
        case "string_pattern_mismatch" if context.get("pattern", "").startswith("^[A-Za-z0-9]"):
            return refusals.IdentifierMalformed()
        case "string_pattern_mismatch":
            return refusals.FieldMalformed("The text contains control characters")
        case _:
            return refusals.FieldMalformed(error["msg"])


def repeated(raw: object, path: str) -> Iterator[Problem]:
    """Return the names that are written twice in one object, at any depth."""
    for value, place in _values(raw, _Place(None, path)):
        for name in repeated_names(value):
            yield Problem(_Place(place, name).path, refusals.FieldRepeated())


def repeated_names(raw: object) -> list[str]:
    """Return the names that an object itself repeats."""
    return sorted(raw.repeated) if isinstance(raw, RepeatingObject) else []


def unstorable(raw: object, path: str) -> Iterator[Problem]:
    """Return the texts with a character that nothing can store: a null character, or half of one."""
    for value, place in _values(raw, _Place(None, path)):
        if isinstance(value, str) and _cannot_be_stored(value):
            yield Problem(place.path, refusals.FieldMalformed("The text contains a character that cannot be stored"))
        elif isinstance(value, dict):
            for name in filter(_cannot_be_stored, value):
                at = _Place(place, printable(name)).path
                yield Problem(at, refusals.FieldMalformed("The text contains a character that cannot be stored"))


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a document. Its path is written only where it is needed: those of all values would be as long as their square."""

    within: "_Place | None"
    step: int | str

    @property
    def path(self) -> str:
        steps: list[int | str] = []
        place: _Place | None = self
        while place is not None:
            steps.append(place.step)
            place = place.within
        return joined(str(steps.pop()), list(reversed(steps)))


def _values(raw: object, place: _Place) -> Iterator[tuple[object, _Place]]:
    """Go through a value and all that is in it, in the order of the document."""
    waiting: list[Iterator[tuple[object, _Place]]] = [iter([(raw, place)])]
    while waiting:
        for value, at in waiting[-1]:
            yield value, at
            if isinstance(value, dict | list):
                waiting.append(_within(value, at))
                break
        else:
            waiting.pop()


def _within(value: dict[str, Any] | list[Any], place: _Place) -> Iterator[tuple[object, _Place]]:
    steps: Iterable[tuple[int | str, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
    return ((one, _Place(place, at)) for at, one in steps)


def _cannot_be_stored(text: str) -> bool:
    return "\x00" in text or not (text.isascii() or _is_utf8(text))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def joined(path: str, steps: Sequence[int | str]) -> str:
    """Return a path with these steps added, or as much of it as a person reads."""
    for one in steps:
        path = f"{path}[{one}]" if isinstance(one, int) else step(path, one)
        if len(path) > LONGEST_PATH:
            return f"{path[:LONGEST_PATH]}…"
    return path


def step(path: str, name: str) -> str:
    """Return a path with a name added, quoted where it is no word."""
    name = name if len(name) <= LONGEST_PATH else f"{name[:LONGEST_PATH]}…"
    plain = name if name.isidentifier() or name.replace("-", "_").isidentifier() else json.dumps(name)
    return f"{path}.{plain}" if path else plain
