"""Letters about billing that is still open: to the customer, and to the queues that post credit memos."""

import pytest

from activities.messaging.letters import Letter
from domain.vocabulary import Event
from tests.activities.messaging.letter_samples import CREDIT_MEMO_LETTERS, EVERY_LETTER


def flowing(written: Letter) -> str:
    return " ".join(written.text.split())


@pytest.mark.parametrize("which", ["scheduled", "reminder", "effective", "closed"])
def test_a_letter_says_what_is_still_open_of_billing_and_nothing_where_nothing_is(which: str) -> None:
    said = flowing(EVERY_LETTER[f"{which} with billing open"])
    assert (
        "Billing of line L-1 is to end on 31 December 2026, and it is invoiced until 31 December 2028. The credit memos for "
        "these invoices are still outstanding, in this order: INV-88, INV-77."
    ) in said
    assert "The credit memo for invoice INV-78 is still outstanding." in said
    assert "The credit memos for the days after that are still outstanding." in said
    assert "We will confirm the end of billing as soon as this is done." in said
    assert "outstanding" not in flowing(EVERY_LETTER[which])
    assert "Still open" not in EVERY_LETTER[which].text


def test_billing_reads_which_invoices_to_credit_in_which_order_for_every_line() -> None:
    for event, written in CREDIT_MEMO_LETTERS.items():
        said = flowing(written)
        assert written.subject.startswith("Reminder:" if event is Event.CREDIT_MEMO_REMINDER else "Escalation:")
        assert "Line L-1 ends on 31 December 2026 and is invoiced until 31 December 2028." in said
        assert "To be credited, in this order: INV-88, INV-77." in said
        assert "To be credited, in this order: INV-V." in said
        assert "Outstanding since: 22 September 2026, 00:45 Europe/Berlin (UTC+02:00)" in said
        assert "contoso" not in written.text, "nobody's name"


def test_the_confirmation_says_when_billing_ends_and_that_nothing_is_open() -> None:
    written = EVERY_LETTER["billing settled"]
    assert written.subject == "The end of billing is final: CRM <Enterprise> (SUB-1001/1)"
    assert "nothing remains open. " in flowing(written)
    assert "Billing of line L-1 ends on 31 December 2026." in flowing(written)
