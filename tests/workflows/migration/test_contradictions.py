"""Steps of a migration that contradict the records: a refusal for the caller, a visible wait for the story."""

from datetime import timedelta

from domain.migration import MigrationStage
from domain.vocabulary import Stage
from tests.support.contradictions import forbidden
from tests.support.migrations import CONTACT, Migrations
from tests.support.world import AGENT, eventually, refused


async def test_an_acceptance_that_contradicts_the_records_is_refused_and_locks_nobody_out(
    migrations: Migrations,
) -> None:
    world, subscription = migrations.world, migrations.organization()
    await migrations.requested(subscription)
    with forbidden(
        world.engine, "on_premises_migrations", f"cancellation = '{subscription}/1' AND contact = '{CONTACT}'"
    ):
        assert (await refused(migrations.accepted(subscription))).code == "records_conflict"
        assert (await refused(migrations.reported(subscription))).code == "migration_step_not_awaited"
    assert (await migrations.accepted(subscription)).stage is MigrationStage.SCHEDULED
    assert (await world.service.withdraw(subscription, actor=AGENT, reason="stays")).stage is Stage.WITHDRAWN


async def test_a_withdrawal_ends_a_migration_whose_end_contradicted_the_records(migrations: Migrations) -> None:
    world, subscription = migrations.world, migrations.organization()
    await migrations.requested(subscription)
    child = migrations.handle(subscription)

    async def is_held_up() -> bool:
        return bool((await migrations.status(subscription)).held_up_because)

    with forbidden(
        world.engine, "on_premises_migrations", f"cancellation = '{subscription}/1' AND stage = 'withdrawn'"
    ):
        await child.cancel()
        await eventually(is_held_up)
        assert "the constraint forbidden" in (await migrations.client.status(subscription)).held_up_by
        assert (await refused(migrations.accepted(subscription))).code == "migration_ended"

    await migrations.pass_time(subscription, timedelta(minutes=11))
    await migrations.reached(subscription, MigrationStage.WITHDRAWN)
    assert migrations.actions(subscription).count("migration.withdrawn") == 1
