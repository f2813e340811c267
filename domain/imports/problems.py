"""The problems of a document's values: pydantic's errors as refusals, names written twice, and the path of each."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from domain.imports import refusals
from domain.imports.json_text import RepeatingObject
from domain.imports.refusals import Problem
from domain.refusals import Refusal, RefusedValue, printable


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
    if isinstance(raw, dict):
        for name in repeated_names(raw):
            yield Problem(step(path, name), refusals.FieldRepeated())
        for name, value in raw.items():
            if isinstance(value, dict | list):
                yield from repeated(value, step(path, name))
    elif isinstance(raw, list):
        for index, value in enumerate(raw):
            yield from repeated(value, f"{path}[{index}]")


def repeated_names(raw: object) -> list[str]:
    """Return the names that an object itself repeats."""
    return sorted(raw.repeated) if isinstance(raw, RepeatingObject) else []


def unstorable(raw: object, path: str) -> Iterator[Problem]:
    """Return the texts with a character that nothing can store: a null character, or half of one."""
    if isinstance(raw, str):
        if "\x00" in raw or not (raw.isascii() or _is_utf8(raw)):
            yield Problem(path, refusals.FieldMalformed("The text contains a character that cannot be stored"))
    elif isinstance(raw, dict):
        for name, value in raw.items():
            yield from unstorable(name, step(path, printable(name)))
            yield from unstorable(value, step(path, name))
    elif isinstance(raw, list):
        for index, value in enumerate(raw):
            yield from unstorable(value, f"{path}[{index}]")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def joined(path: str, steps: Sequence[int | str]) -> str:
    """Return a path with these steps added."""
    for one in steps:
        path = f"{path}[{one}]" if isinstance(one, int) else step(path, one)
    return path


def step(path: str, name: str) -> str:
    """Return a path with a name added, quoted where it is no word."""
    plain = name if name.isidentifier() or name.replace("-", "_").isidentifier() else json.dumps(name)
    return f"{path}.{plain}" if path else plain
