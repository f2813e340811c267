"""Reads that take long: a few at a time, so that they leave the database and its connections to everybody else."""

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from starter.web.turns import Places

AT_ONCE = 2
"""The number of long reads that one process does at a time; others wait."""
MOST_HELD = 10
"""The number of them in a process, those that wait too."""
MOST_OF_ONE = 2
"""The number of those of one caller."""


class TooManyReads(Refusal):
    """One more read that takes long than a process does, of one caller or in all."""

    code = "too_many_reads"

    def __init__(self, own: int) -> None:
        super().__init__(
            f"There is no room for another read that takes long: {own} of yours go on, of at most {MOST_OF_ONE}, and at most "
            f"{MOST_HELD} in all.",
            remedy=Remedy.of(RemedyKind.REPEAT_LATER),
            own=own,
        )


LONG_READS = Places(at_once=AT_ONCE, most=MOST_HELD, most_of_one=MOST_OF_ONE, too_many=TooManyReads)
"""The places for them in this process."""
