"""Nobody's start takes the place of a row: its id is refused to all others, and its case has its actor and its content."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from temporalio.client import Client, WorkflowFailureError

import contract
from domain.bulk import BulkState, RowState, request_id_of
from domain.vocabulary import Stage
from runtime.refusals import as_refusal
from runtime.temporal import offramp_plugin
from storage.tables import CancellationRow, MessageRow
from tests.support.bulks import CONFIRMER, PLANNER, confirmed, planned, row, rows_of, until
from tests.support.world import AGENT, World, refused

RESERVED = "request_id_reserved"


@pytest.fixture
async def direct(world: World) -> Client:
    """A client of somebody who may write to the namespace, and is no door of the service."""
    return await world.environment.connect_client(plugins=[offramp_plugin()])


async def sent_directly(world: World, client: Client, start: contract.StartCancellation) -> str | None:
    """Send a start to Temporal, and return the code of its refusal."""
    handle = await client.start_workflow(
        contract.SUBSCRIPTION_CANCELLATION,
        start,
        id=contract.cancellation_workflow_id(start.subscription),
        task_queue=world.task_queue,
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    refusal = as_refusal(failed.value.cause)
    return None if refusal is None else refusal.code


def under_another_id(world: World, case: str, request_id: str) -> None:
    """Give a case the id of another request, as one had that an earlier version let in."""
    subscription = case.partition("/")[0]
    workflow_id = contract.cancellation_workflow_id(subscription)
    with world.engine.begin() as connection:
        copied = text(
            "INSERT INTO requests (workflow_id, id, digest, cancellation, actor, at, accepted_at) "
            "SELECT workflow_id, :id, digest, cancellation, actor, at, accepted_at FROM requests WHERE workflow_id = :of"
        )
        connection.execute(copied, {"id": f"{contract.UPDATE_RECEIVE}:{request_id}", "of": workflow_id})
        kept = {"case": case, "id": f"{workflow_id}:{request_id}"}
        connection.execute(text("UPDATE cancellations SET request_id = :id WHERE id = :case"), kept)


async def test_a_start_under_the_id_of_a_row_is_refused_and_the_row_is_started_as_it_was_confirmed(
    world: World, direct: Client
) -> None:
    subscriptions = [world.subscription() for _ in range(3)]
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, [row(world, each, reason="as listed") for each in subscriptions])
        starts = [
            contract.StartCancellation(
                subscription=each, actor=actor, request_id=request_id_of(plan.bulk, number), reason="mine"
            )
            for number, (each, actor) in enumerate(zip(subscriptions, (AGENT, CONFIRMER, CONFIRMER), strict=True), 2)
        ]
        assert (await refused(world.service.start(starts[0]))).code == RESERVED
        assert (await refused(world.service.start(starts[1]))).code == RESERVED, "whatever name they have"
        assert await sent_directly(world, direct, starts[2]) == RESERVED
        await confirmed(world, plan)
        done = await until(world, plan.bulk, BulkState.FINISHED)

    assert done.rows == {RowState.STARTED: 3}
    cases = [world.case(each) for each in subscriptions]
    assert [(case.opened_by, case.reason, case.ordinal) for case in cases] == [(CONFIRMER, "as listed", 1)] * 3
    assert [code for _, code in world.refusals(subscriptions[2])] == [RESERVED], "and audited"


@pytest.mark.parametrize("request_id", ["x:{row}", "{row}:again", "{row}-1"])
async def test_what_only_contains_the_id_of_a_row_is_that_of_no_row(world: World, request_id: str) -> None:
    subscription = world.subscription()
    with world.environment.with_time_skipping_disabled():
        answers = {"termination_date": "now", "data": "none", **world.identity(subscription).model_dump()}
        planning = await world.offramp.bulk.plan(
            organization=world.organization(subscription), answers=answers, reason="they leave", actor=PLANNER
        )
        plan = await until(world, planning.bulk, BulkState.PLANNED)
        await world.start(subscription, actor=CONFIRMER)
        under_another_id(world, f"{subscription}/1", request_id.format(row=request_id_of(plan.bulk, 1)))
        await confirmed(world, plan)
        done = await until(world, plan.bulk, BulkState.FINISHED)
    assert done.rows == {RowState.ALREADY_RUNNING: 1}


@pytest.mark.parametrize("actor", [AGENT, CONFIRMER])
async def test_a_case_that_another_request_opened_under_the_id_of_a_row_is_not_its_own(
    world: World, actor: str
) -> None:
    subscription = world.subscription()
    answers = {"termination_date": "now", "data": "none", **world.identity(subscription).model_dump()}
    with world.environment.with_time_skipping_disabled():
        planning = await world.offramp.bulk.plan(
            organization=world.organization(subscription), answers=answers, reason="they leave", actor=PLANNER
        )
        plan = await until(world, planning.bulk, BulkState.PLANNED)
        await world.start(subscription, complete=False, actor=actor)
        under_another_id(world, f"{subscription}/1", request_id_of(plan.bulk, 1))
        await confirmed(world, plan)
        done = await until(world, plan.bulk, BulkState.FINISHED)
        await world.service.withdraw(subscription, actor=AGENT, reason="they stay")

    assert done.rows == {RowState.ALREADY_RUNNING: 1}
    [result] = await rows_of(world, plan.bulk)
    assert result.cancellation == f"{subscription}/1"
    with Session(world.engine) as session:
        case = session.get_one(CancellationRow, f"{subscription}/1")
        assert (case.opened_by, case.stage) == (actor, Stage.WITHDRAWN.value)
        letters = session.scalars(select(MessageRow.bulk).where(MessageRow.cancellation == case.id))
        assert set(letters) == {None}, "nor do its mails go with those of the bulk"
