"""Letters about one line that ends while its subscription goes on."""

from tests.activities.messaging.letter_samples import LINE_LETTERS


def flowing(name: str) -> str:
    return " ".join(LINE_LETTERS[name].text.split())


def test_a_letter_about_a_line_says_that_the_subscription_goes_on_and_when_the_line_ends() -> None:
    said = flowing("line scheduled")
    assert "The subscription itself goes on, and so does your access." in said
    assert "Billed through: 31 December 2026 Line: L-1 Subscription: CRM <Enterprise> (SUB-1001), which goes on" in said


def test_a_line_that_is_had_back_while_its_subscription_is_cancelled_ends_with_it() -> None:
    for undone in ("line reversed beside", "line withdrawn beside"):
        said = flowing(undone)
        assert "the line ends with it: it is billed through 31 January 2027" in said
        assert "goes on under the terms" not in said
