"""A worker stops at every stage and another takes over: the case continues where it was."""

from datetime import timedelta

from domain.vocabulary import Stage
from tests.support.world import AGENT, World


async def test_another_worker_takes_over_at_every_stage(idle_world: World) -> None:
    world, subscription = idle_world, idle_world.subscription()
    invoice = f"{subscription}-INV"
    day = world.today(subscription) + timedelta(days=10)
    world.invoice(subscription, invoice, world.today(subscription).replace(day=1), day + timedelta(days=400))

    async with world.worker():
        await world.start(subscription, complete=False)
        assert await world.stage(subscription) is Stage.INTAKE
    async with world.worker():
        await world.service.answer(subscription, world.answers(subscription, terminate_on=day), actor=AGENT)
    async with world.worker():
        await world.service.attest(subscription, actor=AGENT, reason="known by voice")
        await world.pass_time(subscription, timedelta(minutes=1))
        assert (await world.service.status(subscription)).outstanding_credit_memos == (invoice,)
    async with world.worker():
        await world.service.post_credit_memo(invoice, number=f"CM-{invoice}", actor="billing")
        await world.pass_time(subscription, timedelta(minutes=1))
        status = await world.service.status(subscription)
        assert (status.stage, status.open_billing) == (Stage.SCHEDULED, ())
    async with world.worker():
        await world.pass_time(subscription, timedelta(days=11))
        await world.pass_time(subscription, timedelta(minutes=1))
        assert await world.stage(subscription) is Stage.CANCELED
    async with world.worker():
        await world.pass_time(subscription, timedelta(days=32))
        assert await world.stage(subscription) is Stage.CLOSED

    assert [action for action in world.actions(subscription) if action.startswith("cancellation.")] == [
        "cancellation.opened",
        "cancellation.scheduled",
        "cancellation.canceled",
        "cancellation.closed",
    ]


async def test_a_reversal_sent_while_no_worker_runs_is_taken_up_by_the_next(idle_world: World) -> None:
    world, subscription = idle_world, idle_world.subscription()
    async with world.worker():
        await world.start(subscription)
        await world.pass_time(subscription, timedelta(days=5))

    await world.signal_reversal(subscription)

    async with world.worker():
        await world.handle(subscription).result()
        assert await world.stage(subscription) is Stage.REVERSED
    assert world.access(subscription) == "on"
