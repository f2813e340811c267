"""Names for files and sheets out of any name that PostgreSQL takes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.export.file_names import SheetNames, file_stem
from activities.export.text_cells import utf16_units

ANY_NAME = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=63)


@given(ANY_NAME, st.integers(1, 5000))
def test_a_file_name_is_plain_and_begins_with_its_number(name: str, number: int) -> None:
    stem = file_stem(number, 5000, name)
    assert re.fullmatch(r"\d{4}-[a-z0-9]+(-[a-z0-9]+)*", stem)
    assert int(stem[:4]) == number


@given(st.lists(ANY_NAME, max_size=6))
def test_sheet_names_are_such_as_excel_takes_and_differ(names: list[str]) -> None:
    book = SheetNames()
    given_names = [book.give(name) for name in names for _ in range(3)]
    assert len({name.casefold() for name in given_names}) == len(given_names)
    for name in given_names:
        assert 0 < utf16_units(name) <= 31
        assert not re.search(r"[\[\]:*?/\\\x00-\x1f]", name)
        assert name.strip("'") == name
        assert name.casefold() != "history"


@pytest.mark.parametrize(
    ("table", "sheets"),
    [
        ("accounts", ["accounts", "accounts 2", "accounts 3"]),
        ("HISTORY", ["HISTORY 2", "HISTORY 3", "HISTORY 4"]),
        ("'a'/b*", ["a'_b_", "a'_b_ 2", "a'_b_ 3"]),
        ("'", ["table", "table 2", "table 3"]),
        ("x" * 40, ["x" * 31, "x" * 29 + " 2", "x" * 29 + " 3"]),
        ("😀" * 20, ["😀" * 15, "😀" * 14 + " 2", "😀" * 14 + " 3"]),
    ],
)
def test_sheets_of_one_table_are_numbered(table: str, sheets: list[str]) -> None:
    book = SheetNames()
    assert [book.give(table) for _ in range(3)] == sheets
