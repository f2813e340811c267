"""Who has asked for a goodwill in a cancellation, or said what one covers: none of them approves it, whatever came between."""

from domain.actors import named_by
from domain.vocabulary import person_key
from storage.tables import CancellationRow


def note_asker(row: CancellationRow, actor: str) -> None:
    """Keep a person as one who has asked, beside those who did before."""
    row.goodwill_asked_by = actor
    note_part(row, actor)


def note_part(row: CancellationRow, person: str) -> None:
    """Keep a person as one who had a part in what is asked for without being its actor: who planned the bulk that has opened the case."""
    row.goodwill_askers = sorted({*row.goodwill_askers, person_key(named_by(person))})


def has_asked(row: CancellationRow, person: str) -> bool:
    """Return true for whoever opened the case, and for those who have asked since."""
    return person_key(person) in {person_key(named_by(row.opened_by)), *row.goodwill_askers}
