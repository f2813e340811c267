"""Exports of one test's own tenant database into a folder, and how to read them back."""

import csv
import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import openpyxl
import psycopg
import pytest
from obstore.store import LocalStore
from psycopg import sql

from activities.export import ExportProgress, Limits, export_schema
from domain.export.manifest import Manifest, ManifestTable
from tests.support.tenants import PreparedTenants

SCHEMA = 'Bob\'s "data"'
PREFIX = "cancellations/SUB-1/1/export/1/"

Owner = psycopg.Connection[Any]
Cell = Any


csv.field_size_limit(1 << 30)


class Export(Protocol):
    """Export the schema; returns the manifest."""

    def __call__(
        self, *, limits: Limits | None = None, progress: Callable[[ExportProgress], None] = ...
    ) -> Manifest: ...


class Files:
    """The files of an export, as its reader has them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def names(self) -> list[str]:
        return sorted(path.name for path in self.directory.rglob("*") if path.is_file())

    def csv_text(self, table: ManifestTable) -> str:
        (file,) = [file for file in table.files if file.kind == "csv"]
        return gzip.decompress((self.directory / file.key).read_bytes()).decode()

    def csv_rows(self, table: ManifestTable) -> list[list[str]]:
        return list(csv.reader(self.csv_text(table).splitlines(keepends=True)))

    def sheets(self, table: ManifestTable) -> dict[str, list[list[Cell]]]:
        """The cells of every sheet of all workbooks, with the line of column names; text as Excel shows it."""
        found = {}
        for file in table.files:
            if file.kind == "xlsx":
                book = openpyxl.load_workbook(self.directory / file.key)
                assert tuple(book.sheetnames) == file.sheets
                for sheet in book.worksheets:
                    assert sheet.title not in found
                    found[sheet.title] = [[shown(cell.value) for cell in row] for row in sheet.iter_rows()]
        return found


def shown(value: Cell) -> Cell:
    """Text as Excel reads it: _xHHHH_ is a character."""
    if not isinstance(value, str):
        return value
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), value)


@pytest.fixture
def make(owner: Owner) -> Callable[..., None]:
    """Run statements as the organization, in its schema."""
    owner.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
    owner.execute(sql.SQL("SET search_path = {}, public").format(sql.Identifier(SCHEMA)))

    def run(*statements: str, values: tuple[object, ...] = ()) -> None:
        for statement in statements:
            owner.execute(statement.encode(), values or None)

    return run


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "store" / PREFIX)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", mkdir=True, automatic_cleanup=True)


@pytest.fixture
def export(tenants: PreparedTenants, store: LocalStore, make: Callable[..., None]) -> Export:
    def run(
        *, limits: Limits | None = None, progress: Callable[[ExportProgress], None] = lambda _progress: None
    ) -> Manifest:
        with tenants.reading(SCHEMA) as connection:
            return export_schema(connection, SCHEMA, store, PREFIX, progress=progress, limits=limits)

    return run
