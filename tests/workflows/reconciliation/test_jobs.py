"""The buttons on what no case is about: nightly runs, the removal of personal data, reconciliations, tasks of systems, everything at once."""

from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from uuid import uuid4

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle

import contract
from domain.lines.runs import LineDatesProgress
from domain.marketing import MarketingStage
from domain.system_tasks import Duty, SystemTask
from domain.vocabulary import Stage
from tests.activities.messaging.endpoint import Endpoint
from tests.support.buttons import ResetPoint, request_cancellation, reset
from tests.support.migration_stages import available
from tests.support.migrations import Migrations
from tests.support.nights import DUE, TODAY, line_held, progress_of, start_update
from tests.support.reconciliation import about, delete, open_workflows, reconcile, runs, terminate
from tests.support.webhook_endpoints import add_endpoint, remove_endpoint
from tests.support.world import AGENT, MARKETING_OWNER, World, eventually
from tests.workflows.reconciliation.test_missing_migrations import continued
from tests.workflows.reconciliation.test_missing_workflows import (
    BEFORE_EFFECT,
    canceled,
    ends,
    once_each,
    reached,
    scheduled,
)

Press = Callable[[World, str], Awaitable[None]]


@pytest.mark.parametrize("to", [ResetPoint.FIRST, ResetPoint.LAST])
async def test_a_nightly_run_that_is_reset_does_nothing_again(site: World, to: ResetPoint) -> None:
    subscription = site.subscription(lines=[DUE])
    run = await start_update(site, subscription=subscription, as_of=TODAY)
    before = await run.result()
    await site.offramp.line_dates.restore(before.run, actor=AGENT, reason="a wrong day")
    restored, actions = site.line(subscription).term_until, site.actions(subscription)

    await reset(site, run.id, to=to)
    again = await result_of(site, run.id)

    assert (again.run, again.rolled) == (before.run, 1)
    assert site.line(subscription).term_until == restored == date(2026, 12, 31)
    assert site.actions(subscription) == actions


@pytest.mark.parametrize("press", [request_cancellation, terminate])
async def test_a_nightly_run_that_is_ended_leaves_the_rest_to_the_next(site: World, press: Press) -> None:
    subscription = site.subscription(lines=[DUE, DUE])
    with line_held(site, f"{subscription}-1"), site.environment.with_time_skipping_disabled():
        run = await start_update(site, subscription=subscription, as_of=TODAY)

        async def passed_by() -> bool:
            progress = await progress_of(site, run.id)
            return progress is not None and progress.busy == 1

        await eventually(passed_by)
        await press(site, run.id)
        with pytest.raises(WorkflowFailureError):
            await run.result()
    rolled = site.actions(subscription).count("line.term_rolled")

    next_one = await (await start_update(site, subscription=subscription, as_of=TODAY)).result()

    assert (rolled, next_one.rolled, next_one.failed) == (1, 1, 0)
    assert site.actions(subscription).count("line.term_rolled") == 2


async def test_a_reconciliation_and_a_removal_of_personal_data_may_be_ended_and_reset(site: World) -> None:
    subscription = await scheduled(site)
    with site.environment.with_time_skipping_disabled():
        await terminate(site, contract.cancellation_workflow_id(subscription))
        name = await site.offramp.reconciliation.begin()
        reconciliation = site.environment.client.get_workflow_handle(name)
        await reconciliation.result()
        retention = await site.environment.client.start_workflow(
            contract.PERSONAL_DATA_RETENTION, id=f"{contract.RETENTION_SCHEDULE}-{uuid4()}", task_queue=site.task_queue
        )
        await retention.result()
        jobs = {name, retention.id}  # which have ended, though the list may not know yet
        before = {each for each in await open_workflows(site) if each[0] not in jobs}
        actions = site.actions(subscription)

        for workflow_id in (name, retention.id):
            await reset(site, workflow_id, to=ResetPoint.FIRST)
            await site.environment.client.get_workflow_handle(workflow_id).result()

        assert {each for each in await open_workflows(site) if each[0] not in jobs} == before
        assert site.actions(subscription) == actions
    await site.service.withdraw(subscription, actor=AGENT, reason="they stay")


