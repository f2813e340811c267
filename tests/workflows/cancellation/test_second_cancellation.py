"""Cancelling a second time: while one runs, and after each way in which one can end."""

from datetime import timedelta

import pytest

import contract
from domain.vocabulary import Stage
from tests.support.world import AGENT, World, eventually, refused


async def test_a_second_cancel_while_one_runs_returns_the_running_one(world: World) -> None:
    subscription = world.subscription()
    first = await world.start(subscription, complete=False, request_id="first")

    second = await world.start(subscription, request_id="second")

    assert (second.cancellation, second.request_id, second.stage) == (first.cancellation, "first", Stage.INTAKE)


@pytest.mark.parametrize("ended_as", [Stage.REVERSED, Stage.WITHDRAWN, Stage.ABANDONED])
async def test_a_case_that_left_the_subscription_running_can_be_followed_by_another(
    world: World, ended_as: Stage
) -> None:
    subscription = world.subscription()
    await end(world, subscription, ended_as)

    again = await world.start(subscription, complete=False)

    assert (again.cancellation, again.stage) == (f"{subscription}/2", Stage.INTAKE)


async def test_a_start_repeated_after_its_case_ended_opens_nothing(world: World) -> None:
    subscription = world.subscription()
    await end(world, subscription, Stage.WITHDRAWN, request_id="order-1")

    through_the_client = await world.start(subscription, complete=False, request_id="order-1")
    assert through_the_client.cancellation == f"{subscription}/1"

    request = contract.StartCancellation(actor=AGENT, subscription=subscription, request_id="order-1")
    straight = await world.environment.client.execute_workflow(
        contract.SUBSCRIPTION_CANCELLATION,
        request,
        id=contract.cancellation_workflow_id(subscription),
        task_queue=world.task_queue,
        result_type=contract.CancellationStatus,
    )
    assert (straight.cancellation, straight.stage) == (f"{subscription}/1", Stage.WITHDRAWN)
    assert await world.stage(subscription) is Stage.WITHDRAWN
    assert (world.case(subscription).id, world.access(subscription)) == (f"{subscription}/1", "on")


async def test_a_closed_case_is_followed_by_none_and_still_shown(world: World) -> None:
    subscription = world.subscription()
    await end(world, subscription, Stage.CLOSED)

    again = await refused(world.start(subscription))

    assert again.code == "subscription_already_canceled"
    assert world.refusals(subscription) == [("cancellation.refused", "subscription_already_canceled")]
    assert (await world.service.status(subscription)).stage is Stage.CLOSED


async def test_an_unknown_subscription_is_refused_and_the_try_is_kept(world: World) -> None:
    unknown = await refused(world.start("SUB-nobody", complete=False))

    assert unknown.code == "subscription_unknown"
    assert world.refusals("SUB-nobody") == [("cancellation.refused", "subscription_unknown")]
    assert (await refused(world.service.status("SUB-nobody"))).code == "cancellation_unknown"


@pytest.mark.parametrize(
    ("ended_as", "reversal"),
    [
        (Stage.REVERSED, "cancellation_ended"),
        (Stage.WITHDRAWN, "cancellation_ended"),
        (Stage.CLOSED, "reversal_window_over"),
    ],
)
async def test_requests_after_the_end_are_refused_by_the_same_rules_and_kept(
    world: World, ended_as: Stage, reversal: str
) -> None:
    subscription = world.subscription()
    await end(world, subscription, ended_as)
    service = world.service
    requests = {
        "answer": (service.answer(subscription, {"data": "none"}, actor=AGENT), "cancellation_ended"),
        "approve": (service.approve(subscription, actor="manager-2", reason="agreed"), "cancellation_ended"),
        "withdraw": (service.withdraw(subscription, actor=AGENT, reason="stays"), "cancellation_ended"),
        "request_reversal": (service.reverse(subscription, world.identity(subscription), actor=AGENT), reversal),
    }

    for request, code in requests.values():
        assert (await refused(request)).code == code

    assert world.refusals(subscription) == [(f"{name}.refused", code) for name, (_, code) in requests.items()]


async def test_a_cancel_while_the_last_mails_of_the_one_before_wait_is_not_lost(idle_world: World) -> None:
    world, subscription = idle_world, idle_world.subscription()
    world.mailbox.close()
    async with world.worker():
        await world.start(subscription, complete=False, request_id="first")
        await world.update(subscription, "withdraw", {"actor": AGENT, "reason": "stays after all"})

        # The case has ended and its workflow still has to tell so: a new start must not be answered with the old case.
        refusal = await refused(world.update(subscription, "receive", {"actor": AGENT, "subscription": subscription}))
        assert refusal.code == "cancellation_still_telling"

        world.mailbox.open()
        await world.pass_time(subscription, timedelta(minutes=10))
        again = await world.start(subscription, complete=False, request_id="second")
        assert (again.cancellation, again.request_id) == (f"{subscription}/2", "second")


async def end(world: World, subscription: str, stage: Stage, **start: str) -> None:
    """Carry a cancellation to one of its ends."""
    await world.start(subscription, complete=stage in (Stage.REVERSED, Stage.CLOSED), **start)
    if stage is Stage.WITHDRAWN:
        await world.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
    else:
        await world.pass_time(subscription, timedelta(minutes=1))
    if stage is Stage.REVERSED:
        await world.request_reversal(subscription)
    elif not stage.is_final or stage in (Stage.CLOSED, Stage.ABANDONED):
        await world.pass_time(subscription, timedelta(days=40))
    await eventually(lambda: _ended(world, subscription, stage))


async def _ended(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage and (await world.handle(subscription).describe()).status != 1
