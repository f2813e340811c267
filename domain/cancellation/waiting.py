"""What a cancellation waits for, as a word for filters and in words for people."""

from collections.abc import Mapping
from enum import StrEnum

from domain.vocabulary import Stage


class Awaited(StrEnum):
    """What a cancellation waits for, which says who must act."""

    CUSTOMER = "customer"
    """Answers to the checklist, or the verification of the billing administrator."""
    APPROVAL = "approval"
    """A second person's approval of the goodwill."""
    MIGRATION = "migration"
    """The parties of an on-premises migration."""
    EXPORT = "export"
    CONSENT = "consent"
    """The consent of the marketing service's own administrator."""
    BILLING = "billing"
    """Credit memos, beside the next event; or the correction of a line that cannot be ended."""
    LINES = "lines"
    """The service itself, which sets the end dates of the lines."""
    TERMINATION_DAY = "termination_day"
    """The end of the last day of access."""
    REVERSAL_WINDOW = "reversal_window"
    ERASURE = "erasure"
    """The erasure of the data of a closed case, or what stands against it."""


_SETTLED = (Stage.SCHEDULED, Stage.CANCELED, Stage.CLOSED)

STAGES: Mapping[Awaited, tuple[Stage, ...]] = {
    Awaited.CUSTOMER: (Stage.INTAKE,),
    Awaited.APPROVAL: (Stage.PREPARING,),
    Awaited.MIGRATION: (Stage.PREPARING,),
    Awaited.EXPORT: (Stage.PREPARING,),
    Awaited.CONSENT: (Stage.PREPARING,),
    Awaited.BILLING: (Stage.PREPARING, *_SETTLED),
    Awaited.LINES: (Stage.INTAKE, Stage.PREPARING),
    Awaited.TERMINATION_DAY: (Stage.SCHEDULED,),
    Awaited.REVERSAL_WINDOW: (Stage.CANCELED,),
    Awaited.ERASURE: (Stage.CLOSED,),
}
"""The stages at which something can be awaited."""

OBSTACLES = (Awaited.APPROVAL, Awaited.MIGRATION, Awaited.EXPORT, Awaited.CONSENT, Awaited.BILLING)
"""What can hold up the preparation, in the order in which the story of a case meets it."""

IN_WORDS: Mapping[Awaited, str] = {
    Awaited.CUSTOMER: "the customer",
    Awaited.APPROVAL: "a second person: approval of the goodwill",
    Awaited.MIGRATION: "the migration of the data",
    Awaited.EXPORT: "the export of the data",
    Awaited.CONSENT: "the marketing service's billing administrator: consent to stop the campaigns",
    Awaited.BILLING: "billing: credit memos",
    Awaited.LINES: "the lines to be settled",
    Awaited.TERMINATION_DAY: "the end of the last day of access",
    Awaited.REVERSAL_WINDOW: "the end of the reversal window, or the customer's reversal",
    Awaited.ERASURE: "the erasure of the data",
}
"""The same for people; a status that knows more says more."""


def awaited(
    stage: Stage,
    *,
    is_complete: bool,
    obstacles: Mapping[Awaited, bool],
    is_to_be_erased: bool,
    is_billing_open: bool,
) -> tuple[Awaited, ...]:
    """Return what a cancellation waits for: its next event, and what billing has to do beside it.

    Args:
        stage: its stage.
        is_complete: true if its checklist is complete, the verification included.
        obstacles: for each of `OBSTACLES`, true if it holds up the preparation; the first that does is the next event.
        is_to_be_erased: true if there is data that is not erased yet.
        is_billing_open: true if a line with a decided end waits for credit memos.

    """
    beside = (Awaited.BILLING,) if is_billing_open and stage in _SETTLED else ()
    match stage:
        case Stage.INTAKE:
            return (Awaited.LINES if is_complete else Awaited.CUSTOMER,)
        case Stage.PREPARING:
            return (next((one for one in OBSTACLES if obstacles.get(one)), Awaited.LINES),)
        case Stage.SCHEDULED:
            return (Awaited.TERMINATION_DAY, *beside)
        case Stage.CANCELED:
            return (Awaited.REVERSAL_WINDOW, *beside)
        case Stage.CLOSED if is_to_be_erased:
            return (Awaited.ERASURE, *beside)
    return beside
