"""Late retries: a request gets its first answer again in every later run, after the end and after retention."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

import contract
from domain.vocabulary import Stage
from storage.tables import RequestRow
from tests.support.reconciliation import delete
from tests.support.world import AGENT, World, eventually, refused

WITHDRAWAL: dict[str, Any] = {"actor": AGENT, "reason": "stays after all"}


async def test_a_withdrawal_repeated_in_the_next_case_is_answered_and_leaves_it_alone(world: World) -> None:
    subscription = await withdrawn_and_cancelled_again(world)

    again = await world.service.withdraw(subscription, **WITHDRAWAL, request_id="R")

    assert (again.cancellation, again.stage) == (f"{subscription}/1", Stage.WITHDRAWN)
    assert (world.case(subscription).id, world.case(subscription).stage) == (f"{subscription}/2", "intake")
    assert world.actions(subscription).count("cancellation.withdrawn") == 1


@pytest.mark.parametrize("named", [False, True])
async def test_a_foreign_systems_withdrawal_repeated_in_the_next_case_is_answered_too(
    world: World, named: bool
) -> None:
    subscription = await withdrawn_and_cancelled_again(world)
    message = WITHDRAWAL | ({"cancellation": f"{subscription}/1"} if named else {})

    again = await world.update(subscription, "withdraw", message, id="withdraw:R")

    assert (again.cancellation, again.stage) == (f"{subscription}/1", Stage.WITHDRAWN)
    assert world.case(subscription).stage == "intake"
    assert world.refusals(subscription) == []


async def test_a_request_that_names_the_case_before_never_acts(world: World) -> None:
    subscription = await withdrawn_and_cancelled_again(world)
    case = f"{subscription}/1"
    messages: dict[str, dict[str, Any]] = {
        "answer": {"actor": AGENT, "answers": {"data": "none"}},
        "send_code": {"actor": AGENT},
        "attest": {"actor": AGENT, "attestation": {"reason": "called back"}},
        "withdraw": WITHDRAWAL,
        "acknowledge_stop": {"actor": AGENT, "campaign": "CMP-1"},
    }

    for name, message in messages.items():
        asked = world.update(subscription, name, message | {"cancellation": case})
        assert (await refused(asked)).code == "request_of_another_case", name
    identity = world.identity(subscription).model_dump()
    reversal = {"actor": AGENT, "identity": identity, "cancellation": case}
    await world.handle(subscription).signal(contract.REQUEST_REVERSAL, reversal)

    async def all_refused() -> bool:
        return len(world.refusals(subscription)) == len(messages) + 1

    await eventually(all_refused)
    assert {code for _, code in world.refusals(subscription)} == {"request_of_another_case"}
    assert world.case(subscription).stage == "intake"


async def test_answers_and_reversals_repeated_in_the_next_case_are_answered(world: World) -> None:
    subscription, service = world.subscription(), world.service
    answers = world.answers(subscription)
    last = {"data": answers.pop("data")}
    attested = contract.Attestation(reason="called back on the number on file")
    await world.start(subscription, complete=False, answers=answers, attestation=attested)
    await service.answer(subscription, last, actor=AGENT, request_id="A")
    await world.pass_time(subscription, timedelta(minutes=1))
    await service.reverse(subscription, world.identity(subscription), actor=AGENT, request_id="R")
    await over(world, subscription)
    again = await world.start(subscription, complete=False)
    assert again.cancellation == f"{subscription}/2"

    reversed_before = await service.reverse(subscription, world.identity(subscription), actor=AGENT, request_id="R")
    answered_before = await service.answer(subscription, last, actor=AGENT, request_id="A")

    assert (reversed_before.cancellation, reversed_before.stage) == (f"{subscription}/1", Stage.REVERSED)
    assert (answered_before.cancellation, answered_before.stage) == (f"{subscription}/1", Stage.REVERSED)
    straight = await world.update(subscription, "answer", {"actor": AGENT, "answers": last}, id="answer:A")
    assert straight.cancellation == f"{subscription}/1"
    assert "data" in (await service.status(subscription)).open_questions
    assert world.refusals(subscription) == []


async def test_a_refusal_is_given_again_in_the_next_case(world: World) -> None:
    subscription, service = world.subscription(), world.service
    await world.start(subscription, complete=False)
    first = await refused(service.approve(subscription, actor="manager-2", reason="agreed", request_id="P"))
    await service.withdraw(subscription, **WITHDRAWAL)
    await over(world, subscription)
    await world.start(subscription, complete=False, goodwill=contract.Goodwill(reason="ill for weeks"))

    again = await refused(service.approve(subscription, actor="manager-2", reason="agreed", request_id="P"))
    message = {"actor": "manager-2", "reason": "agreed"}
    straight = await refused(world.update(subscription, "approve", message, id="approve:P"))

    assert first.code == "approval_not_awaited"
    assert again == straight == first
    assert world.refusals(subscription) == [("approve.refused", "approval_not_awaited")]


async def test_an_id_is_not_used_twice(world: World) -> None:
    """Neither in the case that answered the first request, nor in the next one, nor straight through Temporal."""
    subscription = await withdrawn_and_cancelled_again(world)
    other = WITHDRAWAL | {"reason": "another reason"}

    reused = await refused(world.service.withdraw(subscription, **other, request_id="R"))
    straight = await refused(world.update(subscription, "withdraw", other, id="withdraw:R"))
    of_this_case = WITHDRAWAL | {"cancellation": f"{subscription}/2"}
    named = await refused(world.update(subscription, "withdraw", of_this_case, id="withdraw:R"))

    assert reused.code == straight.code == named.code == "request_id_reused"
    assert reused.values["cancellation"] == f"{subscription}/1"
    assert ("withdraw.refused", "request_id_reused") in world.refusals(subscription)
    assert world.case(subscription).stage == "intake"

    await world.service.answer(subscription, {"data": "none"}, actor=AGENT, request_id="A")
    again = world.service.answer(subscription, {"data": "export"}, actor=AGENT, request_id="A")
    assert (await refused(again)).code == "request_id_reused"


async def test_requests_are_answered_after_the_end_and_after_retention(world: World) -> None:
    subscription, service = world.subscription(), world.service
    await world.start(subscription, complete=False, request_id="order-1")
    first = await refused(service.approve(subscription, actor="manager-2", reason="agreed", request_id="P"))
    withdrawn = await service.withdraw(subscription, **WITHDRAWAL, request_id="R")
    await over(world, subscription)
    late = await refused(service.answer(subscription, {"data": "none"}, actor=AGENT, request_id="L"))
    known = world.actions(subscription)
    await forget(world, subscription)

    again = await service.withdraw(subscription, **WITHDRAWAL, request_id="R")
    started = await world.start(subscription, complete=False, request_id="order-1")

    assert (again.cancellation, again.stage) == (withdrawn.cancellation, withdrawn.stage)
    assert (started.cancellation, started.stage) == (withdrawn.cancellation, Stage.WITHDRAWN)
    approval = service.approve(subscription, actor="manager-2", reason="agreed", request_id="P")
    assert await refused(approval) == first
    assert await refused(service.answer(subscription, {"data": "none"}, actor=AGENT, request_id="L")) == late
    other = service.answer(subscription, {"data": "export"}, actor=AGENT, request_id="L")
    assert (await refused(other)).code == "request_id_reused"
    assert world.actions(subscription) == [*known, "answer.refused"]


async def test_a_start_under_the_id_of_another_is_refused(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False, request_id="order-1")

    running = await refused(world.start(subscription, request_id="order-1"))
    await world.service.withdraw(subscription, **WITHDRAWAL)
    await over(world, subscription)
    ended = await refused(world.start(subscription, request_id="order-1"))

    assert running.code == ended.code == "request_id_reused"


async def test_the_same_request_at_once_acts_once(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    service = world.service

    answers = await asyncio.gather(
        *(service.answer(subscription, {"data": "none"}, actor=AGENT, request_id="A") for _ in range(5))
    )
    ends = await asyncio.gather(*(service.withdraw(subscription, **WITHDRAWAL, request_id="R") for _ in range(5)))

    assert {answer.cancellation for answer in answers} == {f"{subscription}/1"}
    assert {end.stage for end in ends} == {Stage.WITHDRAWN}
    assert world.actions(subscription).count("checklist.answered") == 1
    assert world.actions(subscription).count("cancellation.withdrawn") == 1
    assert world.refusals(subscription) == []


async def test_a_refused_start_leaves_the_case_that_ended_well_the_newest_in_sight(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(days=40))
    await over(world, subscription)
    ended = await world.handle(subscription).describe()

    again = await refused(world.start(subscription, request_id="again"))

    assert again.code == "subscription_already_canceled"
    newest = await world.handle(subscription).describe()
    assert (newest.run_id, newest.status) == (ended.run_id, WorkflowExecutionStatus.COMPLETED)
    shown = await world.handle(subscription).query(contract.QUERY_STATUS, result_type=contract.CancellationStatus)
    assert shown.stage is Stage.CLOSED


async def test_nothing_of_a_request_is_kept_in_clear(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    identity = {"billing_administrator": world.identity(subscription).billing_administrator}
    await world.service.answer(subscription, identity, actor=AGENT, request_id="A")

    with Session(world.engine) as session:
        workflow_id = contract.cancellation_workflow_id(subscription)
        rows = session.scalars(select(RequestRow).where(RequestRow.workflow_id == workflow_id)).all()
        kept = " ".join(str(vars(row)) for row in rows)
    assert {row.id.partition(":")[0] for row in rows} == {"receive", "answer"}
    assert identity["billing_administrator"] not in kept


async def withdrawn_and_cancelled_again(world: World) -> str:
    """A subscription whose first case was withdrawn by the request R, and whose second one is running."""
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await world.service.withdraw(subscription, **WITHDRAWAL, request_id="R")
    await over(world, subscription)
    again = await world.start(subscription, complete=False)
    assert again.cancellation == f"{subscription}/2"
    return subscription


async def over(world: World, subscription: str) -> None:
    """Wait for the end of the workflow of a case, which outlives the case until everybody has heard."""
    await _until(world, subscription, lambda status: status is not WorkflowExecutionStatus.RUNNING)


async def forget(world: World, subscription: str) -> None:
    """Delete the runs of a workflow, as Temporal does when the retention is over."""
    await delete(world, world.handle(subscription).id)


async def _until(world: World, subscription: str, holds: Callable[[WorkflowExecutionStatus | None], bool]) -> None:
    async def is_so() -> bool:
        try:
            return holds((await world.handle(subscription).describe()).status)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return holds(None)

    await eventually(is_so)
