"""The buttons of a pending activity: Pause and Unpause, Reset, other options, Fail."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import pytest
from psycopg import sql
from sqlalchemy.orm import Session
from temporalio.client import WorkflowFailureError

import contract
from domain.migration import MigrationStage
from domain.vocabulary import Channel, Stage
from records.outbox import last_of
from tests.support.buttons import activity_button
from tests.support.migrations import Migrations
from tests.support.reconciliation import about, reconcile
from tests.support.world import AGENT, World, eventually
from tests.workflows.cancellation.test_web_ui import summaries
from tests.workflows.reconciliation.test_missing_workflows import once_each, reached, scheduled


async def test_a_paused_delivery_is_named_until_it_is_unpaused_and_leaves_once(site: World) -> None:
    site.mailbox.close()
    subscription = site.subscription()
    await site.start(subscription, complete=False)
    workflow_id = contract.cancellation_workflow_id(subscription)
    await is_pending(site, workflow_id, "deliver_mail")
    await activity_button(site, workflow_id, "deliver_mail", "pause")
    site.mailbox.open()

    report = await reconcile(site)

    (finding,) = [found for found in report.findings if found.subject == f"{subscription}/1"]
    assert (finding.kind, finding.outcome, finding.reason) == ("activity_paused", "left", "deliver_mail")
    assert site.mailbox.of(subscription) == []
    assert about(await reconcile(site, dry_run=True), subscription) == [("activity_paused", "left")]
    await activity_button(site, workflow_id, "deliver_mail", "unpause")
    await once_each(site, subscription)
    assert about(await reconcile(site), subscription) == []


@pytest.mark.soak
@pytest.mark.parametrize("button", ["reset", "pause"])
async def test_an_export_that_is_interrupted_by_an_operator_is_made_once(
    site: World, migrations: Migrations, button: str
) -> None:
    subscription = migrations.organization()
    workflow_id = contract.cancellation_workflow_id(subscription)
    async with held_up_export(site, migrations, subscription):
        await activity_button(site, workflow_id, "export_data", button)
        if button == "pause":
            assert about(await reconcile(site), subscription) == [("activity_paused", "left")]
    if button == "pause":
        await activity_button(site, workflow_id, "export_data", "unpause")
    await reached(site, subscription, Stage.SCHEDULED)
    await once_each(site, subscription)
    assert about(await reconcile(site), subscription) == []


@pytest.mark.soak
async def test_a_transfer_that_is_paused_is_made_once(site: World, migrations: Migrations) -> None:
    subscription = migrations.organization()
    workflow_id = contract.migration_workflow_id(subscription)
    await migrations.requested(subscription)
    with locked_accounts(migrations, subscription):
        await migrations.begun(subscription)
        await is_pending(site, workflow_id, "transfer_data")
        await activity_button(site, workflow_id, "transfer_data", "pause")
        assert ("activity_paused", "left") in about(await reconcile(site), subscription)
    await activity_button(site, workflow_id, "transfer_data", "unpause")
    await migrations.reached(subscription, MigrationStage.AVAILABLE)
    await once_each(site, subscription)


@pytest.mark.soak
async def test_a_delivery_that_an_operator_gave_up_is_tried_again(site: World) -> None:
    site.mailbox.close()
    subscription = site.subscription()
    await site.start(subscription, complete=False)
    workflow_id = contract.cancellation_workflow_id(subscription)
    await is_pending(site, workflow_id, "deliver_mail")
    await activity_button(site, workflow_id, "deliver_mail", "update-options", "--retry-maximum-attempts", "1")
    await eventually(lambda: waits_for(site, subscription, "try the delivery again"))
    site.mailbox.open()

    await site.pass_time(subscription, timedelta(minutes=1))

    await once_each(site, subscription)
    assert about(await reconcile(site), subscription) == []


@pytest.mark.soak
async def test_a_step_that_an_operator_gave_up_is_tried_again(site: World, migrations: Migrations) -> None:
    subscription = await scheduled(site)
    workflow_id = contract.cancellation_workflow_id(subscription)
    withdrawal = contract.Withdraw(actor=AGENT, reason="they stay")
    with migrations.entries_held(subscription):
        withdrawing = asyncio.create_task(site.update(subscription, contract.UPDATE_WITHDRAW, withdrawal))
        await is_pending(site, workflow_id, "withdraw")
        await activity_button(site, workflow_id, "withdraw", "fail", "--reason", "given up")
        await eventually(lambda: waits_for(site, subscription, "try again: undo what was prepared"))
    await site.pass_time(subscription, timedelta(minutes=1))
    assert (await withdrawing).stage is Stage.WITHDRAWN
    await once_each(site, subscription)
    assert about(await reconcile(site), subscription) == []


@pytest.mark.soak
async def test_an_export_that_an_operator_failed_is_begun_again_by_the_reconciliation(
    site: World, migrations: Migrations
) -> None:
    subscription = migrations.organization()
    workflow_id = contract.cancellation_workflow_id(subscription)
    async with held_up_export(site, migrations, subscription):
        await activity_button(site, workflow_id, "export_data", "fail", "--reason", "it takes too long")
        with pytest.raises(WorkflowFailureError):
            await site.handle(subscription).result()

    assert ("workflow_missing", "mended") in about(await reconcile(site), subscription)

    await reached(site, subscription, Stage.SCHEDULED)
    await once_each(site, subscription)
    assert about(await reconcile(site), subscription) == []


@pytest.mark.soak
async def test_a_delivery_whose_end_an_operator_invented_leaves_its_mail_to_the_next_one(site: World) -> None:
    site.mailbox.close()
    subscription = site.subscription()
    await site.start(subscription, complete=False)
    workflow_id = contract.cancellation_workflow_id(subscription)
    await is_pending(site, workflow_id, "deliver_mail")
    with Session(site.engine) as session:
        newest = last_of(session, f"{subscription}/1")[Channel.MAIL]
    await activity_button(site, workflow_id, "deliver_mail", "complete", "--result", str(newest))
    site.mailbox.open()

    withdrawn = await site.service.withdraw(subscription, actor=AGENT, reason="they stay")

    assert withdrawn.stage is Stage.WITHDRAWN
    await site.handle(subscription).result()
    assert len(site.mailbox.of(subscription)) == 2
    await once_each(site, subscription)


@contextmanager
def locked_accounts(migrations: Migrations, subscription: str) -> Iterator[None]:
    """Lock a table of the organization, for which whatever reads its data waits."""
    table = sql.Identifier(migrations.schema(subscription), "accounts")
    with migrations.owner() as owner, owner.transaction():
        owner.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
        yield


@asynccontextmanager
async def held_up_export(site: World, migrations: Migrations, subscription: str) -> AsyncIterator[None]:
    """Start a case with an export that is under way and cannot go on."""
    with locked_accounts(migrations, subscription):
        day = site.today(subscription) + timedelta(days=10)
        await site.start(subscription, answers=site.answers(subscription, data="export", terminate_on=day))
        await is_pending(site, contract.cancellation_workflow_id(subscription), "export_data")
        yield


async def waits_for(site: World, subscription: str, timer: str) -> bool:
    return timer in await summaries(site, subscription)


async def is_pending(site: World, workflow_id: str, activity_type: str) -> None:
    async def is_there() -> bool:
        described = await site.environment.client.get_workflow_handle(workflow_id).describe()
        return activity_type in [each.activity_type.name for each in described.raw_description.pending_activities]

    await eventually(is_there)
