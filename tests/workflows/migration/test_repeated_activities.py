"""Each activity of a migration runs exactly twice, in whole lives, and the second time changes nothing."""

from activities.migration.activities import Migrations
from activities.migration.transfer import Transfers
from runtime.temporal import offramp_plugin
from tests.support.migrations import Migrations as InTheTest
from tests.support.world import AGENT
from tests.workflows.cancellation.test_repeated_activities import Twice
from tests.workflows.migration.test_histories import completed


async def test_every_activity_of_a_migration_changes_nothing_when_it_is_run_again(idle_migrations: InTheTest) -> None:
    migrations, world = idle_migrations, idle_migrations.world
    twice = Twice(world)
    client = await world.environment.connect_client(plugins=[offramp_plugin()], interceptors=[twice])
    async with world.worker(client=client):
        await completed(migrations)
        await _withdrawn_after_a_fresh_link(migrations)

    assert twice.changed == []
    of_migrations = {name for part in (Migrations, Transfers) for name, of in vars(part).items() if is_activity(of)}
    assert of_migrations - twice.ran == set()
    assert {"transfer_data", "remind_of_migration", "end_migration"} <= of_migrations
    ids = [mail["Message-ID"] for mail in world.mailbox.mails]
    assert len(ids) == len(set(ids)), "no mail went out twice"


def is_activity(of: object) -> bool:
    return hasattr(of, "__temporal_activity_definition")


async def _withdrawn_after_a_fresh_link(migrations: InTheTest) -> None:
    subscription = migrations.organization()
    await migrations.requested(subscription)
    await migrations.available(subscription)
    await migrations.link_sent(subscription)
    await migrations.world.service.withdraw(subscription, actor=AGENT, reason="they stay")
    await migrations.world.handle(subscription).result()
