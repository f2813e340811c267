"""One of the two databases restored to an older moment: the record binds, and what it does not know is named."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url
from temporalio.testing import WorkflowEnvironment

from activities.cancellation import Records
from domain.vocabulary import Channel, Stage
from tests.support.lost_steps import a_step, attested, lost_answers
from tests.support.reconciliation import about, open_workflows, reconcile, reconcile_with_second_look
from tests.support.world import AGENT, Mailbox, World
from tests.workflows.reconciliation.test_missing_workflows import canceled, in_intake, reached, scheduled


@pytest.fixture
async def own_site(temporal: WorkflowEnvironment, database_url: str) -> AsyncIterator[World]:
    """A world with a database of the test's own, and without organizations' data."""
    with Mailbox() as mailbox:
        world = World(temporal, database_url, mailbox)
        async with world.worker():
            yield world
        world.close()
    for workflow_id, _ in await open_workflows(world):  # the next test would find them without a database
        await temporal.client.get_workflow_handle(workflow_id).terminate("the test is over")


@contextmanager
def kept(world: World) -> Iterator[None]:
    """Keep the database as it is now, and restore it after the block, as if nothing in it had been written."""
    url = make_url(world.database_url)
    name = sql.Identifier(str(url.database))
    copy = sql.Identifier(f"{url.database}_kept")
    maintenance = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    make = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    with psycopg.connect(maintenance, autocommit=True) as connection:

        def replace(target: sql.Identifier, source: sql.Identifier) -> None:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(target))
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (source._obj[0],)
            )
            connection.execute(make.format(target, source))

        replace(copy, name)
        yield
        replace(name, copy)
        connection.execute(sql.SQL("DROP DATABASE {}").format(copy))
    world.close()


async def test_a_case_whose_record_is_older_is_started_again_from_it(own_site: World) -> None:
    world, subscription = own_site, await scheduled(own_site)
    with kept(world):
        await world.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
        await world.handle(subscription).result()
    assert world.case(subscription).stage == Stage.SCHEDULED

    assert about(await reconcile(world), subscription) == [("workflow_missing", "mended")]

    assert (await world.service.status(subscription)).stage is Stage.SCHEDULED
    assert about(await reconcile(world), subscription) == []


async def test_a_workflow_that_knows_more_than_the_record_is_replaced(own_site: World) -> None:
    world, subscription = own_site, await in_intake(own_site)
    unharmed = await in_intake(world)
    with kept(world):
        await world.service.attest(subscription, actor=AGENT, reason="called back")
    assert (await world.service.status(subscription)).verified

    report = await reconcile(world, dry_run=True)
    assert about(report, subscription) == [("record_behind", "to_be_mended")]
    assert about(await reconcile(world), subscription) == [("record_behind", "mended")]

    assert not (await world.service.status(subscription)).verified
    await world.service.attest(subscription, actor=AGENT, reason="called back again")
    again = await reconcile(world)
    assert about(again, subscription) == about(again, unharmed) == []
    status = await world.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
    assert status.stage is Stage.WITHDRAWN


async def test_a_workflow_whose_case_is_gone_is_named_and_left_alone(own_site: World) -> None:
    world = own_site
    with kept(world):
        subscription = await canceled(world)
    before = await open_workflows(world)

    report = await reconcile(world)

    assert about(report, subscription) == [("case_missing", "left")]
    assert not report.agrees
    assert await open_workflows(world) == before


async def test_a_workflow_that_knows_less_for_good_is_replaced(own_site: World) -> None:
    """As after a restore of Temporal's database: the record has steps that no history knows."""
    world = own_site
    behind, answered = await scheduled(world), await in_intake(world)
    Records(world.engine, frozenset({Channel.MAIL})).take_effect(a_step(world, behind, "effect"))
    lost_answers(world, answered)
    attested(world, answered)

    report = await reconcile_with_second_look(world)

    assert about(report, behind) == about(report, answered) == [("record_ahead", "mended")]
    await reached(world, answered, Stage.SCHEDULED, Stage.CANCELED)
    await reached(world, behind, Stage.CANCELED)
    reversed_ = await world.service.reverse(behind, world.identity(behind), actor=AGENT)
    assert reversed_.stage is Stage.REVERSED
    assert world.actions(behind).count("cancellation.canceled") == 1
