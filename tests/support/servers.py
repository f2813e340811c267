"""Real servers for the tests: fixtures, imported by ``tests/conftest.py``.

They last a session. Under pytest-xdist every worker process is a session with servers of its own, on ports that the
kernel chose, so that tests never meet.
"""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from temporalio.testing import WorkflowEnvironment

from starter.connection import offramp_plugin
from starter.local import HOST
from starter.local.leftovers import Guard, ProcessRecord
from starter.local.postgres import UNSAFE_AND_FAST, PostgresCluster
from starter.local.temporal import temporal_program
from storage import migrate
from workflows.contract import SEARCH_ATTRIBUTES

TEMPLATE = "migrated"
_STARTS_WITHIN_SECONDS = 30.0
_names = (f"test_{number}" for number in count(1))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def open_directory() -> Iterator[Path]:
    """A new directory that other users may pass through, as PostgreSQL does when the tests run as root."""
    directory = Path(tempfile.mkdtemp(prefix="offramp-test-"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def running(cluster: PostgresCluster, run_directory: Path) -> Iterator[int]:
    """Run a cluster's server and give its port; it is stopped in the end, also when the tests are killed."""
    port = free_port()
    service = cluster.service(port)
    run_as = service.run_as
    guard = Guard(run_directory)
    with (run_directory / "postgres.log").open("ab") as log:
        process = subprocess.Popen(
            service.command,
            env=dict(service.environment),
            stdout=log,
            stderr=log,
            cwd=service.directory,
            start_new_session=True,
            user=run_as.uid if run_as else None,
            group=run_as.gid if run_as else None,
            extra_groups=[] if run_as else None,
        )
    ProcessRecord(
        name=service.name,
        order=0,
        pid=process.pid,
        command=service.command,
        stop_signal=service.stop_signal,
        stop_seconds=service.stop_within,
    ).keep(run_directory)
    try:
        _wait_for_answer(cluster.conninfo(port), process)
        yield port
    finally:
        process.send_signal(service.stop_signal)
        process.wait(service.stop_within)
        guard.dismiss()


def _wait_for_answer(conninfo: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
    while True:
        try:
            psycopg.connect(conninfo, connect_timeout=2).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL (SQLAlchemy, psycopg 3) of the maintenance database of a real PostgreSQL; its user may do everything."""
    with open_directory() as directory:
        cluster = PostgresCluster(directory / "postgres", UNSAFE_AND_FAST)
        cluster.create()
        with running(cluster, directory) as port:
            yield cluster.url(port)


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> str:
    """The name of a database with every migration applied and nothing in it, to copy."""
    _execute(postgres_url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    migrate.upgrade(_with_database(postgres_url, TEMPLATE))
    return TEMPLATE


@contextmanager
def migrated_database(postgres_url: str, template_database: str) -> Iterator[str]:
    """A migrated database with nothing in it, for a while; its URL."""
    name = sql.Identifier(database := next(_names))
    _execute(postgres_url, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template_database)))
    yield _with_database(postgres_url, database)
    _execute(postgres_url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def database_url(postgres_url: str, template_database: str) -> Iterator[str]:
    """The URL of a migrated database for one test alone."""
    with migrated_database(postgres_url, template_database) as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def temporal_env() -> AsyncIterator[WorkflowEnvironment]:
    """A real Temporal server that skips time, with the search attributes of the wire contract.

    It skips on its own while a workflow only waits. To move one workflow's clock by hand: ``with
    temporal_env.with_time_skipping_disabled(): await temporal_env.fast_forward(handle, timedelta(days=29))``.
    """
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=str(temporal_program()),
        dev_server_extra_args=["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"],
        search_attributes=SEARCH_ATTRIBUTES,
        plugins=[offramp_plugin()],
    )
    async with environment:
        yield environment


def _execute(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)


def _with_database(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"
