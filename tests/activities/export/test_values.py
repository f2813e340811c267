"""Every value of an export, as its reader finds it in CSV and in Excel."""

import zipfile
from datetime import time

from tests.activities.export.conftest import Export, Files, Owner
from tests.activities.export.lookups import Make, only_sheet, shown_as, table, warned


def test_values_keep_their_types_where_excel_has_them(make: Make, export: Export, files: Files) -> None:
    make(
        "CREATE DOMAIN yes AS boolean",
        "CREATE TABLE t (a smallint, b int, c bigint, d numeric(12,2), e real, f double precision, g boolean, h date, "
        "i time, j timestamp, k timestamptz, l yes, m int GENERATED ALWAYS AS (b * 2) STORED)",
        "INSERT INTO t VALUES (-1, 2, 123456789012345, -12.50, 1.5, 0.1, true, '2026-11-22', '13:45:30', "
        "'2026-11-22 13:45:30.125', '2026-11-22 13:45:30+02', false)",
        "INSERT INTO t DEFAULT VALUES",
    )
    found = table(export(), "t")
    values, nothing = only_sheet(files, found)
    assert values == [
        -1,
        2,
        123456789012345,
        -12.5,
        1.5,
        0.1,
        True,
        shown_as(2026, 11, 22),
        time(13, 45, 30),
        shown_as(2026, 11, 22, 13, 45, 30, 125000),
        shown_as(2026, 11, 22, 11, 45, 30),
        False,
        4,
    ]
    assert nothing == [None] * 13
    assert [column.written_as for column in found.columns] == (
        ["number"] * 6 + ["boolean", "date", "time", "timestamp", "timestamp in UTC", "boolean", "number"]
    )
    assert warned(found) == {("time_zone", "k", 1, 1)}


def test_what_excel_would_change_becomes_text_and_is_counted(make: Make, export: Export, files: Files) -> None:
    make(
        "CREATE TABLE t (big bigint, exact numeric, single real, double double precision, day date, hour time, at timestamp, "
        "zoned timestamptz)",
        "INSERT INTO t VALUES (1, 1, 1, 1, '2026-01-01', '00:00', '2026-01-01', '2026-01-01 00:00Z')",
        "INSERT INTO t VALUES (-1234567890123456, 1234567890.1234567, 'NaN', '-Infinity', 'infinity', '24:00', "
        "'-infinity', 'infinity')",
        "INSERT INTO t VALUES (9223372036854775807, 'Infinity', 'Infinity', 5e-324, '1900-02-28', '12:00:00.123456', "
        "'1899-12-31 12:00', '0044-03-15 12:00+00 BC')",
        "INSERT INTO t VALUES (1234567890123450, 1234567890123450000, 1.25e-38, 1e-300, '0044-03-15 BC', '12:00:00.123', "
        "'2026-11-22 12:00:00 BC', '12026-11-22 12:00:00.5Z')",
        "INSERT INTO t VALUES (0, '-0.000123456789012345000', 0, 1.7976931348623157e308, '1900-03-01', '23:59:59.999999', "
        "'9999-12-31 23:59:59.999', '1900-03-01 00:00:00.000001Z')",
    )
    found = table(export(), "t")
    rows = only_sheet(files, found)
    assert rows[1] == [
        "-1234567890123456",
        "1234567890.1234567",
        "NaN",
        "-Infinity",
        "infinity",
        "24:00:00",
        "-infinity",
        "infinity",
    ]
    assert rows[2][:5] == ["9223372036854775807", "Infinity", "Infinity", "5e-324", "1900-02-28"]
    assert rows[2][6:] == ["1899-12-31 12:00:00", "0044-03-15 12:00:00+00 BC"]
    assert rows[3][:3] == [1234567890123450, 1234567890123450000, 1.25e-38]
    assert rows[3][4] == "0044-03-15 BC"
    assert rows[3][6:] == ["2026-11-22 12:00:00 BC", "12026-11-22 12:00:00.5+00"]
    assert rows[4][:5] == [0, -0.000123456789012345, 0, 1.7976931348623157e308, shown_as(1900, 3, 1)]
    assert rows[4][5] == time(23, 59, 59, 999000)
    assert rows[4][6] == shown_as(9999, 12, 31, 23, 59, 59, 999000)
    assert warned(found) == {
        ("digits_beyond_15", "big", 2, 2),
        ("digits_beyond_15", "exact", 1, 2),
        ("no_finite_number", "exact", 1, 3),
        ("no_finite_number", "single", 2, 2),
        ("no_finite_number", "double", 1, 2),
        ("number_out_of_range", "double", 1, 3),
        ("date_out_of_range", "day", 3, 2),
        ("date_out_of_range", "hour", 1, 2),
        ("below_milliseconds", "hour", 2, 3),
        ("date_out_of_range", "at", 3, 2),
        ("date_out_of_range", "zoned", 3, 2),
        ("below_milliseconds", "zoned", 1, 5),
        ("time_zone", "zoned", 5, 1),
    }


