"""Two things at once: each pair has exactly one winner, whatever the order in which they are seen."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

import contract
from domain.vocabulary import Stage
from tests.support.outcomes import all_hold
from tests.support.world import AGENT, SECOND_PERSON, World, eventually, refused


async def canceled(world: World, subscription: str) -> None:
    """Bring a subscription to the reversal window."""
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(minutes=1))
    assert await world.stage(subscription) is Stage.CANCELED


async def _settled(world: World, subscription: str) -> bool:
    return await world.stage(subscription) in (Stage.CANCELED, Stage.WITHDRAWN)


async def test_ten_starts_at_once_open_one_case(world: World) -> None:
    subscription = world.subscription()
    same = [world.start(subscription, complete=False, request_id="order-1") for _ in range(5)]
    others = [world.start(subscription, complete=False, request_id=f"order-{number}") for number in range(2, 7)]

    statuses = await asyncio.gather(*same, *others)

    assert {status.cancellation for status in statuses} == {f"{subscription}/1"}
    assert len({status.request_id for status in statuses}) == 1
    assert world.actions(subscription) == ["cancellation.opened"]


async def test_two_reversals_at_once_reverse_once(world: World) -> None:
    subscription = world.subscription()
    await canceled(world, subscription)

    outcomes = await asyncio.gather(
        world.request_reversal(subscription), world.request_reversal(subscription), return_exceptions=True
    )

    refusals = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(refusals) == 1
    assert world.refusals(subscription) == [("request_reversal.refused", "cancellation_ended")]
    assert world.actions(subscription).count("cancellation.reversed") == 1


async def test_a_verification_and_an_answer_in_one_task_are_both_kept(idle_world: World) -> None:
    world, subscription = idle_world, idle_world.subscription()
    answers = world.answers(subscription)
    last = {"data": answers.pop("data")}
    async with world.worker():
        await world.start(subscription, complete=False, answers=answers)
        await world.service.send_code(subscription, actor=AGENT)

    code = world.codes(subscription)[0]
    verified = asyncio.create_task(world.service.verify_code(subscription, code, actor=AGENT, request_id="1"))
    await world.arrived(world.handle(subscription), "verify_code:1")
    answered = asyncio.create_task(world.service.answer(subscription, last, actor=AGENT, request_id="2"))
    await world.arrived(world.handle(subscription), "answer:2")
    async with world.worker():
        await asyncio.gather(verified, answered)
        await eventually(lambda: _settled(world, subscription))


@pytest.mark.parametrize(
    ("first", "why_not_approved"), [("approve", "cancellation_ended"), ("withdraw", "approval_not_awaited")]
)
async def test_an_approval_and_a_withdrawal_in_one_task_end_the_case(
    idle_world: World, first: str, why_not_approved: str
) -> None:
    world, subscription = idle_world, idle_world.subscription()
    async with world.worker():
        await world.start(subscription, goodwill=contract.Goodwill(reason="ill for weeks"))
        await eventually(lambda: _awaits_approval(world, subscription))

    requests = {
        "approve": world.service.approve(subscription, actor=SECOND_PERSON, reason="agreed", request_id="1"),
        "withdraw": world.service.withdraw(subscription, actor=AGENT, reason="stays", request_id="1"),
    }
    sent = {}
    for name in sorted(requests, key=lambda name: name != first):
        sent[name] = asyncio.create_task(requests[name])
        await world.arrived(world.handle(subscription), f"{name}:1")
    async with world.worker():
        refusal = await refused(sent["approve"])
        withdrawn = await sent["withdraw"]
        ended = contract.CancellationStatus.model_validate(await world.handle(subscription).result())

    assert withdrawn.stage is ended.stage is Stage.WITHDRAWN
    # A server that is short of time hands the two over one after the other, and the case has ended in between.
    assert refusal.code in (why_not_approved, "cancellation_ended")
    assert world.refusals(subscription) == [("approve.refused", refusal.code)]
    assert "goodwill.approved" not in world.actions(subscription)


async def _awaits_approval(world: World, subscription: str) -> bool:
    return (await world.service.status(subscription)).waiting_for.startswith("a second person")


async def test_a_request_that_meets_the_end_of_the_workflow_is_refused_and_waits_for_nothing(world: World) -> None:
    """Temporal says of a workflow that has just ended that it is closing, for as long as it remembers it."""

    codes: set[str] = set()

    async def asks_until_the_end() -> None:
        subscription = world.subscription()
        await world.start(subscription, complete=False)
        await withdrawn(subscription)
        while await is_running(subscription):
            codes.add((await refused(withdrawn(subscription))).code)

    async def withdrawn(subscription: str) -> contract.CancellationStatus:
        return await world.service.withdraw(subscription, actor=AGENT, reason="stays after all")

    async def is_running(subscription: str) -> bool:
        return (await world.handle(subscription).describe()).status is WorkflowExecutionStatus.RUNNING

    with world.environment.with_time_skipping_disabled():
        await all_hold(asks_until_the_end() for _ in range(30))

    assert codes == {"cancellation_ended"}
