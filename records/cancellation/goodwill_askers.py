"""Who has asked for the goodwill of a cancellation, or changed what it covers: none of them approves it."""

from domain.vocabulary import person_key
from storage.tables import CancellationRow


def note_asker(row: CancellationRow, actor: str) -> None:
    """Keep a person as one who has asked, beside those who did before."""
    row.goodwill_asked_by = actor
    row.goodwill_askers = sorted({*row.goodwill_askers, person_key(actor)})


def forget_askers(row: CancellationRow) -> None:
    """Forget them with the goodwill, which is given up."""
    row.goodwill_asked_by, row.goodwill_askers = None, []


def has_asked(row: CancellationRow, person: str) -> bool:
    """Return true for whoever opened the case, and for those who have asked since."""
    return person_key(person) in {person_key(row.opened_by), *row.goodwill_askers}
