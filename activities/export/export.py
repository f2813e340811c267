"""An export from one snapshot: table after table, each as CSV and as workbooks, and the manifest last of all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import obstore
import psycopg

from activities.export.cells import written_as
from activities.export.csv_files import write_csv
from activities.export.file_names import file_stem
from activities.export.large_values import without_large_values
from activities.export.limits import Limits
from activities.export.progress import ExportProgress, Meter
from activities.export.table_reader import prepare
from activities.export.workbooks import TableWorkbooks
from domain.export.manifest import MANIFEST_NAME, Manifest, ManifestColumn, ManifestTable, NotExported
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from storage.tenants.catalog import LeftOutKind, TenantTable, left_out_of, tables_of
from storage.tenants.opening import readable
from storage.tenants.sessions import end_session

if TYPE_CHECKING:
    from obstore.store import ObjectStore

TITLE = "Data export"

_PROGRESS_EVERY_SECONDS = 1.0
_WHY: dict[LeftOutKind, str] = {
    "view": "A view has no rows of its own; it follows from the tables.",
    "materialized view": "A materialized view is a copy of what follows from the tables.",
    "foreign table": "The rows of a foreign table are kept in another system.",
}


class ExportInconsistent(Refusal):
    """The refusal of an export whose two readings of a table in one snapshot gave different numbers of rows."""

    code = "export_inconsistent"

    def __init__(self, table: str, csv_rows: int, workbook_rows: int) -> None:
        super().__init__(
            f"Table {table!r} was read twice in one snapshot, with {csv_rows:,} and then {workbook_rows:,} rows.",
            remedy=Remedy.of(RemedyKind.CHECK_FOR_DAMAGE),
            table=table,
            csv_rows=csv_rows,
            workbook_rows=workbook_rows,
        )


def export_schema(
    connection: psycopg.Connection[Any],
    schema: str,
    store: "ObjectStore",
    prefix: str,
    *,
    progress: Callable[[ExportProgress], None],
    limits: Limits | None = None,
) -> Manifest:
    """Write every table of a schema under a prefix of the store, which ends with a slash, and return the manifest.

    The connection is in a transaction that reads one snapshot (`TenantDatabase.reading`); nothing else may use it
    meanwhile. The work is done on threads of its own: ``progress`` is called on this one, every second, whatever database
    and store are doing. An exception from it stops the export and is raised here after everything has stopped: the query
    is cancelled and the open upload aborted. Complete files stay, without a manifest; the caller removes them.

    Raises:
        TenantSchemaNotReadable: the connection's role may not see all rows of all tables.
        ExportInconsistent: the database gave two answers to one question.
        psycopg.Error: as the database raises it; `TenantDatabase.reading` turns temporary ones into refusals.
        obstore.exceptions.BaseError, OSError: as obstore raises them; wrap the call in `Objects.refusing`.

    """
    started = datetime.now(UTC)
    prepare(connection)
    readable(connection, schema, connection.info.user)
    tables = tables_of(connection, schema)
    meter = Meter(tables)
    progress(meter.look())
    work = _Work(connection, schema, store, prefix, meter, limits or Limits())
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="export") as threads:
        future = threads.submit(work.export, tables, started)
        try:
            while not wait([future], timeout=_PROGRESS_EVERY_SECONDS).done:
                progress(meter.look())
        except BaseException:
            meter.stop()
            end_session(connection)
            raise
    manifest = future.result()
    progress(meter.look())
    return manifest


class _Work:
    """The work of the reading thread."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        schema: str,
        store: "ObjectStore",
        prefix: str,
        meter: Meter,
        limits: Limits,
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._store = store
        self._prefix = prefix
        self._meter = meter
        self._limits = limits

    def export(self, tables: list[TenantTable], started: datetime) -> Manifest:
        """Write the tables and the manifest."""
        written = tuple(
            self._table(table, file_stem(number, len(tables), table.name)) for number, table in enumerate(tables, 1)
        )
        manifest = Manifest(
            title=TITLE,
            started=started,
            finished=datetime.now(UTC),
            tables=written,
            not_exported=tuple(
                NotExported(name=other.name, kind=other.kind, reason=_WHY[other.kind])
                for other in left_out_of(self._connection, self._schema)
            ),
            rows=sum(table.rows for table in written),
            bytes=sum(file.bytes for table in written for file in table.files),
        )
        obstore.put(self._store, self._prefix + MANIFEST_NAME, manifest.text.encode())
        self._meter.finish()
        return manifest

    def _table(self, table: TenantTable, stem: str) -> ManifestTable:
        reading = without_large_values(self._connection, self._schema, table, self._limits)
        csv = write_csv(
            self._connection,
            table,
            reading.statement,
            self._store,
            self._prefix,
            f"{stem}.csv.gz",
            meter=self._meter,
            limits=self._limits,
        )
        self._meter.csv_ended()
        workbooks = TableWorkbooks(table, self._store, self._prefix, stem, meter=self._meter, limits=self._limits)
        workbooks.write(self._connection, reading.statement, csv.widest_row)
        in_workbooks = sum(file.rows for file in workbooks.files)
        if csv.file.rows != in_workbooks:
            raise ExportInconsistent(table.name, csv.file.rows, in_workbooks)
        self._meter.table_ended()
        return ManifestTable(
            name=table.name,
            rows=csv.file.rows,
            columns=tuple(
                ManifestColumn(name=column.name, type=column.type_name, written_as=written_as(column))
                for column in table.columns
            ),
            files=(csv.file, *workbooks.files),
            warnings=(*workbooks.warnings, *reading.warnings),
        )
