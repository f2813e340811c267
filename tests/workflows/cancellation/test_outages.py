"""Outages: the case waits visibly, nothing is lost, and it continues by itself."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url, text

from contract import CancellationStatus
from domain.refusals import ForwardedRefusal
from domain.vocabulary import Question, Stage
from tests.support.world import AGENT, World, eventually


async def test_a_transition_waits_for_the_database_and_says_so(idle_world: World, postgres_url: str) -> None:
    world, subscription = idle_world, idle_world.subscription()
    database = make_url(world.database_url).database
    assert database is not None
    async with world.worker():
        tomorrow = world.today(subscription) + timedelta(1)
        await world.start(subscription, answers=world.answers(subscription, terminate_on=tomorrow))
        await eventually(lambda: _is(world, subscription, Stage.SCHEDULED))

        _allow_connections(postgres_url, database, allow=False)
        moving = asyncio.create_task(world.pass_time(subscription, timedelta(days=2)))
        await eventually(lambda: _waits_for_the_database(world, subscription), within=40)

        _allow_connections(postgres_url, database, allow=True)
        world.engine.dispose()  # it asks no connection that was idle for less than a second whether it is still there
        await moving
        await world.pass_time(subscription, timedelta(minutes=5))
        await eventually(lambda: _is(world, subscription, Stage.CANCELED))

    assert world.access(subscription) == "off"
    assert world.actions(subscription).count("cancellation.canceled") == 1


async def test_requests_get_an_answer_in_an_outage_and_are_carried_out_after_it(
    idle_world: World, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that waits for the database with a lock keeps others waiting as long as the database does, and no longer."""
    world, subscription = idle_world, idle_world.subscription()
    database = make_url(world.database_url).database
    assert database is not None
    service = world.service
    answers = world.answers(subscription, terminate_on=world.today(subscription) + timedelta(days=10))

    async def asked() -> tuple[CancellationStatus | BaseException, ...]:
        return await asyncio.gather(
            service.answer(subscription, answers, actor=AGENT, cancellation=case, request_id="answers"),
            service.attest(subscription, actor=AGENT, reason="called back", cancellation=case, request_id="attests"),
            service.withdraw(subscription, actor=AGENT, reason="stays", cancellation=case, request_id="withdraws"),
            return_exceptions=True,
        )

    async with world.worker():
        case = (await world.start(subscription, complete=False)).cancellation
        with world.environment.with_time_skipping_disabled():
            _allow_connections(postgres_url, database, allow=False)
            monkeypatch.setattr("starter.service.workflow_requests.UPDATE_TIMEOUT", timedelta(seconds=1))
            waiting = await asked()
            assert [getattr(outcome, "code", outcome) for outcome in waiting] == ["still_waiting"] * 3

            monkeypatch.undo()
            _allow_connections(postgres_url, database, allow=True)
            answered, attested, withdrawn = await asked()

    assert isinstance(withdrawn, CancellationStatus), withdrawn
    assert withdrawn.stage is Stage.WITHDRAWN
    assert {type(outcome) for outcome in (answered, attested)} <= {CancellationStatus, ForwardedRefusal}


async def test_a_step_that_waits_for_a_lock_goes_on_patiently_and_its_history_replays(world: World) -> None:
    """A local activity's failure is wrapped while it runs and bare in a replay; both must lead to the same commands."""
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    with world.engine.begin() as somebody_else:
        somebody_else.execute(text("SELECT 1 FROM subscriptions WHERE id = :id FOR UPDATE"), {"id": subscription})
        answering = asyncio.create_task(world.service.answer(subscription, {"data": "none"}, actor=AGENT))
        await eventually(lambda: _is_pending(world, subscription, "save_answers"))

    status = await answering
    assert Question.DATA not in status.open_questions
    # That the history replays is asserted for every test when it ends.


async def test_a_mail_server_that_is_down_delays_no_date_and_the_mails_come_once_each_when_it_is_back(
    idle_world: World,
) -> None:
    world, subscription = idle_world, idle_world.subscription()
    world.mailbox.close()
    async with world.worker():
        await world.start(subscription)
        await world.pass_time(subscription, timedelta(minutes=1))
        assert await world.stage(subscription) is Stage.CANCELED
        await eventually(lambda: _fails_with(world, subscription, "mail_server_unavailable"))
        assert (await world.service.status(subscription)).undelivered == ("mail",)

        world.mailbox.open()
        await eventually(lambda: _is_delivered(world, subscription), within=60)

    ids = [mail["Message-ID"] for mail in world.mailbox.of(subscription)]
    assert len(ids) == len(set(ids)) == 3


async def _is(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


async def _waits_for_the_database(world: World, subscription: str) -> bool:
    return await _fails_with(world, subscription, "database_unavailable")


async def _fails_with(world: World, subscription: str, failure: str) -> bool:
    pending = (await world.handle(subscription).describe()).raw_description.pending_activities
    return any(activity.last_failure.application_failure_info.type == failure for activity in pending)


async def _is_pending(world: World, subscription: str, name: str) -> bool:
    pending = (await world.handle(subscription).describe()).raw_description.pending_activities
    return any(activity.activity_type.name == name for activity in pending)


async def _is_delivered(world: World, subscription: str) -> bool:
    return not (await world.service.status(subscription)).undelivered


def _allow_connections(postgres_url: str, database: str, *, allow: bool) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        name, wanted = sql.Identifier(database), sql.SQL("true" if allow else "false")
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(name, wanted))
        if not allow:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
