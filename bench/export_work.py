"""The pieces of work that `bench.export` measures, one to a process that does nothing else; prints seconds and peak MiB."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from obstore.store import LocalStore
from psycopg import sql

from activities.export import Limits, export_schema
from activities.export.csv_files import write_csv
from activities.export.large_values import without_large_values
from activities.export.progress import Meter
from activities.export.table_reader import prepare
from activities.export.workbooks import TableWorkbooks
from storage.tenants.catalog import TenantTable, tables_of

EXPORT_CSV, EXPORT_EXCEL, EXPORT_ALL, XLSXWRITER = "export-csv", "export-excel", "export-all", "xlsxwriter"


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
        reading = without_large_values(connection, schema, table, Limits()).statement
        write_csv(connection, table, reading, store, "", "customers.csv.gz", meter=Meter([table]), limits=Limits())
        return time.perf_counter() - began


def _export_excel(url: str, schema: str) -> float:
    with _ready(url, schema) as (connection, table, store):
        began = time.perf_counter()
        workbooks = TableWorkbooks(table, store, "", "customers", meter=Meter([table]), limits=Limits())
        reading = without_large_values(connection, schema, table, Limits()).statement
        workbooks.write(connection, reading, widest_row=200)
        return time.perf_counter() - began


def _export_all(url: str, schema: str) -> float:
    with _ready(url, schema) as (connection, _, store):
        began = time.perf_counter()
        export_schema(connection, schema, store, "export/", progress=lambda _: None)
        return time.perf_counter() - began


def _xlsxwriter(url: str, schema: str) -> float:
    import xlsxwriter  # type: ignore[import-untyped]  # noqa: PLC0415 - not in the memory of the others

    with _reading(url) as connection, TemporaryDirectory() as directory:
        rows = connection.execute(sql.SQL("SELECT * FROM {}.customers").format(sql.Identifier(schema))).fetchall()
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


WORK = {EXPORT_CSV: _export_csv, EXPORT_EXCEL: _export_excel, EXPORT_ALL: _export_all, XLSXWRITER: _xlsxwriter}

if __name__ == "__main__":
    name, where, which = sys.argv[1:]
    print(WORK[name](where, which), _peak_mebibytes())
