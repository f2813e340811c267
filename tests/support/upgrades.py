"""Earlier versions of the service: their files from the history of the repository, their schema, and their workers."""

import io
import re
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

import contract
from storage.schema import migrate
from tests.support.processes import ROOT, python
from tests.support.world import AGENT, World, eventually

CALLED = contract.Attestation(reason="called back on the number on file")


def git(*arguments: str) -> bytes:
    """Return the output of a command of git in the repository."""
    return subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True).stdout


def unpack(version: str, directory: Path) -> Path:
    """Unpack the files of a commit or tag into a directory; skip the test where the repository has no such history."""
    try:
        packed = git("archive", version)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"{version} is not at hand: this needs git, and a clone with its whole history and its tags")
    with tarfile.open(fileobj=io.BytesIO(packed)) as files:
        files.extractall(directory, filter="data")
    return directory


def released(version: str) -> str:
    """The commit of a released version: its tag, or the commit that is named after it where a clone has no tags."""
    try:
        return git("rev-parse", "--verify", "--quiet", f"v{version}^{{commit}}").decode().strip()
    except (OSError, subprocess.CalledProcessError):
        pass
    try:
        named = git("log", "--format=%H", f"--grep=^Offramp {re.escape(version)}: ").decode().split()
    except (OSError, subprocess.CalledProcessError):
        named = []
    return named[-1] if named else f"v{version}"


def downgrade(database_url: str, version: Path, migrations: str) -> None:
    """Bring a database to the newest schema of an earlier version, whose module ``migrations`` knows it."""
    newest = f"from {migrations} import newest_revision; print(newest_revision())"
    with python("-P", "-c", newest, environment={"PYTHONPATH": str(version)}) as process:
        revision, _ = process.communicate(timeout=30)
    migrate.downgrade(database_url, revision.strip())


@contextmanager
def worker_of(version: Path, world: World, more: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run the worker of an earlier version, as the process that it was, with ``more`` variables."""
    environment = {
        "PYTHONPATH": str(version),
        "TEMPORAL_ADDRESS": world.environment.client.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": world.environment.client.namespace,
        "OFFRAMP_DATABASE_URL": world.database_url,
        "OFFRAMP_SMTP_URL": world.smtp_url,
        "OFFRAMP_MAIL_FROM": "billing@offramp.example",
        **(more or {}),
    }
    with python("-P", "-m", "worker", environment=environment) as process:
        yield process


async def start(world: World, subscription: str, **fields: Any) -> None:
    """Start a cancellation with the fields that earlier versions know: workers are deployed before clients."""
    today = world.answers(subscription, terminate_on=world.today(subscription))  # which ended access at once
    given = {"answers": today, "attestation": CALLED, "request_id": "1"} | fields
    message = contract.StartCancellation(actor=AGENT, subscription=subscription, **given)
    with world.environment.with_time_skipping_disabled():
        await world.environment.client.start_workflow(
            contract.SUBSCRIPTION_CANCELLATION,
            message.model_dump(mode="json", exclude_defaults=True),
            id=contract.cancellation_workflow_id(subscription),
            task_queue=contract.TASK_QUEUE,
        )


async def stage_of(world: World, workflow_id: str) -> str | None:
    """The stage by the workflow: the service would look at records, too, which may not be upgraded yet."""
    try:
        status = await world.environment.client.get_workflow_handle(workflow_id).query(contract.QUERY_STATUS)
    except RPCError as error:  # it is not started yet
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None
    return None if status is None else str(status["stage"])


async def reached(world: World, workflow_id: str, stage: str) -> None:
    """Wait until a case is in a stage by its workflow."""

    async def is_there() -> bool:
        return await stage_of(world, workflow_id) == stage

    await eventually(is_there)
