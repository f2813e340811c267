"""Mail about each kind of case: the one table by which mails tell the kinds apart."""

from dataclasses import dataclass

from domain.cases import CaseKind
from domain.vocabulary import Event


@dataclass(frozen=True)
class CaseMail:
    """What differs in the mail about cases of one kind."""

    first: Event
    """The event of the message that the others of a case, to the same person, reply to."""
    cancelled: str
    """What is cancelled, in the words of a letter."""


CASE_MAIL: dict[CaseKind, CaseMail] = {
    CaseKind.SUBSCRIPTION: CaseMail(Event.RECEIVED, "a subscription"),
    CaseKind.MARKETING_SERVICE: CaseMail(Event.MARKETING_CANCELLATION_RECEIVED, "the marketing service"),
}
