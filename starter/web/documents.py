"""Documents that people and systems send: a few at a time, because they can be large."""

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from starter.web.turns import Places

LARGEST_DOCUMENT = 8 << 20
"""The largest document, in bytes; the command line takes larger ones."""
MOST_VALUES = 500_000
"""The number of values of a document: Python makes them in one go, and no thread beside it goes on meanwhile."""
AT_ONCE = 2
"""The number of documents of one kind that one process has in memory at a time; others wait."""
MOST_HELD = 6
"""The number of documents of one kind that a process holds, on its disk or in memory."""
MOST_OF_ONE = 2
"""The number of those of one sender."""


class TooManyDocuments(Refusal):
    """One more document than a process holds, of one sender or in all."""

    code = "too_many_documents"

    def __init__(self, own: int) -> None:
        super().__init__(
            f"There is no room for another document: {own} of yours are being taken, of at most {MOST_OF_ONE}, and at most "
            f"{MOST_HELD} in all.",
            remedy=Remedy.of(RemedyKind.REPEAT_LATER),
            own=own,
        )


class TooManyValues(Refusal):
    """A document of more values than a process parses while others wait."""

    code = "too_many_values"

    def __init__(self) -> None:
        super().__init__(
            f"A document has {MOST_VALUES:,} values at most, and this one has more commas and brackets than that.",
            remedy=correct_input("Part it into several."),
        )


def values_of(content: bytes) -> int:
    """Return how many values a part of a JSON document may have: what stands before each of them, in a text as well, so that nothing is parsed."""
    return sum(map(content.count, _BEFORE_VALUES))


_BEFORE_VALUES = (b",", b"[", b"{")


def _places() -> Places:
    return Places(at_once=AT_ONCE, most=MOST_HELD, most_of_one=MOST_OF_ONE, too_many=TooManyDocuments)


DOCUMENTS = _places()
"""The places for documents of billing and master data in this process."""
BULK_FILES = _places()
"""Those for files of bulks, which keep no other document waiting."""
