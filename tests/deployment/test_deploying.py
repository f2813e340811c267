"""The steps of a deployment, one after another, on a real PostgreSQL and a real Temporal server."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from temporalio.testing import WorkflowEnvironment

import worker
from starter.health import asks_for_work
from starter.local.temporal import temporal_program
from storage.migrate import newest_revision
from tests.deployment.files import SERVICES, shell_script
from tests.support.processes import python
from workflows.contract import SEARCH_ATTRIBUTES, TASK_QUEUE


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server as it is after its first start: nothing of ours in it."""
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=str(temporal_program())) as environment:
        yield environment


@pytest.fixture
def environment(temporal: WorkflowEnvironment, postgres_url: str) -> Mapping[str, str]:
    """What the compose file would tell a worker: an empty database and the namespace."""
    name = sql.Identifier("deployed")
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    return {
        "OFFRAMP_DATABASE_URL": f"{postgres_url.rpartition('/')[0]}/deployed",
        "TEMPORAL_ADDRESS": temporal.client.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": SERVICES["temporal-namespace"]["environment"]["TEMPORAL_NAMESPACE"],
        "TEMPORAL_CONFIG_FILE": os.devnull,
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
    said = offramp("setup", "--json", environment={**environment, "TEMPORAL_NAMESPACE": "nowhere"})
    assert said.returncode == 1
    error = json.loads(said.stdout)["error"]
    assert error["code"] == "namespace_unknown"
    assert "temporal operator namespace create --namespace nowhere" in error["way_out"]


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
        }
    said = await asyncio.to_thread(offramp, "cancellations", "list", "--json", environment=environment)
    assert json.loads(said.stdout) == []


async def test_a_worker_is_healthy_once_it_asks_for_work_and_ends_with_0_when_it_is_told_to_stop(
    environment: Mapping[str, str],
) -> None:
    await asyncio.to_thread(create_namespace, environment)
    assert (await asyncio.to_thread(offramp, "setup", environment=environment)).returncode == 0
    health = (sys.executable, "-P", "-m", "starter.health")

    before = await asyncio.to_thread(run, *health, environment=environment)
    assert before.returncode == 1
    assert "has asked Temporal for work" in before.stdout

    with python("-P", "-m", "worker", environment=environment) as process:
        while (checked := await asyncio.to_thread(run, *health, environment=environment)).returncode:
            assert process.poll() is None, process.communicate()[0]
        assert checked.stdout == "The worker asks for work.\n"
        process.send_signal(signal.SIGTERM)
        said, _ = await asyncio.to_thread(process.communicate, timeout=worker.GRACE.total_seconds())
        assert process.returncode == 0, said


async def test_a_worker_of_another_host_does_not_make_this_one_healthy(temporal: WorkflowEnvironment) -> None:
    assert not await asks_for_work(temporal.client, "elsewhere", task_queue=TASK_QUEUE)


def test_the_health_check_says_why_when_temporal_is_down(environment: Mapping[str, str]) -> None:
    said = run(
        *(sys.executable, "-P", "-m", "starter.health"),
        environment={**environment, "TEMPORAL_ADDRESS": "127.0.0.1:9"},
    )
    assert said.returncode == 1
    assert said.stdout.startswith("Temporal cannot be reached at 127.0.0.1:9")
