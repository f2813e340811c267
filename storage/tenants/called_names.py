"""The names that a text of SQL or PL/pgSQL calls, as PostgreSQL's lexer would read them wherever it began.

What is a comment, a text or code depends on everything before, and a text may be code that is executed. So nothing is cut out: from each word
on, what may stand between two words is passed over. Every position is looked at a limited number of times, because texts are large and
written by strangers.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator

from domain.data_schema import LONGEST_NAME_IN_BYTES

_LETTER = r"A-Za-z_\x80-\U0010ffff"
_WORD = re.compile(rf"[{_LETTER}][{_LETTER}0-9$]*")
_SPACE = re.compile(r"[ \t\n\r\f\v]+")
_MAY_GO_ON = re.compile(r"[ \t\n\r\f\v]*+(?:[.(]|/\*|--)")
_COMMENT_MARK = re.compile(r"/\*|\*/")
_ESCAPE_CHARACTER = re.compile(r"'+([^'])'+")
_MARKS = (".", "(", '"', "'", "/*", "--")
_LONGEST_WRITTEN = 8 * LONGEST_NAME_IN_BYTES
"""The number of characters after which no more of a name in quotes counts: a byte takes at most the eight of ``\\+000061``."""


def marks_in(text: str) -> int:
    """Return how often a text has what may stand beside a name that is called: what finding the names takes grows with it."""
    return sum(map(text.count, _MARKS))


class CalledNames:
    """The names that a text calls, and those that it has at all."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._newlines = [found.start() for found in re.finditer("\n", text)]
        self._comments = _ends_of_comments(text)
        self._closing = _closing_quotes(text, '"')
        self._passed: dict[int, int] = {}
        self._after_dots: dict[int, str | None] = {}
        self.with_schema: set[tuple[str, str]] = set()
        """Names of schemas with the names that are called in them."""
        self.alone: set[str] = set()
        """Whatever is called, with a schema or without."""
        for name, end in self._names():
            self._take(name, end)

    def words(self) -> set[str]:
        """Return every word, and whatever is in quotes of either kind."""
        found = {_cut(word.lower()) for word in self._plain()}
        for mark, closing in (('"', self._closing), ("'", _closing_quotes(self._text, "'"))):
            found.update(_cut(_within(self._text, at, end, mark)) for at, end in closing.items())
        return found | {name for name, _ in self._names()}

    def _plain(self) -> Iterator[str]:
        for found in _WORD.finditer(self._text):
            yield found.group()
            yield found.group().rpartition("$")[2]  # a text may begin with $tag$

    def _names(self) -> Iterator[tuple[str, int]]:
        """Go through the names that something may follow, each with its end."""
        for found in _WORD.finditer(self._text):
            if _MAY_GO_ON.match(self._text, found.end()):
                word, end = found.group(), self._pass(found.end())
                yield _cut(_lower(word)), end
                if "$" in word:
                    yield _cut(_lower(word.rpartition("$")[2])), end
        for at in self._closing:
            yield self._quoted(at)

    def _take(self, name: str, end: int) -> None:
        if self._is_at("(", end):
            self.alone.add(name)
        if not self._is_at(".", end):
            return
        if end not in self._after_dots:
            self._after_dots[end] = self._called_at(self._pass(end + 1))
        called = self._after_dots[end]
        if called is not None:
            self.with_schema.add((name, called))

    def _called_at(self, position: int) -> str | None:
        """Return the name at a position if it is called there."""
        escaped = 2 if self._text[position : position + 3].lower() == 'u&"' else 0
        if position + escaped in self._closing:
            name, end = self._quoted(position + escaped)
        elif found := _WORD.match(self._text, position):
            name, end = _cut(_lower(found.group())), self._pass(found.end())
        else:
            return None
        return name if self._is_at("(", end) else None

    def _quoted(self, at: int) -> tuple[str, int]:
        closed = self._closing[at]
        name, end = _within(self._text, at, closed, '"'), self._pass(closed + 1)
        if self._text[max(at - 2, 0) : at].lower() != "u&":
            return _cut(name), end
        escape = "\\"
        if self._text[end : end + 7].lower() == "uescape":
            found = _ESCAPE_CHARACTER.match(self._text, self._pass(end + 7))
            if found is not None:
                escape, end = found[1], self._pass(found.end())
        return _cut(_without_escapes(name, escape)), end

    def _is_at(self, mark: str, position: int) -> bool:
        return self._text.startswith(mark, position)

    def _pass(self, position: int) -> int:
        """Return the first position from here on that is neither white space nor in a comment."""
        came_by = []
        while position not in self._passed:
            came_by.append(position)
            if space := _SPACE.match(self._text, position):
                position = space.end()
            elif self._text.startswith("--", position):
                line = bisect_left(self._newlines, position)
                position = self._newlines[line] if line < len(self._newlines) else len(self._text)
            elif position in self._comments:
                position = self._comments[position]
            else:
                self._passed[position] = position
        end = self._passed[position]
        self._passed.update(dict.fromkeys(came_by, end))
        return end


def _ends_of_comments(text: str) -> dict[int, int]:
    """Return where each comment ends that begins somewhere; one within another ends first."""
    ends: dict[int, int] = {}
    begun: list[int] = []
    for mark in _COMMENT_MARK.finditer(text):
        if mark.group() == "/*":
            begun.append(mark.start())
        elif begun:
            ends[begun.pop()] = mark.end()
    return ends


def _closing_quotes(text: str, mark: str) -> dict[int, int]:
    """Return, for each quotation mark, where a name or text that begins with it ends; two marks within it are one of its characters."""
    marks = [found.start() for found in re.finditer(mark, text)]
    closing: list[int | None] = [None] * (len(marks) + 2)
    for number in range(len(marks) - 1, -1, -1):
        is_doubled = number + 1 < len(marks) and marks[number + 1] == marks[number] + 1
        closing[number] = closing[number + 2] if is_doubled else marks[number]
    ends = zip(marks, closing[1:], strict=False)
    return {at: end for at, end in ends if end is not None}


def _within(text: str, at: int, closed: int, mark: str) -> str:
    return text[at + 1 : min(closed, at + 1 + _LONGEST_WRITTEN)].replace(mark * 2, mark)


def _without_escapes(name: str, escape: str) -> str:
    mark = re.escape(escape)
    plain = re.sub(
        rf"{mark}(?:(\+[0-9A-Fa-f]{{6}}|[0-9A-Fa-f]{{4}})|{mark})",
        lambda found: _character(found[1]) if found[1] else escape,
        name,
    )
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


def _character(written: str) -> str:
    number = int(written.removeprefix("+"), 16)
    return chr(number) if number <= 0x10FFFF else ""


def _lower(word: str) -> str:
    return word.encode().lower().decode()  # of ASCII alone, as PostgreSQL does


def _cut(name: str) -> str:
    return name.encode(errors="ignore")[:LONGEST_NAME_IN_BYTES].decode(errors="ignore")  # as PostgreSQL does
