"""A withdrawal at any moment cleans up; a second migration of the same data is refused; what is down is waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowExecutionStatus

from domain.migration import MigrationStage
from domain.vocabulary import Stage
from tests.support.migration_stages import available, downloaded, requested
from tests.support.migrations import CONTACT, QUEUE_AGENT, QUEUE_MAIL, Migrations
from tests.support.world import AGENT, eventually, refused
from tests.workflows.migration.test_hand_overs import transferring

NEARLY_AN_HOUR = timedelta(minutes=59, seconds=57)
"""The rest passes by itself: a migration that begins while its cancellation's clock is moved would have a moving clock too."""


async def scheduled(migrations: Migrations) -> str:
    subscription = await requested(migrations)
    await migrations.accepted(subscription)
    return subscription


async def dumping(migrations: Migrations) -> str:
    """In the middle of the dump: it waits for a lock that somebody else holds."""
    subscription = migrations.organization(rows=400_000)
    await migrations.requested(subscription)
    await migrations.begun(subscription)
    await migrations.reached(subscription, MigrationStage.TRANSFERRING)
    return subscription


STAGES: dict[str, Callable[[Migrations], Awaitable[str]]] = {
    "requested": requested,
    "scheduled": scheduled,
    "held up": transferring,
    "in the middle of the dump": dumping,
    "available": available,
    "downloaded": downloaded,
}


@pytest.mark.parametrize("stage", STAGES)
async def test_a_withdrawal_cleans_up_at_every_stage(migrations: Migrations, stage: str) -> None:
    world, subscription = migrations.world, await STAGES[stage](migrations)

    status = await world.service.withdraw(subscription, actor=AGENT, reason="they stay")

    assert status.stage is Stage.WITHDRAWN
    row = migrations.row(subscription)
    assert row is not None
    assert (row.stage, row.prefix) == ("withdrawn", None)
    assert migrations.keys(subscription) == []
    assert not migrations.objects.discard_unfinished(f"cancellations/{subscription}")
    await eventually(lambda: _nobody_dumps(migrations))
    late = await refused(migrations.client.report_completed(subscription, actor=QUEUE_AGENT))
    assert late.code == "migration_ended"
    assert world.refusals(subscription)[-1] == ("migration_report_completed.refused", "migration_ended")


async def test_a_withdrawal_while_the_migration_tells_where_it_stands_is_heard(migrations: Migrations) -> None:
    world, subscription = migrations.world, await requested(migrations)

    with migrations.entries_held(subscription):  # until then the acceptance is not written down, and nothing told of it
        accepting = asyncio.create_task(migrations.accepted(subscription))
        await eventually(lambda: _somebody_waits(migrations))
        withdrawing = asyncio.create_task(world.service.withdraw(subscription, actor=AGENT, reason="they stay"))
        await eventually(lambda: _asked_to_end(migrations, subscription))

    assert (await accepting).stage is MigrationStage.SCHEDULED
    assert (await withdrawing).stage is Stage.WITHDRAWN
    row = migrations.row(subscription)
    assert row is not None
    assert row.stage == MigrationStage.WITHDRAWN


async def test_queue_and_it_department_hear_that_it_is_over(migrations: Migrations) -> None:
    subscription = await available(migrations)
    await migrations.world.service.withdraw(subscription, actor=AGENT, reason="they stay")

    for address in (QUEUE_MAIL, CONTACT):
        await eventually(lambda to=address: _told_of_the_end(migrations, subscription, to))  # type: ignore[misc]


async def test_a_migration_outlives_a_cancellation_whose_workflow_is_terminated(migrations: Migrations) -> None:
    subscription = await available(migrations)

    await migrations.world.handle(subscription).terminate("by mistake")

    assert (await migrations.acknowledged(subscription)).stage is MigrationStage.DOWNLOADED
    assert migrations.keys(subscription) == ["1/data.dump", "1/manifest.json"]


async def test_a_migration_whose_own_workflow_is_terminated_goes_on_from_its_records(migrations: Migrations) -> None:
    subscription = await available(migrations)

    await migrations.handle(subscription).terminate("by mistake")
    await eventually(lambda: _waits_for(migrations, subscription, "an operator terminated"))
    await migrations.world.pass_time(subscription, NEARLY_AN_HOUR)

    await eventually(lambda: _runs(migrations, subscription))
    await migrations.reached(subscription, MigrationStage.AVAILABLE)
    assert migrations.keys(subscription) == ["1/data.dump", "1/manifest.json"]
    await migrations.acknowledged(subscription)
    assert (await migrations.reported(subscription)).stage is MigrationStage.COMPLETED


