"""Parts that are down: the case waits where an operator can see it, nothing is lost, and it goes on by itself."""

import asyncio
from datetime import timedelta

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from domain.vocabulary import Stage
from tests.support.world import World, eventually


async def test_a_transition_waits_for_the_database_and_says_so(idle_world: World, postgres_url: str) -> None:
    world, subscription = idle_world, idle_world.subscription()
    database = make_url(world.database_url).database
    assert database is not None
    async with world.worker():
        tomorrow = world.today(subscription) + timedelta(1)
        await world.start(subscription, answers=world.answers(subscription, terminate_on=tomorrow))
        await eventually(lambda: _is(world, subscription, Stage.SCHEDULED))

        _allow_connections(postgres_url, database, allow=False)
        moving = asyncio.create_task(world.pass_time(subscription, timedelta(days=1)))
        await eventually(lambda: _waits_for_the_database(world, subscription), within=40)

        _allow_connections(postgres_url, database, allow=True)
        await moving
        await world.pass_time(subscription, timedelta(minutes=5))
        await eventually(lambda: _is(world, subscription, Stage.CANCELED))

    assert world.access(subscription) == "off"
    assert world.actions(subscription).count("cancellation.canceled") == 1


async def _is(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


async def _waits_for_the_database(world: World, subscription: str) -> bool:
    pending = (await world.handle(subscription).describe()).raw_description.pending_activities
    return any(activity.last_failure.application_failure_info.type == "database_unavailable" for activity in pending)


def _allow_connections(postgres_url: str, database: str, *, allow: bool) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        name, wanted = sql.Identifier(database), sql.SQL("true" if allow else "false")
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(name, wanted))
        if not allow:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
