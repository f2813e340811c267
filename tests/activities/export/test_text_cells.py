"""Text survives the way into a workbook and out again, whatever its characters."""

import io
import re

import openpyxl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from activities.export.text_cells import LONGEST, TextCells, pieces, utf16_units
from activities.export.warnings import Notes
from activities.export.xlsx import Workbook
from tests.activities.export.conftest import shown

CHARACTERS = st.characters(codec="utf-8", exclude_characters="\x00")  # PostgreSQL has no NUL in text
TRICKY = st.sampled_from(
    ["_x0041_", "_x", "_", "\x01", "\r\n", "\ufffe", "=1", " ", "&amp;", "]]>", "<", "😀", "x0041_", "\u241e="]
)
TEXTS = st.lists(st.none() | st.text(CHARACTERS, max_size=20) | st.lists(TRICKY, max_size=6).map("".join), max_size=12)


class Buffer:
    """A stream that cannot be rewound."""

    def __init__(self) -> None:
        self.content = io.BytesIO()

    def write(self, data: bytes, /) -> int:
        return self.content.write(data)

    def flush(self) -> None:
        pass


def through_a_workbook(values: list[str | None]) -> list[object]:
    cells = TextCells(Notes("a"), lambda _row, _text: "elsewhere").cells(values, 1)
    buffer = Buffer()
    with Workbook(buffer) as workbook:
        workbook.begin_sheet("s", ["a", "b"], [10, 10])
        workbook.write("".join(f"<row>{cell}<c><v>1</v></c></row>" for cell in cells).encode())
        workbook.end_sheet()
    sheet = openpyxl.load_workbook(buffer.content)["s"]
    return [shown(row[0].value) for row in sheet.iter_rows(min_row=2, max_row=len(values) + 1)][: len(values)]


@settings(max_examples=150, deadline=None)
@given(TEXTS)
@example(["_x0041_x0042_", "_x0041\x01", "_x005F_", None, "", "\t\n\x0b\x0c\r\x1f\x7f\x85\xa0"])
def test_text_comes_out_as_it_went_in(values: list[str | None]) -> None:
    assert through_a_workbook(values) == values


@settings(max_examples=50, deadline=None)
@given(st.text(CHARACTERS, max_size=10), st.integers(1, 9000))
def test_pieces_fit_a_cell_and_make_up_the_whole(text: str, times: int) -> None:
    long = text * times
    parts = list(pieces(long))
    assert "".join(parts) == long
    assert all(utf16_units(part) <= LONGEST for part in parts)


def test_warnings_count_values_and_name_the_first_row_and_never_the_value() -> None:
    notes = Notes("secret column")
    cells = TextCells(notes, lambda row, text: f"{row}/{len(text)}")
    cells.cells(["fine", None], 1)
    cells.cells(["=secret", "\x02secret", "+secret"], 3)
    cells.cells(["s" * 40_000], 6)
    found = notes.warnings()
    assert [(warning.code, warning.count, warning.row) for warning in found] == [
        ("formula_like_text", 2, 3),
        ("long_text", 1, 6),
        ("control_characters", 1, 4),
    ]
    assert not any(re.search("secret(?! column)", warning.model_dump_json()) for warning in found)