async def test_a_migration_that_an_operator_withdraws_is_not_started_again_and_its_case_names_the_way_out(
    migrations: Migrations,
) -> None:
    world, subscription = migrations.world, await available(migrations)

    await migrations.handle(subscription).cancel()
    await eventually(lambda: _waits_for(migrations, subscription, "an operator withdrew the migration"))
    first = (await migrations.handle(subscription).describe()).run_id
    await world.pass_time(subscription, timedelta(days=1))

    assert (await migrations.handle(subscription).describe()).run_id == first
    assert "Withdraw this cancellation" in (await world.service.status(subscription)).waiting_for
    assert (await world.service.withdraw(subscription, actor=AGENT, reason="another way")).stage is Stage.WITHDRAWN
    migrating_again = {**world.answers(subscription, data="migrate")}
    assert (await world.start(subscription, answers=migrating_again)).cancellation == f"{subscription}/2"


async def test_a_second_migration_of_the_same_data_waits_and_says_which_one_it_waits_for(
    migrations: Migrations,
) -> None:
    world, first = migrations.world, await requested(migrations)
    second = world.second_subscription(first)
    await world.start(second, answers={**world.answers(first, data="migrate")})
    await eventually(lambda: _waits_for(migrations, second, f"is already being migrated, for {first}/1"))
    status = await world.service.status(second)
    assert status.last_refusal is not None
    assert status.last_refusal.code == "migration_running"

    await world.service.withdraw(first, actor=AGENT, reason="the other one first")
    await world.pass_time(second, NEARLY_AN_HOUR)
    await migrations.reached(second, MigrationStage.REQUESTED)


async def test_a_migration_that_no_cancellation_waits_for_is_refused(migrations: Migrations) -> None:
    subscription = migrations.organization()
    client, queue = migrations.world.environment.client, migrations.world.task_queue
    for workflow_id, cancellation, code in (
        (f"migration:{subscription}", f"{subscription}/1", "cancellation_unknown"),
        ("migration:another", f"{subscription}/1", "workflow_id_mismatch"),
        (f"migration:{subscription}", "no cancellation", "input_malformed"),
    ):
        message = {"actor": AGENT, "cancellation": cancellation}
        refusal = await refused(
            client.execute_workflow("OnPremisesMigration", message, id=workflow_id, task_queue=queue)
        )
        assert refusal.code == code


async def test_data_to_be_kept_of_an_organization_without_data_is_refused(migrations: Migrations) -> None:
    world, subscription = migrations.world, migrations.world.subscription()
    await world.start(subscription, complete=False)

    refusal = await refused(world.service.answer(subscription, {"data": "migrate"}, actor=AGENT))

    assert refusal.code == "no_data_configured"


async def _nobody_dumps(migrations: Migrations) -> bool:
    with migrations.owner() as owner:
        at_work = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'offramp migration'"
        return owner.execute(at_work).fetchone() == (0,)


async def _somebody_waits(migrations: Migrations) -> bool:
    """Whether a transaction waits for the lock of another one."""
    with migrations.world.engine.connect() as connection:
        here = "datname = current_database() AND wait_event_type = 'Lock'"
        return bool(connection.execute(text(f"SELECT count(*) FROM pg_stat_activity WHERE {here}")).scalar())  # noqa: S608


async def _asked_to_end(migrations: Migrations, subscription: str) -> bool:
    """Whether the cancellation's wish that its migration ends has reached the migration."""
    events = (await migrations.world.handle(subscription).fetch_history()).events
    return any(event.HasField("external_workflow_execution_cancel_requested_event_attributes") for event in events)


async def _told_of_the_end(migrations: Migrations, subscription: str, to: str) -> bool:
    return any("ended without effect" in subject for subject in migrations.mails(subscription, to))


async def _runs(migrations: Migrations, subscription: str) -> bool:
    return (await migrations.handle(subscription).describe()).status is WorkflowExecutionStatus.RUNNING


async def _waits_for(migrations: Migrations, subscription: str, what: str) -> bool:
    return what in (await migrations.world.service.status(subscription)).waiting_for
