"""A worker process is killed in the middle of a night, and another one continues."""

import asyncio
import json
import signal
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from contract import TASK_QUEUE
from domain.lines.terms import update_as_of
from records.lines.rows import as_domain
from storage.rights import DatabaseRole
from storage.tables import AuditRow, LineDatesRunRow, SubscriptionLineRow
from tests.activities.messaging.endpoint import Endpoint
from tests.support.databases import as_role
from tests.support.nights import TODAY, progress_of, start_update, waits_for
from tests.support.processes import python
from tests.support.world import World, eventually

LINES = 40_000
"""Of which four fifths are due: more than three chunks."""

FILL = """
    INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, received_at, received_on)
    VALUES (:subscription || '/1', :subscription, 1, 'r', 'w', 'agent', 'intake', now(), '2026-09-01');
    INSERT INTO subscription_lines (id, subscription, partner, start_date, billing_rhythm, subsequent_term, notice_period,
        term_until, cancellation_possible_until, end_date, next_billing_date, frozen_by)
    SELECT 'L' || n, :subscription, CASE WHEN n % 2 = 0 THEN 'customer' ELSE 'vendor' END, '2020-01-01', '1M',
        CASE n % 5 WHEN 1 THEN '1M' ELSE '1Y' END, CASE n % 5 WHEN 1 THEN '14D' ELSE '3M' END,
        DATE '2026-12-31' - n % 90, CASE n % 10 WHEN 0 THEN NULL ELSE DATE '2026-09-30' - n % 90 END,
        CASE n % 5 WHEN 2 THEN DATE '2026-09-30' - n % 30 WHEN 3 THEN DATE '2026-12-31' END,
        CASE n % 5 WHEN 2 THEN DATE '2026-10-01' - n % 30 END,
        CASE n % 5 WHEN 3 THEN :subscription || '/1' END
    FROM generate_series(1, :lines) AS n
"""


@pytest.mark.soak
async def test_a_worker_is_killed_within_a_chunk_and_another_one_does_the_rest_and_nothing_twice(
    idle_world: World,
) -> None:
    world, endpoint = idle_world, Endpoint()
    world.task_queue = TASK_QUEUE  # what `python -m worker` serves
    subscription = world.subscription(lines=[])
    with world.engine.begin() as connection:
        for statement in FILL.split(";"):
            connection.execute(text(statement), {"subscription": subscription, "lines": LINES})
    before = _lines(world)
    expected = {name: update_as_of(as_domain(row), TODAY) for name, row in before.items()}
    changed = {name for name, outcome in expected.items() if outcome.action != "unchanged"}

    with endpoint.listening() as url:
        environment = _settings(world, url)
        with python("-m", "worker", environment=environment) as killed:
            with world.environment.with_time_skipping_disabled():
                update = await start_update(world, as_of=TODAY)
            await eventually(lambda: _has_done(world, update.id, 1), within=60)
            # Stopped at the last statement of a chunk: its lines are written, its end is not.
            with world.engine.connect() as gate, gate.begin() as held:
                gate.execute(text("LOCK TABLE line_dates_runs IN SHARE MODE"))
                await waits_for(gate)
                progress = await progress_of(world, update.id)
                assert progress is not None
                assert progress.passes == 0
                assert 0 < progress.closed + progress.rolled < progress.due == len(changed)
                killed.send_signal(signal.SIGKILL)
                await asyncio.to_thread(killed.wait)
                held.rollback()
        with python("-m", "worker", environment=environment):
            result = await update.result()

    assert (result.due, result.closed + result.rolled) == (len(changed), len(changed))
    assert (result.failed, result.busy, result.untold) == (0, 0, 0)
    after = _lines(world)
    assert {name: _dates(as_domain(row)) for name, row in after.items()} == {
        name: _dates(outcome.line) for name, outcome in expected.items()
    }
    with Session(world.engine) as session:
        audited = Counter(session.scalars(select(AuditRow.subscription_line).where(AuditRow.run == result.run)))
        assert session.scalar(select(func.count()).select_from(LineDatesRunRow)) == 1
    assert audited == Counter(changed)
    assert len({request.headers["webhook-id"] for request in endpoint.requests}) == len(endpoint.requests)
    told = Counter(line["id"] for request in endpoint.requests for line in json.loads(request.body)["data"]["lines"])
    assert told == Counter(changed)


def _settings(world: World, webhook_url: str) -> dict[str, str]:
    return {
        "TEMPORAL_ADDRESS": world.environment.client.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": world.environment.client.namespace,
        "OFFRAMP_DATABASE_URL": as_role(world.database_url, DatabaseRole.WORKER),
        "OFFRAMP_SMTP_URL": world.smtp_url,
        "OFFRAMP_MAIL_FROM": "billing@offramp.example",
        "OFFRAMP_WEBHOOK_URL": webhook_url,
        "OFFRAMP_WEBHOOK_SECRET": "whsec_YW4gZXhhbXBsZSBzZWNyZXQsIG5vdCBmb3IgdXNlISE=",
    }


async def _has_done(world: World, workflow_id: str, lines: int) -> bool:
    progress = await progress_of(world, workflow_id)
    return progress is not None and progress.closed + progress.rolled >= lines


def _lines(world: World) -> dict[str, SubscriptionLineRow]:
    with Session(world.engine) as session:
        return {row.id: row for row in session.scalars(select(SubscriptionLineRow))}


def _dates(line: Any) -> tuple[object, ...]:
    return line.term_until, line.cancellation_possible_until, line.end_date, line.next_billing_date, line.closed
