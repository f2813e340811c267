"""Letters about several cases: what an organization that is cancelled as a whole is told, and how long that may wait."""

from datetime import timedelta

from domain.vocabulary import Event

GATHERED = frozenset({
    Event.RECEIVED,
    Event.REMINDER,
    Event.SCHEDULED,
    Event.EFFECTIVE,
    Event.REVERSAL_REMINDER,
    Event.ABANDONED,
    Event.CLOSED,
})  # fmt: skip
"""The events of which a billing administrator reads in one letter, where an organization is cancelled as a whole: those that all of
its subscriptions come to. What somebody does to one of them alone, and what comes with a link of its own, is a letter of its own."""

WAITS_AT_MOST = timedelta(minutes=15)
"""The longest wait of a mail for those of other cases: an acknowledgement of receipt is owed without delay."""

MOST_IN_A_LETTER = 100
"""The largest number of cases that one letter is about; more of them make several letters."""
