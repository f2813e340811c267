"""An export as its reader finds it: every table, every row, every value, from one moment."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import psycopg
import pytest
from obstore.store import LocalStore, S3Store
from psycopg import sql

from activities.export import ExportProgress, Limits, export_schema, verify_download
from domain.export.manifest import Manifest, ManifestTable, read_manifest
from storage.objects import ObjectStoreUnavailable, refusing_when_store_unavailable
from storage.tenants.database import TenantDatabase
from storage.tenants.refusals import TenantDatabaseUnavailable, TenantSchemaNotReadable
from tests.activities.export.conftest import PREFIX, SCHEMA, Export, Files, Owner
from tests.support.servers import free_port

Make = Callable[..., None]


def table(manifest: Manifest, name: str) -> ManifestTable:
    (found,) = [table for table in manifest.tables if table.name == name]
    return found


def warned(table: ManifestTable) -> set[tuple[str, str, int, int]]:
    return {(warning.code, warning.column, warning.count, warning.row) for warning in table.warnings}


def shown_as(*parts: int) -> datetime:
    """A date and time as Excel has it: without a zone."""
    return datetime(*parts)  # type: ignore[arg-type, misc, unused-ignore]  # noqa: DTZ001


def only_sheet(files: Files, table: ManifestTable) -> list[list[Any]]:
    ((_, names, rows),) = [(name, cells[0], cells[1:]) for name, cells in files.sheets(table).items()]
    assert names == [column.name for column in table.columns]
    return rows


def test_every_table_becomes_a_csv_file_and_a_workbook_and_the_manifest_tells_of_them(
    make: Make, export: Export, files: Files
) -> None:
    make(
        "CREATE TABLE accounts (id int PRIMARY KEY, name text)",
        "INSERT INTO accounts VALUES (1, 'Contoso'), (2, NULL), (3, '')",
        "CREATE TABLE empty (id int, at timestamptz)",
    )
    manifest = export()
    assert files.names() == [
        "001-accounts.csv.gz",
        "001-accounts.xlsx",
        "002-empty.csv.gz",
        "002-empty.xlsx",
        "manifest.json",
    ]
    written = (files.directory / "manifest.json").read_bytes()
    assert read_manifest(written) == manifest
    assert hashlib.sha256(written).hexdigest() == manifest.sha256
    assert (manifest.rows, [table.rows for table in manifest.tables]) == (3, [3, 0])
    assert manifest.started <= manifest.finished <= datetime.now(UTC)
    for file in manifest.files:
        content = (files.directory / file.key).read_bytes()
        assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert manifest.bytes == sum(file.bytes for file in manifest.files)
    assert verify_download(files.directory, manifest).complete
    assert files.csv_text(table(manifest, "accounts")) == 'id,name\n1,Contoso\n2,\n3,""\n'
    assert only_sheet(files, table(manifest, "accounts")) == [[1, "Contoso"], [2, None], [3, ""]]
    assert files.csv_text(table(manifest, "empty")) == "id,at\n"
    assert only_sheet(files, table(manifest, "empty")) == []


NASTY_NAMES = [
    "Äußerungen",
    "b; DROP TABLE x",
    'Bob\'s "x"',
    "select",
    "%s {} %(a)s",
    "two\nlines",
    "z" * 63,
    "History",
    "日本",
]


def test_tables_and_columns_may_have_any_name(make: Make, owner: Owner, export: Export, files: Files) -> None:
    make()
    for number, name in enumerate(NASTY_NAMES):
        statement = sql.SQL("CREATE TABLE {0} ({0} int, {1} text)").format(sql.Identifier(name), sql.Identifier("=1+1"))
        owner.execute(statement)
        owner.execute(sql.SQL("INSERT INTO {} VALUES ({}, {})").format(sql.Identifier(name), number, name))
    manifest = export()
    assert sorted(table.name for table in manifest.tables) == sorted(NASTY_NAMES)
    for name in NASTY_NAMES:
        found = table(manifest, name)
        assert only_sheet(files, found) == [[NASTY_NAMES.index(name), name]]
        assert all(file.key.isascii() and " " not in file.key for file in found.files)
        assert files.csv_rows(found)[0] == [name, "=1+1"]
    assert [file.key for file in table(manifest, "日本").files] == ["009-table.csv.gz", "009-table.xlsx"]
    assert table(manifest, "History").files[1].sheets == ("History 2",)


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


def test_sheets_and_workbooks_end_at_their_limits_and_no_row_is_lost_or_doubled(
    make: Make, export: Export, files: Files
) -> None:
    make("CREATE TABLE t (id int, a text)", "INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 95) n")
    found = table(export(limits=Limits(sheet_rows=11, workbook_bytes=2000, batch_rows=4)), "t")
    sheets = files.sheets(found)
    assert all(cells[0] == ["id", "a"] for cells in sheets.values())
    assert [len(cells) - 1 for cells in sheets.values()] == [10] * 9 + [5]
    assert [row[0] for cells in sheets.values() for row in cells[1:]] == list(range(1, 96))
    _, *workbooks = found.files
    assert [file.key for file in workbooks] == ["001-t.xlsx", "001-t-2.xlsx", "001-t-3.xlsx", "001-t-4.xlsx"]
    assert [file.sheets for file in workbooks][:2] == [("t", "t 2", "t 3"), ("t 4", "t 5", "t 6")]
    assert [file.rows for file in workbooks] == [30, 30, 30, 5]


def test_a_table_that_just_fills_its_sheet_gets_no_empty_one(make: Make, export: Export, files: Files) -> None:
    make("CREATE TABLE t (id int)", "INSERT INTO t SELECT generate_series(1, 10)")
    found = table(export(limits=Limits(sheet_rows=11)), "t")
    assert len(only_sheet(files, found)) == 10


def test_a_sheet_ends_early_when_much_long_text_waits(make: Make, export: Export, files: Files) -> None:
    make(
        "CREATE TABLE t (id int, a text)", "INSERT INTO t SELECT n, repeat(n::text, 40000) FROM generate_series(1, 7) n"
    )
    found = table(export(limits=Limits(continued_bytes=100_000, batch_rows=1)), "t")
    sheets = files.sheets(found)
    assert list(sheets) == ["t", "continued", "t 2", "continued 2", "t 3", "continued 3"]
    assert [[row[0] for row in sheets[name][1:]] for name in ("t", "t 2", "t 3")] == [[1, 2, 3], [4, 5, 6], [7]]
    assert [row[:2] for row in sheets["continued 3"][1:]] == [["t 3", 2], ["t 3", 2]]


def test_tables_without_columns_or_without_a_key_are_read_like_any_other(
    make: Make, export: Export, files: Files
) -> None:
    make(
        "CREATE TABLE nothing ()",
        "INSERT INTO nothing DEFAULT VALUES",
        "INSERT INTO nothing DEFAULT VALUES",
        "CREATE TABLE twice (a text)",
        "INSERT INTO twice VALUES ('same'), ('same')",
    )
    manifest = export()
    nothing = table(manifest, "nothing")
    assert (nothing.rows, [file.rows for file in nothing.files]) == (2, [2, 2])
    assert verify_download(files.directory, manifest).complete
    assert only_sheet(files, table(manifest, "twice")) == [["same"], ["same"]]


def test_partitions_go_with_their_parent_and_heirs_on_their_own_and_views_are_named_as_left_out(
    make: Make, export: Export, files: Files
) -> None:
    make(
        "CREATE TABLE events (at date) PARTITION BY RANGE (at)",
        "CREATE TABLE events_2026 PARTITION OF events DEFAULT",
        "INSERT INTO events VALUES ('2026-01-01'), ('2026-01-02')",
        "CREATE TABLE parent (a int)",
        "CREATE TABLE heir () INHERITS (parent)",
        "INSERT INTO parent VALUES (1)",
        "INSERT INTO heir VALUES (2)",
        "CREATE VIEW seen AS SELECT * FROM parent",
        "CREATE MATERIALIZED VIEW kept AS SELECT * FROM parent",
    )
    manifest = export()
    assert {table.name: table.rows for table in manifest.tables} == {"events": 2, "heir": 1, "parent": 1}
    assert only_sheet(files, table(manifest, "parent")) == [[1]]
    assert [(left.name, left.kind) for left in manifest.not_exported] == [
        ("kept", "materialized view"),
        ("seen", "view"),
    ]
    assert all(left.reason for left in manifest.not_exported)


def test_an_empty_schema_is_an_export_without_tables(make: Make, export: Export, files: Files) -> None:
    manifest = export()
    assert (manifest.tables, manifest.rows, files.names()) == ((), 0, ["manifest.json"])
    assert verify_download(files.directory, manifest).complete


def test_all_tables_are_of_one_moment_whatever_is_committed_meanwhile(
    make: Make, owner: Owner, export: Export, files: Files
) -> None:
    make(
        "CREATE TABLE a (n int)",
        "CREATE TABLE b (n int)",
        "INSERT INTO a VALUES (1)",
        "INSERT INTO b VALUES (1)",
    )

    def move(progress: ExportProgress) -> None:
        if progress.tables_done == 0:  # before the first row is read, and after the snapshot is taken
            make("WITH gone AS (DELETE FROM b RETURNING n) INSERT INTO a SELECT n + 1 FROM gone")

    manifest = export(progress=move)
    assert owner.execute("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)").fetchone() == (2, 0)
    assert [only_sheet(files, table(manifest, name)) for name in ("a", "b")] == [[[1]], [[1]]]


def test_row_security_that_hides_rows_is_a_refusal_by_name(
    make: Make, owner: Owner, tenants: TenantDatabase, store: LocalStore
) -> None:
    make("CREATE TABLE secret (a int)", "ALTER TABLE secret ENABLE ROW LEVEL SECURITY")
    with psycopg.connect(tenants.url.render_as_string(hide_password=False)) as connection:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(tenants.reader_role)))
        with pytest.raises(TenantSchemaNotReadable, match="secret"):
            export_schema(connection, SCHEMA, store, PREFIX, progress=lambda _: None)


def test_progress_goes_from_nothing_to_everything(make: Make, export: Export) -> None:
    make("CREATE TABLE a (n int)", "INSERT INTO a SELECT generate_series(1, 1000)", "CREATE TABLE b ()")
    seen: list[ExportProgress] = []
    export(progress=seen.append)
    assert (seen[0].table, seen[0].tables, seen[0].percent, seen[0].rows_done) == ("a", 2, 0, 0)
    assert (seen[-1].tables_done, seen[-1].percent, seen[-1].seconds_left) == (2, 100, 0)
    assert seen[-1].rows_done == seen[-1].rows_estimated == 1000
    assert json.loads(seen[-1].model_dump_json())["percent"] == 100


def test_an_export_that_is_stopped_leaves_nothing_of_the_file_it_was_writing(
    make: Make, export: Export, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    def stop(_progress: ExportProgress) -> None:
        if any("#" in name for name in files.names()):  # how this store calls an upload that is not complete
            raise Enough

    monkeypatch.setattr("activities.export.export._TELL_EVERY_SECONDS", 0.005)
    make("CREATE TABLE a AS SELECT gen_random_uuid() AS x FROM generate_series(1, 150000)")
    with pytest.raises(Enough):
        export(progress=stop, limits=Limits(part_bytes=1_000_000))
    assert files.names() == []


def test_a_store_that_does_not_answer_ends_the_export_with_a_refusal_by_name(
    make: Make, tenants: TenantDatabase
) -> None:
    make("CREATE TABLE a AS SELECT gen_random_uuid() AS x FROM generate_series(1, 1000)")
    nowhere = S3Store(
        "bucket",
        endpoint=f"http://127.0.0.1:{free_port()}",
        region="us-east-1",
        skip_signature=True,
        client_options={"allow_http": True},
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
    )
    with (
        pytest.raises(ObjectStoreUnavailable),
        refusing_when_store_unavailable("the store"),
        tenants.reading(SCHEMA) as connection,
    ):
        export_schema(connection, SCHEMA, nowhere, PREFIX, progress=lambda _progress: None)


def test_a_database_that_goes_away_ends_the_export_without_a_manifest(
    make: Make, owner: Owner, export: Export, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(progress: ExportProgress) -> None:
        if progress.rows:
            owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%'")

    monkeypatch.setattr("activities.export.export._TELL_EVERY_SECONDS", 0.005)
    make("CREATE TABLE a AS SELECT gen_random_uuid() AS x FROM generate_series(1, 300000)")
    with pytest.raises(TenantDatabaseUnavailable):
        export(progress=end)
    assert files.names() == []


def test_an_export_is_stopped_also_while_the_database_says_nothing(
    make: Make, tenants: TenantDatabase, store: LocalStore, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    monkeypatch.setattr("activities.export.export._TELL_EVERY_SECONDS", 0.05)
    make("CREATE TABLE a (n int)")
    url = tenants.url.render_as_string(hide_password=False)
    with psycopg.connect(url) as connection, psycopg.connect(url) as somebody:
        looks: list[ExportProgress] = []

        def look(progress: ExportProgress) -> None:
            if not looks:  # before the table is read
                somebody.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(SCHEMA, "a")))
            looks.append(progress)
            if len(looks) > 3:
                raise Enough

        with pytest.raises(Enough):
            export_schema(connection, SCHEMA, store, PREFIX, progress=look)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
    assert files.names() == []
