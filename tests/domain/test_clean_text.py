"""Characters that nobody sees: found in what people write, and written out where it is shown."""

import pytest

from domain.clean_text import escaped, unclean_character, why_unclean

TURNED = "pay\u202egnp.exe"
INVISIBLE = {
    "a terminal's escape": "red \x1b[31mtext",
    "a C1 control": "red \x9b31mtext",
    "a null": "nul\x00l",
    "a carriage return": "real\rfake",
    "DEL": "a\x7fb",
    "an override": TURNED,
    "an isolate": "a\u2066b\u2069c",
    "a mark of direction": "a\u200fb",
    "a space without a width": "con\u200btoso",
    "a word joiner": "con\u2060toso",
    "a byte order mark": "\ufeffcontoso",
    "a soft hyphen": "con\u00adtoso",
    "a tag": "flag\U000e0067",
    "a line separator": "one\u2028two",
    "half a character": "a\ud800b",
    "a joiner among Latin letters": "con\u200dtoso",
    "a non-joiner among Latin letters": "con\u200ctoso",
    "a non-joiner at the beginning": "\u200cnot",
    "a variation selector after a letter": "Ada\ufe0f",
    "a selector of an ideograph after a letter": "Ada\U000e0100",
    "two selectors after a symbol": "❤\ufe0f\ufe0f",
    "a selector at the beginning": "\ufe0fAda",
    "a Hangul filler": "Ada\u3164",
    "a half-width filler": "Ada\uffa0",
    "a grapheme joiner": "A\u034fda",
    "an empty braille cell": "Ada\u2800",
}
WRITTEN = [
    "Müller & Söhne GmbH – „die Besten“",
    "株式会社コントソ",
    "شركة كونتوسو",
    "נסיון בעברית 123",
    "می\u200cخواهم",  # Persian: a non-joiner belongs to the spelling
    "क्\u200dष and क्\u200cष",  # Devanagari: both do, after a virama
    "naïve café, décomposé: e\u0301",
    "no\u00a0break",
    "😀 👍🏽",
    "❤\ufe0f and 1\ufe0f\u20e3",
    "葛\U000e0100城",  # Japanese: the variant of a family's name
    "한국 주식회사",
]


@pytest.mark.parametrize("text", INVISIBLE.values(), ids=INVISIBLE)
def test_what_nobody_sees_is_found(text: str) -> None:
    assert unclean_character(text) is not None
    assert unclean_character(text, lines=True) is not None


@pytest.mark.parametrize("text", WRITTEN)
def test_what_people_write_in_their_languages_is_clean_and_shown_as_it_is(text: str) -> None:
    assert unclean_character(text) is None
    assert escaped(text) == text


def test_a_text_of_several_lines_may_have_their_ends() -> None:
    assert unclean_character("one\n\ttwo", lines=True) is None
    assert unclean_character("one\ntwo") == "\n"


@pytest.mark.parametrize("text", INVISIBLE.values(), ids=INVISIBLE)
def test_what_is_shown_has_none_of_it(text: str) -> None:
    shown = escaped(text)
    assert unclean_character(shown) is None
    assert "\\u" in shown or "\\U" in shown


def test_it_is_shown_where_it_was() -> None:
    assert escaped(TURNED) == "pay\\u202egnp.exe"
    assert escaped("red \x1b[31m\ntext") == "red \\u001b[31m\ntext"


def test_a_refusal_names_it() -> None:
    assert why_unclean("a\u202e") == "a character that nobody sees, U+202E RIGHT-TO-LEFT OVERRIDE"
    assert why_unclean("a\x1b") == "a character that nobody sees, U+001B"
    assert why_unclean("a") is None
