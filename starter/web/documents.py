"""Documents that people and systems send: a few at a time, because they can be large."""

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from starter.web.turns import Turns

LARGEST_DOCUMENT = 8 << 20
"""The largest document, in bytes; the command line takes larger ones."""
AT_ONCE = 2
"""The number of documents that one process has in memory at a time; others wait."""
MOST_HELD = 6
"""The number of documents that a process holds, on its disk or in memory."""
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


DOCUMENTS = Turns(at_once=AT_ONCE, most=MOST_HELD, most_of_one=MOST_OF_ONE, too_many=TooManyDocuments)
"""The places for them in this process."""
