"""A value becomes a number or a date only where Excel shows the same one."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import example, given, settings
from hypothesis import strategies as st

from activities.export.cells import cells_of
from activities.export.text_cells import EMPTY
from activities.export.warnings import Notes
from storage.tenants.catalog import TenantColumn

OIDS = {
    "boolean": 16,
    "bigint": 20,
    "numeric": 1700,
    "float8": 701,
    "date": 1082,
    "time": 1083,
    "timestamp": 1114,
    "timestamptz": 1184,
}

FIRST_SAFE = datetime(1900, 3, 1, tzinfo=UTC)
MOMENTS = st.datetimes(FIRST_SAFE.replace(tzinfo=None), datetime(9999, 12, 31, 23, 59, 59, 999999))  # noqa: DTZ001


def column(type_name: str) -> TenantColumn:
    oid = OIDS[type_name]
    return TenantColumn(
        name="a",
        type_name=type_name,
        type_oid=oid,
        base_type_oid=oid,
        type_kind="base",
        base_type_name=type_name,
        base_type_kind="base",
        element_type_oid=None,
        nullable=True,
        generated=False,
    )


def cell(type_name: str, value: str | None, notes: Notes | None = None) -> str:
    made = cells_of(column(type_name), notes or Notes("a"), lambda _row, _text: "").cells([value], 1)
    assert len(made) == 1
    return made[0]


def number(xml: str) -> str | None:
    """The content of a cell of numbers; None for text."""
    found = re.fullmatch(r'<c(?: s="\d")?><v>([^<]+)</v></c>', xml)
    return found[1] if found else None


def shown(digits: str) -> Decimal:
    """A number with the fifteen digits that Excel keeps."""
    return Decimal(f"{float(digits):.15g}")


@settings(max_examples=200, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False).map(lambda value: f"{value:f}"))
@example("0.000")
@example("-100000000000000000000")
@example("1" + "0" * 308)
@example("0." + "0" * 320 + "1")
def test_a_decimal_is_a_number_exactly_if_excel_shows_it_unchanged(value: str) -> None:
    written = number(cell("numeric", value))
    if written is not None:
        assert shown(written) == Decimal(value)
    else:
        assert value in cell("numeric", value)
        digits = len(Decimal(value).normalize().as_tuple().digits)
        assert digits > 15 or abs(Decimal(value)) >= Decimal("1e307") or abs(Decimal(value)) <= Decimal("1e-307")


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_integer_is_a_number_exactly_if_it_has_no_more_than_fifteen_digits(value: int) -> None:
    written = number(cell("bigint", str(value)))
    significant = len(str(abs(value)).rstrip("0"))
    assert (written is not None) is (significant <= 15)
    assert written is None or shown(written) == value


@given(st.floats())
def test_a_double_is_the_same_double_or_text(value: float) -> None:
    text = {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, "NaN" if value != value else repr(value))
    written = number(cell("float8", text))
    if written is None:
        assert text in cell("float8", text)
        assert value in (float("inf"), float("-inf")) or value != value or abs(value) < 2.3e-308
    else:
        assert float(written) == value


@settings(max_examples=200, deadline=None)
@given(MOMENTS, st.sampled_from(["timestamp", "timestamptz"]))
@example(datetime(9999, 12, 31, 23, 59, 59, 999999), "timestamptz")  # noqa: DTZ001
def test_a_moment_is_its_day_and_thousandth_and_never_a_later_one(moment: datetime, type_name: str) -> None:
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    text = f"{moment:%Y-%m-%d %H:%M:%S}{fraction}" + ("+00" if type_name == "timestamptz" else "")
    notes = Notes("a")
    written = number(cell(type_name, text, notes))
    assert written is not None
    exact = moment - timedelta(microseconds=moment.microsecond % 1000)
    since = exact - datetime(1899, 12, 30)  # noqa: DTZ001
    assert abs(Fraction(written) * 86_400_000_000 - since // timedelta(microseconds=1)) < 1
    assert ("below_milliseconds" in {warning.code for warning in notes.warnings()}) is bool(moment.microsecond % 1000)


@given(st.dates(max_value=date(9999, 12, 31)))
@example(date(1900, 2, 28))
@example(date(1900, 3, 1))
def test_a_date_is_a_number_exactly_since_march_1900(day: date) -> None:
    written = number(cell("date", day.isoformat()))
    assert written == (str((day - date(1899, 12, 30)).days) if day >= date(1900, 3, 1) else None)


@given(st.times())
def test_a_time_is_a_part_of_a_day(moment: time) -> None:
    written = number(cell("time", moment.isoformat()))
    assert written is not None
    assert 0 <= Fraction(written) < 1
    micros = ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1_000_000 + moment.microsecond // 1000 * 1000
    assert abs(Fraction(written) * 86_400_000_000 - micros) < 1


def test_null_is_an_empty_cell_in_every_column() -> None:
    assert {cell(type_name, None) for type_name in OIDS} == {EMPTY}
