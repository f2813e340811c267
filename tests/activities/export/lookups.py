"""Lookups in a manifest and its files, for the tests of exports."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from domain.export.manifest import Manifest, ManifestTable
from tests.activities.export.conftest import Files

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
