"""The file of a bulk: whatever it is, it is read or refused in words, and one bad row holds up no other one."""

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.bulk import LARGEST_FILE, MOST_LINES, MOST_ROWS
from domain.bulk.reading import COLUMNS, LONGEST_CELL, read_file
from domain.bulk.refusals import BulkFileMalformed
from domain.bulk.writing import as_csv
from domain.refusals import Refusal

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30).filter(
    lambda text: text == text.strip()
)


def code_of(content: bytes) -> str:
    with pytest.raises(Refusal) as refused:
        read_file(content)
    assert refused.value.way_out
    return refused.value.details.code


@given(st.binary(max_size=300))
def test_no_bytes_are_a_fault(content: bytes) -> None:
    for given_bytes in (content, b"subscription,reason\n" + content):
        with suppress(BulkFileMalformed):
            assert all(row.number >= 2 for row in read_file(given_bytes))


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=20), st.sampled_from([",", ";"]), st.booleans())
def test_what_a_spreadsheet_writes_is_read_as_it_was(
    rows: list[tuple[str, str, str]], delimiter: str, marked: bool
) -> None:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter)
    writer.writerow(["reason", "subscription", "organization_name"])
    writer.writerows(rows)
    found = read_file(written.getvalue().encode("utf-8-sig" if marked else "utf-8"))

    assert [(row.cells["reason"], row.subscription, row.cells["organization_name"]) for row in found] == rows
    assert [row.number for row in found] == list(range(2, len(rows) + 2))
    firsts = {subscription: number for number, (_, subscription, _) in reversed(list(enumerate(rows, start=2)))}
    for row in found:
        is_first = firsts[row.subscription] == row.number
        assert (row.refusal is None) == is_first
        assert row.refusal is None or row.refusal.details.values["row"] == str(firsts[row.subscription])


@given(st.lists(st.lists(st.text(max_size=20), min_size=3, max_size=3), max_size=10))
@example([["", "", "\r@"]])
@example([["a\r=b", "c\nd", "e\r\n-f"]])
def test_no_result_that_is_written_begins_a_formula(rows: list[list[str]]) -> None:
    text = as_csv(["a", "b", "c"], rows)
    found = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert len(found) == len(rows)
    assert not [cell for line in found for cell in line if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "bulk_file_malformed"),
        (b"subscription\n", "bulk_file_malformed"),
        (b"subscription\n\n  ,\n", "bulk_file_malformed"),
        (b"id\nSUB-1\n", "bulk_file_malformed"),
        (b"subscription,color\nSUB-1,red\n", "bulk_file_malformed"),
        (b"subscription,subscription\nSUB-1,SUB-1\n", "bulk_file_malformed"),
        (b"subscription\nSUB-\xe4\n", "bulk_file_malformed"),
        ("subscription\nSUB-1\n".encode("utf-16"), "bulk_file_malformed"),
        (b'subscription,reason\nSUB-1,"never closed\n', "bulk_file_malformed"),
        (b"subscription\nSUB-\0\n", "bulk_file_malformed"),
        (b"subscription,reason\nSUB-1," + b"x" * LARGEST_FILE, "bulk_file_too_large"),
        (b"subscription\n" + b"S\n" * (MOST_ROWS + 1), "bulk_file_too_large"),
        (b"subscription\n" + b"\n" * (MOST_LINES + 1), "bulk_file_too_large"),
        (b"subscription\n" + b"\n" * (LARGEST_FILE - 100), "bulk_file_too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_file_of_which_nothing_can_be_read_is_refused_whole(content: bytes, code: str) -> None:
    assert code_of(content) == code


def test_the_largest_file_is_read_with_a_blank_line_for_each_row() -> None:
    rows = read_file(b"subscription\n" + b"".join(b"SUB-%d\n\n" % number for number in range(MOST_ROWS)))
    assert len(rows) == MOST_ROWS
    assert not [row for row in rows if row.refusal]


def test_what_is_wrong_with_a_row_stands_at_that_row() -> None:
    long = "x" * (LONGEST_CELL + 1)
    rows = read_file(f"Subscription , reason\nSUB-1,fine\n\n,no id\nSUB-2,{long}\nSUB-3,a,b\nSUB-1,again\n".encode())
    assert [(row.number, row.refusal.details.code if row.refusal else None) for row in rows] == [
        (2, None),
        (4, "bulk_row_malformed"),
        (5, "bulk_row_malformed"),
        (6, "bulk_row_malformed"),
        (7, "bulk_row_duplicate"),
    ]


def test_every_column_is_one_of_the_start_or_the_checklist() -> None:
    header = ",".join(COLUMNS)
    assert read_file(f"{header}\nSUB-1{',' * (len(COLUMNS) - 1)}\n".encode())[0].cells == {"subscription": "SUB-1"}
