"""First migrate, then cancel: the whole way, as those who take part in it see it."""

from datetime import timedelta

from domain.migration import MigrationStage
from domain.vocabulary import Stage
from tests.support.migrations import CONTACT, QUEUE_MAIL, Migrations
from tests.support.world import ADMINISTRATOR, eventually


async def test_the_cancellation_goes_on_when_its_migration_is_complete_and_not_before(migrations: Migrations) -> None:
    world, subscription = migrations.world, migrations.organization(rows=20)

    await migrations.requested(subscription)
    assert await world.stage(subscription) is Stage.PREPARING
    assert (await world.service.status(subscription)).waiting_for.startswith("technical support: acceptance")

    accepted = await migrations.accepted(subscription)
    assert accepted.stage is MigrationStage.SCHEDULED
    await migrations.pass_time(subscription, timedelta(hours=1, minutes=1))
    await migrations.reached(subscription, MigrationStage.AVAILABLE)
    assert migrations.keys(subscription) == ["1/data.dump", "1/manifest.json"]

    assert (await migrations.acknowledged(subscription)).stage is MigrationStage.DOWNLOADED
    assert await world.stage(subscription) is Stage.PREPARING
    done = await migrations.reported(subscription)
    assert (done.stage, done.tables, done.rows) == (MigrationStage.COMPLETED, 1, 20)

    await eventually(lambda: _is(migrations, subscription, Stage.CANCELED))
    assert migrations.actions(subscription) == [
        "migration.requested",
        "migration.accepted",
        "migration.transfer_started",
        "migration.transferred",
        "migration.downloaded",
        "migration.completed",
    ]
    assert len(migrations.mails(subscription, QUEUE_MAIL)) == 2
    assert len(migrations.mails(subscription, CONTACT)) == 2
    assert any("migration" in subject.casefold() for subject in migrations.mails(subscription, ADMINISTRATOR))


async def test_a_case_whose_migration_is_about_to_begin_waits_for_no_credit_memos(migrations: Migrations) -> None:
    world, subscription = migrations.world, migrations.organization(rows=1)
    status = await world.start(subscription, answers=world.answers(subscription, data="migrate"))
    assert "credit memos" not in status.waiting_for
    await migrations.reached(subscription, MigrationStage.REQUESTED)


async def _is(migrations: Migrations, subscription: str, stage: Stage) -> bool:
    return await migrations.world.stage(subscription) is stage
