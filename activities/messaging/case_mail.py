"""Mail about each kind of case: the one table that distinguishes the kinds."""

from dataclasses import dataclass

from domain.cases import CaseKind
from domain.vocabulary import Event


@dataclass(frozen=True)
class CaseMail:
    """The properties of mail about cases of one kind."""

    first: Event
    """The event of a case's first message, to which the later ones to the same person reply."""
    cancelled: str
    """The cancelled thing, in the words of a letter."""


CASE_MAIL: dict[CaseKind, CaseMail] = {
    CaseKind.SUBSCRIPTION: CaseMail(Event.RECEIVED, "a subscription"),
    CaseKind.MARKETING_SERVICE: CaseMail(Event.MARKETING_CANCELLATION_RECEIVED, "the marketing service"),
    CaseKind.SUBSCRIPTION_LINE: CaseMail(Event.LINE_RECEIVED, "a line of a subscription"),
}
