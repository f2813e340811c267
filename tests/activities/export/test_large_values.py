"""Values too large for a worker's memory: in no file, and named in the manifest; everything else stays as it is."""

from activities.export.large_values import without_large_values
from activities.export.limits import Limits
from storage.tenants.catalog import tables_of
from tests.activities.export.conftest import SCHEMA, Export, Files, Owner
from tests.activities.export.lookups import Make, table, warned

SMALL = Limits(cell_bytes=200_000, row_bytes=500_000)
RANDOM = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, {}) n)"
"""Text of 32 characters each, which does not compress."""


def test_a_hundred_megabytes_out_of_nothing_reach_neither_a_file_nor_the_worker(
    make: Make, export: Export, files: Files, owner: Owner
) -> None:
    make(
        "CREATE TABLE t (n int, x text GENERATED ALWAYS AS (repeat('x', n)) VIRTUAL, "
        "y text GENERATED ALWAYS AS (repeat('y', n)) VIRTUAL)",
        "INSERT INTO t VALUES (3), (100000000), (100000000), (1048576), (1048577)",
    )
    [found] = tables_of(owner, SCHEMA)
    reading = without_large_values(owner, SCHEMA, found, Limits())
    longest = owner.execute(reading.statement).fetchall()
    assert max(len(value or "") for _, *values in longest for value in values) == 1_048_576

    manifest = export()

    written = table(manifest, "t")
    assert warned(written) >= {("too_large", "x", 3, 2), ("too_large", "y", 3, 2)}
    assert "1 MiB where the database computes them" in next(
        w.sentence for w in written.warnings if w.code == "too_large"
    )
    assert [(row[0], len(row[1]), len(row[2])) for row in files.csv_rows(written)[1:]] == [
        ("3", 3, 3), ("100000000", 0, 0), ("100000000", 0, 0), ("1048576", 1048576, 1048576), ("1048577", 0, 0),
    ]  # fmt: skip
    assert next(file.rows for file in written.files if file.kind == "xlsx") == 5


def test_a_stored_value_beyond_the_limit_is_left_out_and_its_row_stays(
    make: Make, export: Export, files: Files
) -> None:
    make(
        "CREATE TABLE t (n int, file bytea, note text)",
        "INSERT INTO t VALUES (1, 'small', 'a'), (3, 'small', repeat('c', 300000)), (4, NULL, repeat('d', 190000))",
        f"INSERT INTO t VALUES (2, convert_to({RANDOM.format(4_000)}, 'UTF8'), 'b')",  # noqa: S608
    )

    manifest = export(limits=SMALL)

    written = table(manifest, "t")
    found = {w for w in warned(written) if w[0] == "too_large"}
    assert found == {("too_large", "note", 1, 2), ("too_large", "file", 1, 4)}
    small = "\\x736d616c6c"
    expected = [["1", small, "a"], ["3", small, ""], ["4", "", "d" * 190_000], ["2", "", "b"]]
    assert files.csv_rows(written)[1:] == expected
    [rows] = [cells[1:] for name, cells in files.sheets(written).items() if "continued" not in name]
    assert [row[1] for row in rows] == [small, small, None, None]
    assert [row[2] for row in (rows[0], rows[1], rows[3])] == ["a", None, "b"]


def test_a_row_of_many_large_values_loses_the_largest(make: Make, export: Export, files: Files) -> None:
    long = RANDOM.format(5_900)  # 188,800 characters: each is allowed alone
    make(
        "CREATE TABLE t (a text, b text, c text)",
        f"INSERT INTO t VALUES ({long}, {long}, 'c'), ({long}, {long}, {long})",  # noqa: S608
    )

    manifest = export(limits=SMALL)

    written = table(manifest, "t")
    assert {w for w in warned(written) if w[0] == "too_large"} == {("too_large", name, 1, 2) for name in "abc"}
    assert [[len(cell) for cell in row] for row in files.csv_rows(written)[1:]] == [[188_800, 188_800, 1], [0, 0, 0]]


def test_computed_numbers_are_exported_like_any_others(make: Make, export: Export, files: Files) -> None:
    make(
        "CREATE TABLE t (n int, twice int GENERATED ALWAYS AS (n * 2) VIRTUAL)",
        "INSERT INTO t VALUES (1), (2)",
        "CREATE TABLE once_long (n int, note text)",
        f"INSERT INTO once_long SELECT 1, {RANDOM.format(20_000)}",
        "ALTER TABLE once_long DROP note",
    )

    manifest = export(limits=SMALL)

    assert files.csv_rows(table(manifest, "t"))[1:] == [["1", "2"], ["2", "4"]]
    assert files.csv_rows(table(manifest, "once_long"))[1:] == [["1"]]
    assert manifest.warnings == ()


def test_a_table_without_large_values_is_read_as_ever(make: Make, owner: Owner) -> None:
    make(
        "CREATE TABLE short (n int, note text)",
        "CREATE TABLE long (n int, note text)",
        f"INSERT INTO long SELECT n, {RANDOM.format(3_000)} FROM generate_series(1, 3) n",  # noqa: S608
    )
    for found in tables_of(owner, SCHEMA):
        reading = without_large_values(owner, SCHEMA, found, SMALL)
        assert reading.warnings == ()
        assert reading.statement.as_string().startswith('SELECT "n", "note" FROM ONLY')


def test_a_cast_of_its_own_makes_no_value_small(make: Make, owner: Owner) -> None:
    make(
        "CREATE TYPE pair AS (a text, b int)",
        "CREATE TABLE t (n int, v pair)",
        f"INSERT INTO t SELECT 1, ROW({RANDOM.format(100_000)}, 1)::pair",
        "CREATE FUNCTION small(pair) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 'small'; END $$",
        "CREATE CAST (pair AS text) WITH FUNCTION small(pair)",
    )
    [found] = tables_of(owner, SCHEMA)
    reading = without_large_values(owner, SCHEMA, found, SMALL)
    assert [(w.code, w.column) for w in reading.warnings] == [("too_large", "v")]
    assert owner.execute(reading.statement).fetchall() == [(1, None)]
