"""Terminate and Delete while data is migrated: of the cancellation, of the migration, of both."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from contract import cancellation_workflow_id, migration_workflow_id
from domain.migration import MigrationStage
from domain.vocabulary import Stage
from tests.support.migration_stages import available, requested
from tests.support.migrations import Migrations
from tests.support.reconciliation import BUTTONS, Button, about, delete, reconcile, runs, terminate
from tests.support.world import AGENT, World, eventually
from tests.workflows.reconciliation.test_missing_workflows import once_each, reached

pytestmark = pytest.mark.soak

Bring = Callable[[Migrations], Awaitable[str]]


async def continued(site: World, subscription: str) -> None:
    """Let minutes pass until the cancellation continues: it sets the timer for that only when it hears of the migration."""

    async def is_there() -> bool:
        if site.case(subscription).stage in (Stage.SCHEDULED, Stage.CANCELED):
            return True
        await site.pass_time(subscription, timedelta(minutes=1))
        return False

    await eventually(is_there)
    await reached(site, subscription, Stage.SCHEDULED, Stage.CANCELED)


@pytest.mark.parametrize("press", BUTTONS, ids=lambda value: value.__name__)
@pytest.mark.parametrize("bring", [requested, available], ids=lambda value: value.__name__)
async def test_a_cancellation_without_its_workflow_joins_the_migration_that_goes_on(
    site: World, migrations: Migrations, bring: Bring, press: Button
) -> None:
    subscription = await bring(migrations)
    await press(site, cancellation_workflow_id(subscription))
    assert await runs(site, migration_workflow_id(subscription))

    report = await reconcile(site)

    assert about(report, subscription) == [("workflow_missing", "mended")]
    if bring is requested:
        await migrations.available(subscription)
    await migrations.acknowledged(subscription)
    await migrations.reported(subscription)
    await continued(site, subscription)
    await once_each(site, subscription)
    assert about(await reconcile(site), subscription) == []


@pytest.mark.parametrize("press", BUTTONS, ids=lambda value: value.__name__)
async def test_a_withdrawal_reaches_the_migration_that_it_joined(
    site: World, migrations: Migrations, press: Button
) -> None:
    subscription = await available(migrations)
    await press(site, cancellation_workflow_id(subscription))
    await reconcile(site)

    status = await site.service.withdraw(subscription, actor=AGENT, reason="they stay")

    assert status.stage is Stage.WITHDRAWN
    row = migrations.row(subscription)
    assert row is not None
    assert row.stage == MigrationStage.WITHDRAWN
    await site.handle(subscription).result()
    assert migrations.keys(subscription) == []
    await once_each(site, subscription)


@pytest.mark.parametrize("press", BUTTONS, ids=lambda value: value.__name__)
async def test_a_migration_without_its_workflow_is_started_again_by_its_cancellation(
    site: World, migrations: Migrations, press: Button
) -> None:
    subscription = await available(migrations)

    await press(site, migration_workflow_id(subscription))

    assert about(await reconcile(site), subscription) == []
    await site.pass_time(subscription, timedelta(minutes=59, seconds=57))
    await eventually(lambda: runs(site, migration_workflow_id(subscription)))
    await migrations.acknowledged(subscription)
    await migrations.reported(subscription)
    await continued(site, subscription)
    await once_each(site, subscription)


async def test_both_without_their_workflows_are_started_again(site: World, migrations: Migrations) -> None:
    subscription = await available(migrations)
    await delete(site, cancellation_workflow_id(subscription))
    await delete(site, migration_workflow_id(subscription))

    report = await reconcile(site)

    assert about(report, subscription) == [("workflow_missing", "mended")]
    await eventually(lambda: runs(site, migration_workflow_id(subscription)))
    await migrations.acknowledged(subscription)
    await migrations.reported(subscription)
    await continued(site, subscription)
    await once_each(site, subscription)


@pytest.mark.parametrize("goes_on", [True, False], ids=["running", "terminated"])
async def test_a_migration_whose_cancellation_has_ended_is_ended_too(
    site: World, migrations: Migrations, goes_on: bool
) -> None:
    """As a later start leaves it, which closes the orphaned case."""
    subscription = await available(migrations)
    if not goes_on:
        await terminate(site, migration_workflow_id(subscription))
    await terminate(site, cancellation_workflow_id(subscription))
    await site.start(subscription, complete=False, request_id="the next one")

    report = await reconcile(site)

    assert ("migration_left", "mended") in about(report, f"{subscription}/1")
    await eventually(lambda: _is_withdrawn(migrations, subscription))
    assert migrations.keys(subscription) == []
    await migrations.handle(subscription).result()
    await eventually(lambda: _agrees(site, f"{subscription}/1"))


async def _is_withdrawn(migrations: Migrations, subscription: str) -> bool:
    row = migrations.row(subscription)
    return row is not None and row.stage == MigrationStage.WITHDRAWN


async def _agrees(site: World, case: str) -> bool:
    return about(await reconcile(site), case) == []