@pytest.mark.parametrize("press", [request_cancellation, terminate, delete])
async def test_tasks_of_systems_are_followed_again(site: World, press: Press) -> None:
    name, shop = f"shop-{uuid4().hex[:8]}", Endpoint()
    with shop.listening() as url, site.environment.with_time_skipping_disabled():
        add_endpoint(site, name, url, events=("line.closed",), duties=list(Duty), owner="shop@provider.example")
        subscription = site.subscription()
        await site.start(subscription)
        await reached(site, subscription, Stage.CANCELED)
        workflow_id = contract.system_tasks_workflow_id(f"{subscription}/1")
        await eventually(lambda: runs(site, workflow_id))
        await eventually(partial(has_heard, shop, 1))
        await press(site, workflow_id)
        await eventually(lambda: has_ended(site, workflow_id))

        assert about(await reconcile(site), workflow_id) == [("workflow_missing", "mended")]

        await site.service.confirm_task(f"{subscription}/1", name, SystemTask.END_ACCESS, actor=name)
        await site.environment.client.get_workflow_handle(workflow_id).result()
        assert about(await reconcile(site), workflow_id) == []
        assert len(shop.requests) == 1
        await site.service.reverse(subscription, site.identity(subscription), actor=AGENT)
        await site.service.confirm_task(f"{subscription}/1", name, SystemTask.RESTORE_ACCESS, actor=name)
        remove_endpoint(site, name)


@pytest.mark.soak
@pytest.mark.parametrize("press", [terminate, delete])
async def test_everything_that_runs_is_ended_at_once_and_one_reconciliation_starts_it_again(
    site: World, migrations: Migrations, press: Press
) -> None:
    migrating = await available(migrations)
    cases = [await bring(site) for bring in [canceled, *BEFORE_EFFECT]]
    marketed = site.subscription(campaigns=["A"])
    organization = site.organization(marketed)
    with site.environment.with_time_skipping_disabled():
        await site.marketing.cancel(
            contract.StartMarketingCancellation(organization=organization, actor=AGENT, administrator=MARKETING_OWNER)
        )
        await site.marketing.attest(organization, actor=AGENT, reason="called back on the number on file")

        async def stops() -> bool:
            return (await site.marketing.status(organization)).stage is MarketingStage.STOPPING

        await eventually(stops)
        actions = {subscription: site.actions(subscription) for subscription in (*cases, migrating)}
        for workflow_id, _ in await open_workflows(site):
            await press(site, workflow_id)

        report = await reconcile(site)

        expected = [("workflow_missing", "mended")]
        assert {subscription: about(report, subscription) for subscription in (*cases, migrating)} == dict.fromkeys(
            (*cases, migrating), expected
        )
        assert about(report, organization) == expected
        await eventually(lambda: runs(site, contract.migration_workflow_id(migrating)))
        await eventually(stops)
        again = await reconcile(site)
    assert [about(again, subscription) for subscription in (*cases, migrating, organization)] == [[]] * (len(cases) + 2)
    assert {subscription: site.actions(subscription) for subscription in (*cases, migrating)} == actions
    await migrations.acknowledged(migrating)
    await migrations.reported(migrating)
    await continued(site, migrating)
    await once_each(site, migrating)
    await site.marketing.acknowledge_stop(site.campaign(marketed, "A"), actor="ad-centre")
    for subscription in reversed(cases):
        await ends(site, subscription)


async def result_of(site: World, workflow_id: str) -> LineDatesProgress:
    run: WorkflowHandle[object, LineDatesProgress] = site.environment.client.get_workflow_handle(
        workflow_id, result_type=LineDatesProgress
    )
    return await run.result()


async def has_heard(shop: Endpoint, times: int) -> bool:
    return len(shop.requests) >= times


async def has_ended(site: World, workflow_id: str) -> bool:
    return not await runs(site, workflow_id)
