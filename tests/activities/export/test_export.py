"""An export as its reader finds it: every table and every row, from one moment."""

import hashlib
from datetime import UTC, datetime

import psycopg
import pytest
from obstore.store import LocalStore
from psycopg import sql

from activities.export import ExportProgress, Limits, export_schema, verify_download
from domain.export.manifest import read_manifest
from storage.tenants.refusals import TenantSchemaNotReadable
from tests.activities.export.conftest import PREFIX, SCHEMA, Export, Files, Owner
from tests.activities.export.lookups import Make, only_sheet, table
from tests.support.tenants import PreparedTenants


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
    make: Make, owner: Owner, tenants: PreparedTenants, store: LocalStore
) -> None:
    make("CREATE TABLE secret (a int)", "ALTER TABLE secret ENABLE ROW LEVEL SECURITY")
    make("ALTER TABLE secret FORCE ROW LEVEL SECURITY")
    tenant = tenants.prepared(SCHEMA)
    url = tenants.login_url(tenant).render_as_string(hide_password=False)
    with psycopg.connect(url) as connection, pytest.raises(TenantSchemaNotReadable, match="secret"):
        export_schema(connection, SCHEMA, store, PREFIX, progress=lambda _: None)
