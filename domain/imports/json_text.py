"""The parser of an import document as JSON; its refusals give the place of the fault."""

import json
from collections import Counter
from typing import Any, NoReturn

from domain.imports import refusals
from domain.imports.refusals import Problem


class RepeatingObject(dict[str, Any]):
    """A JSON object that repeats names."""

    repeated: frozenset[str] = frozenset()


def parse_json(content: bytes) -> object:
    """Return the value that the bytes encode; an object that repeats a name is a `RepeatingObject`.

    Raises:
        ImportMalformed: they are not JSON in UTF-8.

    """
    try:
        text = content.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise _malformed(error.msg, line=error.lineno, column=error.colno) from None
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = len(before) - before.rfind(b"\n")
        raise _malformed("a byte that is not UTF-8", line=before.count(b"\n") + 1, column=column) from None
    except RecursionError:
        raise _malformed("it is nested too deeply") from None
    except ValueError as error:
        raise _malformed(str(error)) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeating = RepeatingObject(found)
    repeating.repeated = frozenset(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
    return repeating


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _malformed(reason: str, *, line: int | None = None, column: int | None = None) -> refusals.ImportMalformed:
    return refusals.ImportMalformed([Problem("", refusals.JsonMalformed(reason, line=line, column=column))])
