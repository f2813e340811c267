"""Anything at all, sent to every handler of a migration, straight through Temporal: the answer is one of ours."""

from functools import partial

import pytest

from domain.migration import MigrationStage
from domain.vocabulary import Stage
from tests.support.malformed import GOOD, answered, few, send_all
from tests.support.migrations import Migrations
from tests.support.world import AGENT

UPDATES = ("accept", "correct", "send_migration_link", "acknowledge_download", "report_completed")


@few
@pytest.mark.timeout(3600)
async def test_whatever_is_sent_to_a_migration_is_answered_and_it_ends_with_its_cancellation(
    migrations: Migrations, number: int
) -> None:
    for name in UPDATES:
        subscription = migrations.organization()
        await migrations.requested(subscription)
        good = GOOD[name] | {"cancellation": f"{subscription}/1"}
        handle = migrations.handle(subscription)
        with migrations.world.environment.with_time_skipping_disabled():
            await send_all(partial(answered, handle, name), good, number)
        assert (
            await migrations.world.service.withdraw(subscription, actor=AGENT, reason="enough")
        ).stage is Stage.WITHDRAWN
        await migrations.reached(subscription, MigrationStage.WITHDRAWN)
