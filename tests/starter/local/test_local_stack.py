"""The whole stack, as ``offramp up`` runs it, with an idle worker."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from pydantic import SecretStr
from temporalio.client import Client

from contract import TASK_QUEUE
from starter.local.environment import load_local_environment
from starter.local.leftovers import ProcessRecord
from storage.objects import Objects, ObjectStoreSettings
from tests.support.ports import free_port
from tests.support.processes import python, wait_until
from tests.support.servers import open_directory

SERVICES = [
    "postgres",
    "temporal",
    "object-store",
    "mail-catcher",
    "webhook-receiver",
    "worker",
    "pages",
    "codec",
    "api",
    "sign-in",
    "console",
    "nexus",
]


@pytest.fixture
def directory() -> Iterator[Path]:
    with open_directory() as path:
        yield path / "data"


class Stack:
    """A running stack and what it has printed."""

    def __init__(
        self, process: subprocess.Popen[str], copier: subprocess.Popen[bytes], directory: Path, output: Path
    ) -> None:
        self.process = process
        self._copier = copier
        """It ends when the process has ended and all that it printed is written down."""
        self.directory = directory
        self._output = output

    def said(self, text: str, times: int = 1) -> bool:
        return self._output.read_text().count(text) >= times

    def wait_until_said(self, text: str, times: int = 1) -> None:
        wait_until(lambda: self.said(text, times) or self._copier.poll() is not None, f"it says {text!r}", 180)
        assert self.said(text, times), self._output.read_text()

    def lines_with(self, word: str) -> list[str]:
        return [line.split()[0] for line in self._output.read_text().splitlines() if f" {word}" in line]

    def records(self) -> dict[str, ProcessRecord]:
        files = (self.directory / "run").glob("*.json")
        records = [ProcessRecord.model_validate_json(file.read_bytes()) for file in files]
        return {record.name: record for record in records}

    def environment(self) -> dict[str, str]:
        return load_local_environment(self.directory, {})

    def database(self, variable: str = "OFFRAMP_DATABASE_OWNER_URL") -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.environment()[variable].replace("+psycopg", ""), autocommit=True)

    def objects(self) -> Objects:
        environment = self.environment()
        return Objects(
            ObjectStoreSettings(
                url=environment["OFFRAMP_OBJECTS_URL"],
                endpoint=environment["OFFRAMP_OBJECTS_ENDPOINT"],
                access_key_id=SecretStr(environment["OFFRAMP_OBJECTS_ACCESS_KEY_ID"]),
                secret_access_key=SecretStr(environment["OFFRAMP_OBJECTS_SECRET_ACCESS_KEY"]),
            )
        )

    async def greet(self, workflow_id: str) -> str:
        client = await Client.connect(self.environment()["TEMPORAL_ADDRESS"])
        result: str = await client.execute_workflow("Greeting", "Ada", id=workflow_id, task_queue=TASK_QUEUE)
        return result

    async def recall(self, workflow_id: str) -> str:
        client = await Client.connect(self.environment()["TEMPORAL_ADDRESS"])
        result: str = await client.get_workflow_handle(workflow_id).result()
        return result

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(180)


@contextmanager
def stack(directory: Path) -> Iterator[Stack]:
    names = ("POSTGRES", "TEMPORAL", "TEMPORAL_UI", "SMTP", "WEBHOOKS", "OBJECTS")
    ports = {f"OFFRAMP_PORT_{name}": str(free_port()) for name in names}
    with python("-m", "tests.support.idle_stack", str(directory), environment=ports) as process:
        assert process.stdout is not None
        output = directory.with_name(f"output-{process.pid}")
        with output.open("w") as file:
            copier = subprocess.Popen(["/bin/cat"], stdin=process.stdout, stdout=file)
        try:
            yield Stack(process, copier, directory, output)
        finally:
            copier.kill()
            copier.wait()


async def test_it_starts_in_order_serves_other_terminals_refuses_a_second_one_and_stops_in_reverse_order(
    directory: Path,
) -> None:
    with stack(directory) as first:
        first.wait_until_said("Offramp is up.")
        assert first.lines_with("ready") == SERVICES
        assert await first.greet("greeting") == "Hello, Ada"
        with first.database() as connection:
            assert connection.execute("SELECT count(*) FROM note").fetchone() == (0,)
        with first.database("OFFRAMP_TENANT_DATABASE_URL") as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("tenants",)
        assert list(first.objects().list("exports")) == []

        with stack(directory) as second:
            second.wait_until_said("local_stack_already_running")
            second.wait_until_said(str(first.process.pid))
            assert second.process.wait(180) == 1

        pids = [record.pid for record in first.records().values()]
        assert first.stop() == 0
        assert first.lines_with("stopped") == SERVICES[::-1]
        assert not any(psutil.pid_exists(pid) for pid in pids)
        assert first.environment() == {}


@pytest.mark.soak
async def test_killed_children_come_back_and_after_a_kill_of_everything_the_next_start_has_the_same_state(
    directory: Path,
) -> None:
    with stack(directory) as killed:
        killed.wait_until_said("Offramp is up.")
        await killed.greet("before")
        with killed.database() as connection:
            connection.execute("INSERT INTO note VALUES ('before')")
        killed.objects().put("exports/1", b"before")
        for name in ("temporal", "postgres", "object-store"):
            os.kill(killed.records()[name].pid, signal.SIGKILL)
            killed.wait_until_said(f"{name:<17} ready", times=2)
        assert await killed.recall("before") == "Hello, Ada"
        assert await killed.greet("between") == "Hello, Ada"

        guards = [
            child
            for child in psutil.Process(killed.process.pid).children()
            if "starter.local.leftovers_guard" in child.cmdline()
        ]
        left_behind = [record.pid for record in killed.records().values()]
        for process in (*guards, killed.process):
            process.kill()
        killed.process.wait()
        assert all(psutil.pid_exists(pid) for pid in left_behind)

    with stack(directory) as again:
        again.wait_until_said("Offramp is up.")
        assert again.lines_with("stopped: left behind") == SERVICES[::-1]
        assert await again.recall("between") == "Hello, Ada"
        with again.database() as connection:
            assert connection.execute("SELECT text FROM note").fetchall() == [("before",)]
        assert again.objects().get("exports/1") == b"before"
        assert again.stop() == 0


def test_being_told_to_stop_in_the_middle_of_the_start_stops_what_was_started(directory: Path) -> None:
    with stack(directory) as early:
        early.wait_until_said("postgres          ready")
        assert early.stop() == 0
        assert early.lines_with("stopped")[-1] == "postgres"
        assert early.records() == {}
