"""``offramp reconcile`` as people and programs call it, and the hourly schedule."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import ScheduleActionStartWorkflow, ScheduleOverlapPolicy
from temporalio.testing import WorkflowEnvironment

import contract
from starter.service import reconciliation
from starter.service.privacy import ensure_retention
from starter.service.reconciliation import ensure_reconciliation
from storage.rights import DatabaseRole
from tests.support.command_line import CommandLine
from tests.support.databases import as_role
from tests.support.servers import temporal_server
from tests.support.world import Mailbox, World, refused


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """A world with a Temporal server of its own, on which nobody else leaves workflows."""
    async with temporal_server() as environment:
        with Mailbox() as mailbox:
            world = World(environment, database_url, mailbox, task_queue=contract.TASK_QUEUE)
            async with world.worker():
                yield world
            world.close()


@pytest.fixture
def offramp(world: World) -> CommandLine:
    """The command line of an operator."""
    return CommandLine(
        {
            "OFFRAMP_DATABASE_URL": as_role(world.database_url, DatabaseRole.CALLERS),
            "TEMPORAL_ADDRESS": world.environment.client.service_client.config.target_host,
            "TEMPORAL_NAMESPACE": world.environment.client.namespace,
        }
    )


async def test_everything_agrees_or_is_mended_is_status_0_and_what_is_left_is_named_with_status_1(
    world: World, offramp: CommandLine
) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    schedule = await world.offramp.line_dates.ensure_schedule("Europe/Berlin")
    await ensure_reconciliation(world.environment.client)
    await ensure_retention(world.environment.client)
    await world.handle(subscription).terminate("by mistake")

    with world.environment.with_time_skipping_disabled():
        dry = await offramp("reconcile", "--dry-run", "--request-id", "after the button", "--json")
        done = await offramp("reconcile", "--request-id", "after the button")
        repeated = await offramp("reconcile", "--request-id", "after the button", "--json")
        again = await offramp("reconcile", "--json")
        await world.environment.client.get_schedule_handle(schedule.schedule).delete()
        left = await offramp("reconcile")

    assert (dry.status, dry.json["dry_run"]) == (1, True)
    (finding,) = dry.json["findings"]
    assert (finding["kind"], finding["subject"], finding["outcome"]) == (
        "workflow_missing",
        f"{subscription}/1",
        "to_be_mended",
    )
    assert done.status == 0, done.out
    assert "started again from the record" in " ".join(done.out.split())
    assert "1 mended, 0 left" in done.out
    assert (repeated.status, repeated.json["mended"]) == (0, 1), "the first one's result"
    assert (again.status, again.json["found"]) == (0, 0)
    assert left.status == 1
    assert f"{contract.NIGHTLY_SCHEDULE}: Temporal does not have this schedule" in " ".join(left.out.split())


async def test_the_schedule_runs_every_hour_one_at_a_time_and_keeps_a_pause(
    plain_temporal: WorkflowEnvironment,
) -> None:
    client = plain_temporal.client
    handle = await ensure_reconciliation(client, task_queue="hours")
    await handle.pause(note="restoring")

    description = await (await ensure_reconciliation(client, task_queue="hours")).describe()

    assert [interval.every for interval in description.schedule.spec.intervals] == [timedelta(hours=1)]
    assert description.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
    action = description.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    assert action.workflow == contract.RECONCILIATION
    assert (description.schedule.state.paused, description.schedule.state.note) == (True, "restoring")
    await handle.delete()


async def test_without_a_worker_it_refuses_instead_of_waiting_for_ever(
    temporal_env: WorkflowEnvironment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "UPDATE_TIMEOUT", timedelta(seconds=1))
    with Mailbox() as mailbox:
        world = World(temporal_env, database_url, mailbox, task_queue="nobody-reconciles")

        refusal = await refused(world.offramp.reconciliation.reconcile(request_id="waits"))

        assert refusal.code == "still_waiting"
        assert refusal.values["workflow_id"] == "reconciliation-on-request-waits"
        world.close()
    await temporal_env.client.get_workflow_handle("reconciliation-on-request-waits").terminate("the test is over")
