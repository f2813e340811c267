"""Text in a workbook's cell: never evaluated, never cut, every character of it."""

import re
from collections.abc import Callable, Iterator, Sequence

from activities.export.warnings import Notes

EMPTY = "<c/>"
"""A cell of NULL: positions count, so it cannot be left out."""

LONGEST = 32_767
"""The longest text of a cell, in UTF-16 units: Excel's limit."""
PIECE = 32_000
"""The length of a piece of long text, in UTF-16 units: leaves room for the remark after the first piece."""

OPEN = '<c t="inlineStr"><is><t>'
CLOSE = "</t></is></c>"
_OPEN_SPACED = '<c t="inlineStr"><is><t xml:space="preserve">'
_OPEN_QUOTED = '<c s="9" t="inlineStr"><is><t xml:space="preserve">'

# Excel reads _xHHHH_ as the character of that number. An underscore before text that is or becomes such a number is written
# as its own number. Line ends other than a line feed would not survive XML; the other characters do not exist in it.
_ILLEGAL = "\x00-\x08\x0b-\x1f\ufffe\uffff"
_CONTROL = re.compile(f"[{_ILLEGAL}]")
_LOOKS_ESCAPED = re.compile(f"_(?=x[0-9A-Fa-f]{{4}}[_{_ILLEGAL}])")
_FORMULA_LIKE = tuple("=+-@")

_SEPARATOR = "\u241e"
"""The separator of values that are searched together; a value that contains it is only examined more closely."""
_MARKS = (*(_SEPARATOR + first for first in (*_FORMULA_LIKE, " ")), " " + _SEPARATOR, "_x")

Continue = Callable[[int, str], str]
"""A function that puts the text of a row of the table on a sheet of its own, and returns its place in words."""


def utf16_units(text: str) -> int:
    """Return the length of a text as Excel counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def escaped(text: str) -> str:
    """Return text as the content of an XML element that Excel reads."""
    if "_x" in text:
        text = _LOOKS_ESCAPED.sub("_x005F_", text)
    if not text.isprintable():
        text = _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def text_cell(text: str, *, quoted: bool = False) -> str:
    """Return the cell of a text that fits; quoted, so that Excel keeps it as text after an edit."""
    if quoted or text.startswith(_FORMULA_LIKE):
        return f"{_OPEN_QUOTED}{escaped(text)}{CLOSE}"
    if text[:1].isspace() or text[-1:].isspace() or "\n" in text:
        return f"{_OPEN_SPACED}{escaped(text)}{CLOSE}"
    return f"{OPEN}{escaped(text)}{CLOSE}"


def pieces(text: str) -> Iterator[str]:
    """Cut long text into pieces that fit a cell, never within a character."""
    step = PIECE if text.isascii() or max(text) <= "\uffff" else PIECE // 2
    for start in range(0, len(text), step):
        yield text[start : start + step]


class TextCells:
    """The cells of a column of text, a batch of rows at once."""

    def __init__(self, notes: Notes, continue_: Continue, *, known: bool = True) -> None:
        self._notes = notes
        self._continue = continue_
        self._known = known

    def cells(self, values: Sequence[str | None], first_row: int) -> list[str]:
        """Return the cells of values as PostgreSQL prints them; the first is of this row of the table."""
        present = [value for value in values if value is not None]
        if not self._known and present:
            at = next(number for number, value in enumerate(values) if value is not None)
            self._notes.add("unknown_type", first_row + at, len(present))
        if not _plain(present):
            rows = enumerate(values, first_row)
            return [EMPTY if value is None else self._cell(value, row) for row, value in rows]
        if _needs_entities(present):
            return [
                EMPTY
                if value is None
                else OPEN + value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") + CLOSE
                for value in values
            ]
        return [EMPTY if value is None else OPEN + value + CLOSE for value in values]

    def _cell(self, text: str, row: int) -> str:
        if text.startswith(_FORMULA_LIKE):
            self._notes.add("formula_like_text", row)
        if not text.isprintable() and _CONTROL.search(text):
            self._notes.add("control_characters", row)
        if len(text) > LONGEST // 2 and utf16_units(text) > LONGEST:
            self._notes.add("long_text", row)
            return text_cell(f"{next(pieces(text))} … [{self._continue(row, text)}]")
        return text_cell(text)


def _plain(values: Sequence[str]) -> bool:
    """Return true if all of them can be written as they are, but for &, < and >."""
    together = _SEPARATOR.join(["", *values, ""])
    return (
        together.isprintable()
        and not any(mark in together for mark in _MARKS)
        and max(map(len, values), default=0) <= LONGEST // 2
    )


def _needs_entities(values: Sequence[str]) -> bool:
    together = "".join(values)
    return "&" in together or "<" in together or ">" in together
