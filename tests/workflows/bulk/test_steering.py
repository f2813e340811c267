"""The steering of a bulk: who may confirm it, window and rate, stop, resume, kill, and the kill switch."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowFailureError

import contract
from activities.bulk import activities, starts
from domain.bulk import ALONE_UP_TO, BulkState, RowState
from domain.privacy import REMOVED
from records.bulk.retention import forget_bulks
from records.transaction import Transaction
from runtime.refusals import as_refusal
from storage.rights import DatabaseRole
from tests.support.bulks import CONFIRMER, PLANNER, confirmed, planned, row, rows_of, short, until
from tests.support.histories import assert_sound, histories_of
from tests.support.world import ADMINISTRATOR, World, eventually, refused

ON_CALL = "operator-3am"


def shorts(world: World, number: int) -> list[dict[str, str]]:
    return [short(world.subscription()) for _ in range(number)]


async def test_more_than_a_few_rows_are_confirmed_by_another_person_than_who_planned_them(world: World) -> None:
    with world.environment.with_time_skipping_disabled():
        few = await planned(world, shorts(world, 1))
        many = await planned(world, shorts(world, ALONE_UP_TO + 1))
        assert (few.needs_second_person, many.needs_second_person) == (False, True)
        for actor in (PLANNER, PLANNER.upper(), f"temporal:{CONFIRMER}"):
            assert (await refused(confirmed(world, many, actor=actor))).code == "bulk_needs_second_person"
        assert (await refused(confirmed(world, few, actor="temporal:x"))).code == "bulk_needs_second_person"
        assert (await confirmed(world, few, actor=PLANNER)).confirmed_by == PLANNER
        await until(world, few.bulk, BulkState.FINISHED)
    with world.engine.begin() as connection, pytest.raises(Exception, match="confirmed_by_a_second_person"):
        connection.execute(
            text(
                "UPDATE bulks SET state = 'running', confirmed_by = planned_by, confirmed_at = now(), confirmed_because = 'x' WHERE id = :id"
            ),
            {"id": many.bulk},
        )


async def test_only_the_plan_that_was_shown_is_confirmed_and_only_once(world: World) -> None:
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, shorts(world, 1))
        assert (await refused(confirmed(world, plan, digest="0" * 12))).code == "bulk_plan_differs"
        first = await confirmed(world, plan, request_id=f"{plan.bulk}-yes")
        again = await confirmed(world, plan, request_id=f"{plan.bulk}-yes")
        assert first.confirmed_at == again.confirmed_at
        assert (await refused(confirmed(world, plan))).code == "bulk_has_other_state"
        nothing = await planned(world, [short("SUB-NOWHERE")])
        assert (await refused(confirmed(world, nothing))).code == "bulk_of_nothing"


async def test_no_more_starts_are_under_way_or_begun_in_a_minute_than_there_may_be(idle_world: World) -> None:
    world = idle_world
    async with world.worker():
        with world.environment.with_time_skipping_disabled():
            plan = await planned(world, shorts(world, 12), at_once=2, per_minute=600)
            await confirmed(world, plan)
            await until(world, plan.bulk, BulkState.FINISHED)
    rows = await rows_of(world, plan.bulk)
    begun = sorted(each.begun_at for each in rows if each.begun_at)
    assert len(begun) == 12
    assert min(later - earlier for earlier, later in pairwise(begun)) >= timedelta(seconds=0.1)
    for moment in begun:
        under_way = [
            each for each in rows if each.begun_at and each.settled_at and each.begun_at <= moment < each.settled_at
        ]
        assert len(under_way) <= 2


async def test_a_slow_rate_is_kept_by_timers_and_not_by_an_activity_that_sleeps(world: World) -> None:
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, shorts(world, 2), per_minute=1)
        await confirmed(world, plan)

        async def one_is_started() -> bool:
            return (await world.offramp.bulk.status(plan.bulk)).rows.get(RowState.STARTED) == 1

        await eventually(one_is_started)
        handle = world.environment.client.get_workflow_handle(contract.bulk_workflow_id(plan.bulk))

        async def waits_for_a_timer() -> bool:
            history = await handle.fetch_history()
            started = [event for event in history.events if event.HasField("timer_started_event_attributes")]
            return bool(started)

        await eventually(waits_for_a_timer)
        await world.offramp.bulk.kill(plan.bulk, actor=ON_CALL, reason="enough for a test")
        ended = contract.BulkProgress.model_validate(await handle.result())
    assert (ended.state, ended.rows) == (BulkState.KILLED, {RowState.STARTED: 1, RowState.NOT_STARTED: 1})


async def test_a_bulk_is_stopped_resumed_and_finishes(world: World) -> None:
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, shorts(world, 6), at_once=1, per_minute=300)
        await confirmed(world, plan)

        async def has_begun() -> bool:
            return bool((await world.offramp.bulk.status(plan.bulk)).rows.get(RowState.STARTED))

        await eventually(has_begun)
        stopped = await world.offramp.bulk.stop(plan.bulk, actor=ON_CALL, reason="mails pile up", request_id="s1")
        assert (stopped.state, stopped.halted_by) == (BulkState.STOPPED, ON_CALL)

        async def nothing_is_under_way() -> bool:
            return RowState.UNDER_WAY not in (await world.offramp.bulk.status(plan.bulk)).rows

        await eventually(nothing_is_under_way)
        before = (await world.offramp.bulk.status(plan.bulk)).rows
        assert before.get(RowState.READY, 0) >= 1
        assert (
            await refused(world.offramp.bulk.stop(plan.bulk, actor=ON_CALL, reason="again"))
        ).code == "bulk_has_other_state"
        assert (await world.offramp.bulk.status(plan.bulk)).rows == before

        await world.offramp.bulk.resume(plan.bulk, actor=CONFIRMER, reason="they are out")
        done = await until(world, plan.bulk, BulkState.FINISHED)
    assert done.rows == {RowState.STARTED: 6}
    with world.engine.connect() as connection:
        audited = connection.execute(
            text("SELECT action, actor, why FROM audit_trail WHERE after ->> 'bulk' = :bulk ORDER BY id"),
            {"bulk": plan.bulk},
        ).all()
    assert [tuple(entry) for entry in audited] == [
        ("bulk.planned", PLANNER, "they all leave"),
        ("bulk.confirmed", CONFIRMER, "looked at every row"),
        ("bulk.stopped", ON_CALL, "mails pile up"),
        ("bulk.resumed", CONFIRMER, "they are out"),
        ("bulk.finished", "offramp", None),
    ]


async def test_a_killed_bulk_starts_nothing_more_for_ever(world: World) -> None:
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, shorts(world, 3))
        killed = await world.offramp.bulk.kill(plan.bulk, actor=ON_CALL, reason="the wrong file")
        assert (killed.state, killed.rows) == (BulkState.KILLED, {RowState.NOT_STARTED: 3})
        for request in (world.offramp.bulk.resume, world.offramp.bulk.stop, world.offramp.bulk.kill):
            assert (
                await refused(request(plan.bulk, actor=CONFIRMER, reason="no, go on"))
            ).code == "bulk_has_other_state"
        assert (await refused(confirmed(world, plan))).code == "bulk_has_other_state"
        await world.environment.client.get_workflow_handle(contract.bulk_workflow_id(plan.bulk)).result()
    with world.engine.connect() as connection:
        kept = connection.scalar(
            text("SELECT count(*) FROM bulk_rows WHERE bulk = :id AND start IS NOT NULL"), {"id": plan.bulk}
        )
    assert kept == 0, "what a row was to be started with goes with it"


async def test_the_kill_switch_holds_every_bulk_and_needs_no_temporal(idle_world: World) -> None:
    world = idle_world
    async with world.worker():
        with world.environment.with_time_skipping_disabled():
            plan = await planned(world, shorts(world, 3))
            off = await world.offramp.bulk.set_switch(off=True, actor=ON_CALL, reason="too many mails")
            assert (off.switched_by, off.reason) == (ON_CALL, "too many mails")
            again = await world.offramp.bulk.set_switch(off=True, actor="another", reason="me too")
            assert again == off
            await confirmed(world, plan)
            handle = world.environment.client.get_workflow_handle(contract.bulk_workflow_id(plan.bulk))

            async def says_so() -> bool:
                progress = await handle.query(contract.QUERY_BULK_PROGRESS, result_type=contract.BulkProgress)
                return progress.is_switched_off and progress.state is BulkState.RUNNING

            await eventually(says_so)
            assert (await world.offramp.bulk.status(plan.bulk)).rows == {RowState.READY: 3}
            await world.offramp.bulk.set_switch(off=False, actor=ON_CALL, reason="they are out")
            done = await until(world, plan.bulk, BulkState.FINISHED)
            await assert_sound(await histories_of(world.environment.client, contract.bulk_workflow_id(plan.bulk)))
    assert done.rows == {RowState.STARTED: 3}


async def test_a_plan_that_nobody_confirms_expires(idle_world: World) -> None:
    world = idle_world
    async with world.worker():
        with world.environment.with_time_skipping_disabled():
            plan = await planned(world, shorts(world, 2))
            with world.engine.begin() as connection:
                connection.execute(text("UPDATE bulks SET planned_at = planned_at - interval '7 days'"))
            assert (await refused(confirmed(world, plan))).code == "bulk_has_other_state"
            handle = world.environment.client.get_workflow_handle(contract.bulk_workflow_id(plan.bulk))
            await world.environment.fast_forward(handle, timedelta(days=7, minutes=1))
            ended = contract.BulkProgress.model_validate(await handle.result())
    assert (ended.state, ended.rows) == (BulkState.EXPIRED, {RowState.NOT_STARTED: 2})


@pytest.mark.parametrize(
    "given", [[], [{}], [{"bulk": "SUB-1"}], [{"bulk": "bulk-0123456789abcdef", "confirmed": True}], ["x"]]
)
async def test_what_is_no_bulk_ends_with_a_refusal(world: World, given: list[object]) -> None:
    client = world.environment.client
    with pytest.raises(WorkflowFailureError) as failed:
        await client.execute_workflow(
            contract.BULK_CANCELLATION, args=given, id="bulk:bulk-0123456789abcdef", task_queue=world.task_queue
        )
    assert failed.value.cause is not None
    refusal = as_refusal(failed.value.cause)
    assert refusal is not None
    assert refusal.code == "input_malformed"


async def test_a_bulk_that_nobody_planned_and_one_under_another_id_are_refused(world: World) -> None:
    client = world.environment.client

    async def code_of(bulk: str, workflow_id: str) -> str:
        with pytest.raises(WorkflowFailureError) as failed:
            await client.execute_workflow(
                contract.BULK_CANCELLATION,
                contract.CarryOutBulk(bulk=bulk),
                id=workflow_id,
                task_queue=world.task_queue,
            )
        assert failed.value.cause is not None
        refusal = as_refusal(failed.value.cause)
        assert refusal is not None
        return refusal.code

    bulk = "bulk-fedcba9876543210"
    assert await code_of(bulk, contract.bulk_workflow_id(bulk)) == "bulk_unknown"
    assert await code_of(bulk, "bulk:another") == "workflow_id_mismatch"


async def test_a_bulk_whose_workflow_was_terminated_continues_when_it_is_resumed(world: World) -> None:
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, shorts(world, 2))
        handle = world.environment.client.get_workflow_handle(contract.bulk_workflow_id(plan.bulk))
        await handle.terminate("an operator pressed a button")
        await confirmed(world, plan)
        done = await until(world, plan.bulk, BulkState.FINISHED)
    assert done.rows == {RowState.STARTED: 2}


async def test_a_start_without_an_answer_is_sent_again_and_holds_up_no_other_row(
    idle_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = idle_world
    monkeypatch.setattr(starts, "ANSWERED_WITHIN", timedelta(seconds=1))
    monkeypatch.setattr(activities, "LOOKS_AGAIN", timedelta(seconds=0.2))
    locked, free = world.subscription(), world.subscription()
    async with world.worker():
        with world.environment.with_time_skipping_disabled():
            plan = await planned(world, [short(locked), short(free)])
            with world.engine.connect() as gate, gate.begin() as held:
                gate.execute(text("SELECT FROM subscriptions WHERE id = :id FOR UPDATE"), {"id": locked})
                await confirmed(world, plan)
                handle = world.environment.client.get_workflow_handle(contract.bulk_workflow_id(plan.bulk))

                async def was_left_and_taken_up_again() -> bool:
                    history = await handle.fetch_history()
                    slices = [event.HasField("activity_task_completed_event_attributes") for event in history.events]
                    return sum(slices) >= 4

                await eventually(was_left_and_taken_up_again)
                rows = await rows_of(world, plan.bulk)
                assert [each.state for each in rows] == [RowState.UNDER_WAY, RowState.STARTED]
                held.rollback()
            done = await until(world, plan.bulk, BulkState.FINISHED)
    assert done.rows == {RowState.STARTED: 2}
    assert world.case(locked).ordinal == 1


async def test_what_a_row_says_of_a_person_is_found_and_goes_with_its_bulk(idle_world: World) -> None:
    world = idle_world
    subscription = world.subscription()
    async with world.worker():
        with world.environment.with_time_skipping_disabled():
            rows = [row(world, subscription), short("SUB-NOWHERE"), short("ada@contoso.example")]
            plan = await planned(world, rows)

            async def kept() -> int:
                found = await world.offramp.privacy.find(ADMINISTRATOR)
                return sum(each.number for each in found if each.about == plan.bulk)

            assert await kept() == 1
            await world.offramp.bulk.kill(plan.bulk, actor=ON_CALL, reason="the wrong file")
            assert await kept() == 0, "nor what was written in the place of an id"
    with Transaction.begin(world.engines[DatabaseRole.WORKER]) as transaction:
        at = datetime.now(UTC)
        assert forget_bulks(transaction, at=at, most=10) == 0
        assert forget_bulks(transaction, at=at + timedelta(days=1000), most=10) == 2
        assert forget_bulks(transaction, at=at + timedelta(days=1000), most=10) == 0
    assert [each.refusal.message for each in await rows_of(world, plan.bulk, RowState.REFUSED) if each.refusal] == [
        REMOVED,
        REMOVED,
    ]
