"""JSON Lines, read and written again without loss: unknown fields leave as they came."""

import json
import re
import secrets
from typing import Any

from domain.refusals import Refusal

_SHIELD = f"{secrets.token_hex(8)}:"
"""Marks numbers that a float would change. Unguessable, so that no text in the input can pass for one."""
_SHIELDED = re.compile(f'"{_SHIELD}([^"]*)"')


class JsonLineRefused(Refusal):
    """A line of input that is not one JSON object in UTF-8."""

    code = "json_malformed"

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"Line {number} of the input is not a JSON object: {reason}.", line_number=number)


def _number(text: str) -> float | str:
    """Return a float, or the text under a shield where a float would lose digits or become infinite."""
    value = float(text)
    return value if repr(value) == text else _SHIELD + text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_float=_number, parse_constant=_no_constant)
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ascii_encoder = json.JSONEncoder(separators=(",", ":"))


def decode(raw: bytes, number: int) -> dict[str, object]:
    """Return the object on line ``number``. Raises `JsonLineRefused`."""
    try:
        value = _decoder.decode(raw.decode("utf-8-sig" if number == 1 else "utf-8"))
    except json.JSONDecodeError as error:
        raise JsonLineRefused(number, f"{error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise JsonLineRefused(number, "it is nested too deeply") from None
    except ValueError as error:  # not UTF-8, a number of thousands of digits, NaN
        raise JsonLineRefused(number, str(error)) from None
    if not isinstance(value, dict):
        raise JsonLineRefused(number, "it is valid JSON of another kind")
    return value


def encode(fields: dict[str, object]) -> bytes:
    """Return one line of JSON in UTF-8 with its line end; numbers under the shield are as they were read."""
    try:
        line = _shieldless(_encoder.encode(fields)).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can name and UTF-8 cannot
        line = _shieldless(_ascii_encoder.encode(fields)).encode()
    return line + b"\n"


def _shieldless(line: str) -> str:
    if _SHIELD not in line:
        return line
    return _SHIELDED.sub(r"\1", line).replace(_SHIELD, "")  # the rest are quotations in messages
