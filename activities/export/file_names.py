"""File and sheet names that every file system, and Excel, accepts; the real names are in the manifest."""

import re
import unicodedata

_SLUG_LENGTH = 60
_SHEET_LENGTH = 31
_NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f\ufffe\uffff]+")
_RESERVED = frozenset({"history"})
"""Names that Excel reserves: this one for its list of changes."""


def file_stem(number: int, tables: int, table: str) -> str:
    """Return the name of a table's files up to the ending, as in ``001-accounts``."""
    plain = unicodedata.normalize("NFKD", table).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:_SLUG_LENGTH].strip("-")
    return f"{number:0{max(3, len(str(tables)))}d}-{slug or 'table'}"


class SheetNames:
    """The names of the sheets of a table's workbooks, unique among all of them: ``accounts``, ``accounts 2``."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, name: str) -> str:
        """Return the nearest unused name that Excel accepts."""
        base = _NOT_IN_SHEET_NAMES.sub("_", name).strip("' ") or "table"
        number = 1
        while True:
            suffix = "" if number == 1 else f" {number}"
            given = _shortened(base, _SHEET_LENGTH - len(suffix)) + suffix
            if given.casefold() not in self._given | _RESERVED:
                self._given.add(given.casefold())
                return given
            number += 1


def _shortened(text: str, units: int) -> str:
    """Cut text to so many UTF-16 units, as Excel counts them; never within a character or after an apostrophe."""
    while len(text.encode("utf-16-le")) // 2 > units:
        text = text[:-1]
    return text.rstrip("' ") or "table"
