"""Refusals in a customer's words, without the details that concern only operators.

Only what is listed here is shown. Any other refusal, also one of another version of the service, is a matter for the
people who run it: the page then says that it does not work now, and gives the code by which they find out why.
"""

from domain.refusals import Refusal, RefusalDetails
from domain.remedies import RemedyKind
from runtime.temporal import TemporalUnavailable
from runtime.temporal_refusals import TemporalBusy, TemporalFailed
from starter.pages.page import Page
from starter.service.case_refusals import CaseBusy, RequestLost, StillWaiting
from storage.objects.refusals import ObjectStoreUnavailable
from storage.refusals import DatabaseBusy, DatabaseUnavailable

CUSTOMERS_WORDS = {
    RemedyKind.ACKNOWLEDGE_DOWNLOAD: "",
    RemedyKind.ACCEPT_MIGRATION: "",
    RemedyKind.ASK_FOR_LINK: "Ask us for a new one; the number of your case is in the mail that brought it.",
    RemedyKind.ASK_FOR_MIGRATION: "",
    RemedyKind.AWAIT_DATA: "Our mail says when the data can be fetched, until it is erased or transferred again.",
    RemedyKind.CHANGE_TRANSFER_TIME: "",
    RemedyKind.CONFIRM_MIGRATION: "",
    RemedyKind.GO_BACK: "Go back to the page to which the mail's link leads.",
    RemedyKind.NAME_CASE: "Open the link in the newest mail about it.",
    RemedyKind.NOTHING_TO_DO: "There is nothing for you to do.",
    RemedyKind.OPEN_WHOLE_LINK: "Open the link as it is in the mail, all of it, or ask us for a new one.",
    RemedyKind.USE_NEWEST_LINK: "Open the link in the newest mail about it. If you have none, the link was not meant for you.",
    RemedyKind.SHOW_CANCELLATION: "There is nothing for you to do.",
    RemedyKind.SHOW_ERASURE: "Nothing can be downloaded any more.",
    RemedyKind.SHOW_EXPORT: "Our mail says when the files can be fetched.",
    RemedyKind.SIGN_UP_ANEW: "The cancellation is final; sign up again to use the product.",
    RemedyKind.START_ANEW: "The subscription continues; ask us if that is not what you want.",
    RemedyKind.START_CANCELLATION: "",
    RemedyKind.TRANSFER_AGAIN: "",
}
"""The sentence that a page adds to the message, by the kind of the remedy; empty for none."""

WITHOUT_MESSAGE = {
    RemedyKind.RESTORE_OBJECTS: "Please do not say that you have the files: nothing is erased before you do.",
}
"""The sentence that replaces the message where the message speaks of the service's own parts."""

NOT_NOW = "This cannot be done at the moment. Please try again later."


_STATUS = {"link_tampered": 404, "nothing_there": 404, "link_expired": 410, "link_replaced": 410, "export_erased": 410}
COUNTED = tuple(_STATUS)
"""The codes that a link may meet whose number says that somebody guesses, or that links do not work."""
_UNAVAILABLE = frozenset(
    refusal.code
    for refusal in (
        CaseBusy,
        DatabaseBusy,
        DatabaseUnavailable,
        ObjectStoreUnavailable,
        RequestLost,
        StillWaiting,
        TemporalBusy,
        TemporalFailed,
        TemporalUnavailable,
    )
)
"""The codes of what passes, also where Temporal forwarded the refusal."""


def refusal_page(refusal: Refusal) -> Page:
    """Return the page that says that something was refused."""
    details = refusal.details
    unavailable = details.code in _UNAVAILABLE
    return Page(
        title="Not now" if unavailable else "This did not work",
        sentences=_sentences(details),
        status=503 if unavailable else _STATUS.get(details.code, 409),
        small_print=[f"Reason: {details.code}"],
    )


def _sentences(refusal: RefusalDetails) -> list[str]:
    kind = refusal.remedy.kind if refusal.remedy else None
    if kind in CUSTOMERS_WORDS:
        words = CUSTOMERS_WORDS[RemedyKind(kind)]
        return [refusal.message, words] if words else [refusal.message]
    if kind in WITHOUT_MESSAGE:
        return [NOT_NOW, WITHOUT_MESSAGE[RemedyKind(kind)]]
    return [NOT_NOW]
