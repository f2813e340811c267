"""Each activity of a migration runs exactly twice, in whole lives, and the second time changes nothing."""

from datetime import timedelta

from domain.migration import MigrationStage
from starter.connection import offramp_plugin
from tests.support.migrations import Migrations
from tests.support.world import AGENT
from tests.workflows.migration.test_histories import abandoned, completed, withdrawn
from tests.workflows.test_twice import Twice

AS_IN_EVERY_CANCELLATION = {
    "open_case", "save_answers", "save_attestation", "settle_lines", "take_effect", "close", "withdraw", "abandon",
    "deliver_mail", "erase_data", "await_erasure", "discard_copies", "remind", "prepare", "note_preparing",
}  # fmt: skip


async def test_every_activity_of_a_migration_changes_nothing_when_it_is_run_again(idle_migrations: Migrations) -> None:
    migrations, world = idle_migrations, idle_migrations.world
    twice = Twice(world)
    client = await world.environment.connect_client(plugins=[offramp_plugin()], interceptors=[twice])
    async with world.worker(client=client):
        for live in (completed, withdrawn, abandoned):
            await live(migrations)
        await _link_sent_again_and_a_request_refused(migrations)

    assert twice.changed == []
    assert twice.ran - AS_IN_EVERY_CANCELLATION == {
        "request_migration", "accept_migration", "correct_migration", "start_transfer", "transfer_data",
        "discard_transfers", "send_migration_link", "acknowledge_migration", "complete_migration", "end_migration",
        "remind_of_migration", "record_refusal",
    }  # fmt: skip
    ids = [mail["Message-ID"] for mail in world.mailbox.mails]
    assert len(ids) == len(set(ids)), "no mail went out twice"


async def _link_sent_again_and_a_request_refused(migrations: Migrations) -> None:
    subscription = migrations.organization()
    await migrations.requested(subscription)
    await migrations.available(subscription)
    await migrations.link_sent(subscription)
    await migrations.pass_time(subscription, timedelta(minutes=1))
    assert (await migrations.status(subscription)).stage is MigrationStage.AVAILABLE
    await migrations.world.service.withdraw(subscription, actor=AGENT, reason="they stay")
