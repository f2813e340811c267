"""A history that grows long during long work: the case and its migration continue as new, with everything."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

import contract
from contract import ExportStatus
from domain.migration import MigrationStage
from domain.vocabulary import Stage
from tests.support.histories import assert_sound, histories_of
from tests.support.lost_steps import in_stage
from tests.support.migrations import CONTACT, ESCALATION_MAIL, QUEUE_MAIL, Migrations
from tests.support.noise import FEW_EVENTS, make_noise, noise_for
from tests.support.servers import temporal_server
from tests.support.world import AGENT, Mailbox, World, eventually
from tests.workflows.migration.conftest import data_of


@pytest.fixture
async def hasty(database_url: str, tenant_database_url: str, tmp_path: Path) -> AsyncIterator[Migrations]:
    """Migrations on a server that wants short histories."""
    async with temporal_server(FEW_EVENTS) as environment:
        with Mailbox() as mailbox:
            world = World(environment, database_url, mailbox, data=data_of(tenant_database_url, tmp_path / "store"))
            migrations = Migrations(world, tenant_database_url)
            migrations.queues(technical_support=QUEUE_MAIL, billing_support=None, escalation=ESCALATION_MAIL)
            async with world.worker():
                yield migrations
            world.close()
            workflows = [contract.cancellation_workflow_id(subscription) for subscription in world.subscriptions]
            workflows += [contract.migration_workflow_id(subscription) for subscription in world.subscriptions]
            await assert_sound(await histories_of(environment.client, *workflows))


async def test_a_cancellation_continues_as_new_while_it_waits_for_its_migration(hasty: Migrations) -> None:
    world, subscription = hasty.world, hasty.organization(rows=3)
    await hasty.requested(subscription)

    async def shows_its_migration() -> bool:
        return (await world.service.status(subscription)).waiting_for.startswith("technical support: acceptance")

    await eventually(shows_its_migration)  # which announces itself

    await make_noise(world, subscription)
    await make_noise(world, subscription)

    assert await shows_its_migration()
    await hasty.available(subscription)
    await make_noise(world, subscription)
    await hasty.acknowledged(subscription)
    await hasty.reported(subscription)
    await in_stage(world, subscription, Stage.CANCELED)
    assert hasty.actions(subscription).count("migration.requested") == 1
    assert hasty.actions(subscription).count("migration.completed") == 1


async def test_a_migration_continues_as_new_at_every_hand_over(hasty: Migrations) -> None:
    world, subscription = hasty.world, hasty.organization(rows=3)

    async def many_too_early_reports() -> None:
        await noise_for(
            hasty.handle(subscription), lambda caller: hasty.client.report_completed(subscription, actor=caller)
        )

    async def many_late_acceptances() -> None:
        await noise_for(
            hasty.handle(subscription),
            lambda caller: hasty.client.accept(
                subscription, contact=CONTACT, transfer_at=datetime.now(UTC), actor=caller
            ),
        )

    await hasty.requested(subscription)
    await many_too_early_reports()
    await hasty.accepted(subscription, after=timedelta(days=1))
    await many_too_early_reports()
    await hasty.pass_time(subscription, timedelta(days=1, minutes=1))
    await hasty.reached(subscription, MigrationStage.AVAILABLE)
    await many_late_acceptances()
    await hasty.acknowledged(subscription)
    await many_late_acceptances()
    await hasty.reported(subscription)

    await in_stage(world, subscription, Stage.CANCELED)
    for step in ("requested", "accepted", "transferred", "downloaded", "completed"):
        assert hasty.actions(subscription).count(f"migration.{step}") == 1


async def test_a_withdrawal_after_that_takes_the_migration_along(hasty: Migrations) -> None:
    world, subscription = hasty.world, hasty.organization(rows=3)
    await hasty.requested(subscription)
    await make_noise(world, subscription)

    withdrawn = await world.service.withdraw(subscription, actor=AGENT, reason="stays after all")

    assert withdrawn.stage is Stage.WITHDRAWN
    ended = await hasty.handle(subscription).result()
    assert contract.MigrationStatus.model_validate(ended).stage is MigrationStage.WITHDRAWN
    assert hasty.keys(subscription) == []


async def test_an_export_is_interrupted_late_and_begun_anew(hasty: Migrations) -> None:
    world, subscription = hasty.world, hasty.organization(rows=3, prepared=False)
    answers = world.answers(subscription, data="export")
    await world.start(subscription, answers=answers)
    await in_stage(world, subscription, Stage.PREPARING)

    few = await make_noise_of_a_case_without_long_work(world)
    many = await make_noise(world, subscription)

    assert many > 2 * few
    assert (await world.service.status(subscription)).export is ExportStatus.RUNNING
    hasty.prepare(subscription)
    await in_stage(world, subscription, Stage.CANCELED)
    assert (await world.service.status(subscription)).export is ExportStatus.READY
    assert world.actions(subscription).count("export.finished") == 1


async def test_a_withdrawal_ends_an_export_that_was_begun_anew(hasty: Migrations) -> None:
    world, subscription = hasty.world, hasty.organization(rows=3, prepared=False)
    await world.start(subscription, answers=world.answers(subscription, data="export"))
    await in_stage(world, subscription, Stage.PREPARING)
    await make_noise(world, subscription)

    withdrawn = await world.service.withdraw(subscription, actor=AGENT, reason="stays after all")

    assert withdrawn.stage is Stage.WITHDRAWN
    await world.handle(subscription).result()
    assert world.the_data.keys(f"{subscription}/1") == []


async def test_a_transfer_is_interrupted_late_and_begun_anew(hasty: Migrations) -> None:
    subscription = hasty.organization(rows=3, prepared=False)
    await hasty.requested(subscription)
    await hasty.begun(subscription)
    await hasty.reached(subscription, MigrationStage.TRANSFERRING)

    await noise_for(
        hasty.handle(subscription), lambda caller: hasty.client.report_completed(subscription, actor=caller)
    )

    hasty.prepare(subscription)
    await hasty.transferred(subscription, 1)
    assert [key.partition("/")[2] for key in hasty.keys(subscription)] == ["data.dump", "manifest.json"]
    assert hasty.actions(subscription).count("migration.transferred") == 1


async def test_a_case_that_has_ended_continues_as_new_while_its_letters_wait(hasty: Migrations) -> None:
    world, subscription = hasty.world, hasty.organization(rows=3)
    await world.start(subscription, complete=False)
    world.mailbox.close()
    await world.service.withdraw(subscription, actor=AGENT, reason="stays after all")

    await make_noise(world, subscription)

    world.mailbox.open()
    ended = contract.CancellationStatus.model_validate(await world.handle(subscription).result())
    assert ended.stage is Stage.WITHDRAWN
    assert world.actions(subscription).count("cancellation.withdrawn") == 1
    mails = [str(mail["Message-ID"]) for mail in world.mailbox.of(subscription)]
    assert len(mails) == len(set(mails)) == 2
    runs = [
        run async for run in world.environment.client.list_workflows(f"WorkflowId = '{world.handle(subscription).id}'")
    ]
    assert WorkflowExecutionStatus.CONTINUED_AS_NEW in {run.status for run in runs}


async def make_noise_of_a_case_without_long_work(world: World) -> int:
    """The number of requests after which a case continues as new that waits for its customer alone."""
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    return await make_noise(world, subscription)
