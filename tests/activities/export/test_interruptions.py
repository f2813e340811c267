"""Exports that are watched, stopped, or cut off from the database or the store."""

import json
from contextlib import closing
from datetime import timedelta

import psycopg
import pytest
from obstore.store import LocalStore, S3Store
from psycopg import sql

from activities.export import ExportProgress, Limits, export_schema
from storage.objects import ObjectStoreUnavailable, refusing_when_store_unavailable
from storage.tenants.refusals import TenantDatabaseUnavailable
from tests.activities.export.conftest import PREFIX, SCHEMA, Export, Files, Owner
from tests.activities.export.lookups import Make
from tests.support.ports import free_port
from tests.support.tenants import PreparedTenants


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

    monkeypatch.setattr("activities.export.export._PROGRESS_EVERY_SECONDS", 0.005)
    make("CREATE TABLE a AS SELECT gen_random_uuid() AS x FROM generate_series(1, 150000)")
    with pytest.raises(Enough):
        export(progress=stop, limits=Limits(part_bytes=1_000_000))
    assert files.names() == []


def test_a_store_that_does_not_answer_ends_the_export_with_a_refusal_by_name(
    make: Make, tenants: PreparedTenants
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

    monkeypatch.setattr("activities.export.export._PROGRESS_EVERY_SECONDS", 0.005)
    make("CREATE TABLE a AS SELECT gen_random_uuid() AS x FROM generate_series(1, 300000)")
    with pytest.raises(TenantDatabaseUnavailable):
        export(progress=end)
    assert files.names() == []


def test_an_export_is_stopped_also_while_the_database_says_nothing(
    make: Make, tenants: PreparedTenants, store: LocalStore, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    monkeypatch.setattr("activities.export.export._PROGRESS_EVERY_SECONDS", 0.05)
    make("CREATE TABLE a (n int)")
    url = tenants.login_url(tenants.prepared(SCHEMA)).render_as_string(hide_password=False)
    with closing(psycopg.connect(url)) as connection, psycopg.connect(url) as somebody:
        looks: list[ExportProgress] = []

        def look(progress: ExportProgress) -> None:
            if not looks:  # before the table is read
                somebody.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(SCHEMA, "a")))
            looks.append(progress)
            if len(looks) > 3:
                raise Enough

        with pytest.raises(Enough):
            export_schema(connection, SCHEMA, store, PREFIX, progress=look)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")  # the session has ended, so that nothing holds the thread
    assert files.names() == []