def test_every_other_type_is_the_text_that_postgresql_prints(make: Make, export: Export, files: Files) -> None:
    make(
        "CREATE TYPE mood AS ENUM ('sad', 'happy')",
        "CREATE TYPE pair AS (a int, b text)",
        "CREATE TYPE odd",
        "CREATE FUNCTION odd_in(cstring) RETURNS odd LANGUAGE internal IMMUTABLE STRICT AS 'textin'",
        "CREATE FUNCTION odd_out(odd) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'",
        "CREATE TYPE odd (INPUT = odd_in, OUTPUT = odd_out, LIKE = text)",
        "CREATE TABLE t (a bytea, b json, c jsonb, d uuid, e interval, f int4range, g mood, h pair, i int[], j inet, "
        "k char(5), m timetz, n bit(3), o tsvector, p odd, q oid, r text[], s varchar, t name)",
        r"""INSERT INTO t VALUES ('\x00ff', '{"a": 1}', '[1, "x"]', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '-1 day 2 hours',
            '[1,3)', 'happy', '(1,"a b")', '{1,NULL}', '10.0.0.1', 'ab', '12:00:00+02', '101', 'cat',
            'what', 4294967295, '{"a,b"}', '007', 'n')""",
    )
    found = table(export(), "t")
    (row,) = only_sheet(files, found)
    assert row == [
        "\\x00ff",
        '{"a": 1}',
        '[1, "x"]',
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "-1 days +02:00:00",
        "[1,3)",
        "happy",
        '(1,"a b")',
        "{1,NULL}",
        "10.0.0.1",
        "ab   ",
        "12:00:00+02",
        "101",
        "'cat'",
        "what",
        4294967295,
        '{"a,b"}',
        "007",
        "n",
    ]
    assert [str(value) for value in row] == files.csv_rows(found)[1]
    assert warned(found) == {("formula_like_text", "e", 1, 1), ("unknown_type", "p", 1, 1)}


def test_settings_of_the_database_do_not_change_how_values_are_printed(
    make: Make, owner: Owner, export: Export, files: Files
) -> None:
    make("CREATE TABLE t (a interval, b bytea, c double precision, d date)")
    make(r"INSERT INTO t VALUES ('1 day', '\x00', 0.1, '2026-11-22')")
    name = owner.info.dbname
    for setting in ("intervalstyle = 'iso_8601'", "bytea_output = 'escape'", "extra_float_digits = -10"):
        owner.execute(f"ALTER DATABASE {name} SET {setting}".encode())
    assert files.csv_text(table(export(), "t")) == "a,b,c,d\n1 day,\\x00,0.1,2026-11-22\n"


def test_text_that_begins_like_a_formula_is_not_evaluated(make: Make, export: Export, files: Files) -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "plain", None, '=HYPERLINK("http://x")']
    make("CREATE TABLE t (a text)")
    for text in texts:
        make("INSERT INTO t VALUES (%s)", values=(text,))
    found = table(export(), "t")
    assert only_sheet(files, found) == [[text] for text in texts]
    with zipfile.ZipFile(files.directory / found.files[1].key) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in xml
    assert xml.count('s="9" t="inlineStr"') == 5
    assert warned(found) == {("formula_like_text", "a", 5, 1)}


def test_long_text_is_continued_and_nothing_of_it_is_lost(make: Make, export: Export, files: Files) -> None:
    long, smileys, fits = "".join(str(n % 10) for n in range(40_000)), "😀" * 20_000, "x" * 32_767
    make("CREATE TABLE continued (id int, a text)")
    for number, text in enumerate([fits, long, "short", smileys, "😀" * 16_383]):
        make("INSERT INTO continued VALUES (%s, %s)", values=(number, text))
    found = table(export(), "continued")
    sheets = files.sheets(found)
    assert list(sheets) == ["continued", "continued 2"]
    names, *rows = sheets["continued"]
    assert names == ["id", "a"]
    assert [row[1] for row in rows if row[0] in (0, 2, 4)] == [fits, "short", "😀" * 16_383]
    assert rows[1][1] == (
        f'{long[:32_000]} … [40,000 characters in all; all of them are on the sheet "continued 2", rows 2 to 3]'
    )
    assert rows[3][1].endswith('… [20,000 characters in all; all of them are on the sheet "continued 2", rows 4 to 5]')
    assert all(len(row[1].encode("utf-16-le")) <= 2 * 32_767 for row in rows)
    head, *parts = sheets["continued 2"]
    assert head == ["sheet", "row", "column", "part", "parts", "text"]
    assert [part[:5] for part in parts] == [
        ["continued", 3, "a", 1, 2],
        ["continued", 3, "a", 2, 2],
        ["continued", 5, "a", 1, 2],
        ["continued", 5, "a", 2, 2],
    ]
    assert ["".join(part[5] for part in parts if part[1] == row) for row in (3, 5)] == [long, smileys]
    assert warned(found) == {("long_text", "a", 2, 2)}
    assert files.csv_rows(found)[2] == ["1", long]
