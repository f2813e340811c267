"""A worker that is killed in the middle of a transfer: nothing of the dead attempt remains, and the next one is complete."""

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from subprocess import Popen

import pytest
from psycopg import sql

from domain.migration import MigrationStage
from storage.rights import DatabaseRole
from tests.support.databases import as_role
from tests.support.migrations import Migrations
from tests.support.processes import python
from tests.support.servers import pg_program
from tests.support.tenants import tenant_environment
from tests.support.world import AGENT, eventually

ROWS = 40_000
STALLING = """#!/bin/sh
# pg_dump, which the first time does not get on any more in the middle of its output.
case "$1" in --version) exec {pg_dump} --version;; esac
if [ -e {note} ]; then exec {pg_dump} "$@"; fi
echo $$ > {note}
{pg_dump} "$@" | head -c 20000000
exec sleep 600
"""


@contextmanager
def worker_process(migrations: Migrations, pg_dump: Path, store: Path) -> Iterator[Popen[str]]:
    """A worker as it is deployed, in a process of its own."""
    world, client = migrations.world, migrations.world.environment.client
    environment = {
        "OFFRAMP_DATABASE_URL": as_role(world.database_url, DatabaseRole.WORKER),
        **tenant_environment(migrations.owner_url),
        "OFFRAMP_OBJECTS_URL": f"file://{store}",
        "OFFRAMP_PG_DUMP": str(pg_dump),
        "OFFRAMP_SMTP_URL": world.smtp_url,
        "OFFRAMP_MAIL_FROM": "billing@offramp.example",
        "TEMPORAL_ADDRESS": client.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": client.namespace,
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }
    with python("-m", "worker", environment=environment) as process:
        yield process


@pytest.fixture
def stalling(tmp_path: Path) -> Path:
    program = tmp_path / "pg_dump"
    program.write_text(STALLING.format(pg_dump=pg_program("pg_dump"), note=tmp_path / "pid"))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


@pytest.mark.soak
async def test_after_kill_9_of_its_worker_a_transfer_begins_anew_and_leaves_nothing_of_the_dead_attempt(
    idle_migrations: Migrations, stalling: Path, tmp_path: Path
) -> None:
    migrations, store = idle_migrations, tmp_path / "store"
    with worker_process(migrations, stalling, store) as first:
        subscription = migrations.organization(rows=1)
        with migrations.owner() as owner:
            table = sql.Identifier(migrations.schema(subscription), "noise")
            noise = " || ".join(f"sha512((n * 16 + {part})::text::bytea)" for part in range(16))
            owner.execute(
                sql.SQL("CREATE TABLE {} AS SELECT n, {} AS noise FROM generate_series(1, {}) n").format(
                    table, sql.SQL(noise), ROWS
                )
            )
        migrations.prepare(subscription)
        await migrations.requested(subscription)
        await migrations.begun(subscription)
        await eventually(lambda: _uploads(store), within=60)
        first.send_signal(signal.SIGKILL)
    await eventually(lambda: _is_gone(int((tmp_path / "pid").read_text())))
    assert migrations.keys(subscription) == [], "what was written is no object yet"

    with worker_process(migrations, stalling, store):
        await migrations.pass_time(subscription, timedelta(seconds=31))  # the heartbeat time-out
        await migrations.reached(subscription, MigrationStage.AVAILABLE)
        status = await migrations.status(subscription)
        assert (status.tables, status.rows) == (2, ROWS + 1)
        assert migrations.keys(subscription) == ["2/data.dump", "2/manifest.json"]
        assert migrations.objects.discard_unfinished(f"cancellations/{subscription}") == 0
        await migrations.world.service.withdraw(subscription, actor=AGENT, reason="the test is over")


async def _uploads(store: Path) -> bool:
    """Whether parts of a dump lie in the store: the folder keeps them under a name that is no key."""
    return any("data.dump#" in path.name and path.stat().st_size for path in store.rglob("*"))  # noqa: ASYNC240 - a small folder


async def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
