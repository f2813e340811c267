"""The end of access in letters: its day or none, the days that would be better, and corrections."""

from datetime import date

from activities.messaging.letters import letter
from domain.lines.quote import quote
from domain.vocabulary import Event, Stage, Termination
from tests.activities.messaging.letter_samples import EVERY_LETTER
from tests.activities.messaging.samples import facts, line
from tests.activities.messaging.test_letters import flowing


def test_access_that_is_to_end_at_once_has_no_day() -> None:
    at_once = {"termination": Termination.NOW, "termination_date": date(2026, 9, 22)}
    for event, stage in ((Event.RECEIVED, Stage.INTAKE), (Event.SCHEDULED, Stage.SCHEDULED)):
        assert "at once" in flowing(letter(event, facts(stage, **at_once)))
    assert letter(Event.SCHEDULED, facts(Stage.SCHEDULED, **at_once)).subject.endswith("ends at once")


def test_the_acknowledgement_names_the_days_that_save_or_cost_a_term() -> None:
    saved = alternatives_of("2027-01-31")
    assert "with 31 December 2026 instead of 31 January 2027, billing of line L-1 ends on 31 December 2026" in saved


def test_a_correction_says_what_the_case_means_now_and_what_changed() -> None:
    written = EVERY_LETTER["rescheduled"]
    assert "keeps its day of receipt, 22 September 2026" in flowing(written)
    assert "Billing of line L-1 ends on 31 December 2027, not on 31 December 2026." in flowing(written)


def alternatives_of(wished_on: str) -> str:
    """An acknowledgement of a wish that costs a term."""
    wish = date.fromisoformat(wished_on)
    quoted = quote("SUB-1001", [line("L-1")], [], received_on=date(2026, 9, 22), wished_on=wish)
    return flowing(letter(Event.RECEIVED, facts(Stage.INTAKE, termination_date=wish, quote=quoted)))
