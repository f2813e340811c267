"""Whole lives of a cancellation: recorded once, replayed by every later version of the code."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta

from tests.support.world import AGENT, World
from workflows.contract import Goodwill


async def closed(world: World) -> str:
    """Nobody changes their mind."""
    subscription = world.subscription()
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(days=32))
    return subscription


async def reversed_in_time(world: World) -> str:
    """The customer comes back on the tenth day."""
    subscription = world.subscription()
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(days=10))
    await world.service.reverse(subscription, world.identity(subscription), actor=AGENT)
    return subscription


async def withdrawn(world: World) -> str:
    """The customer changes their mind before the day, after the reminder of it."""
    subscription = world.subscription()
    day = world.today(subscription) + timedelta(days=40)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day))
    await world.pass_time(subscription, timedelta(days=38))
    await world.service.withdraw(subscription, actor=AGENT, reason="the customer called again")
    return subscription


async def abandoned(world: World) -> str:
    """Two questions are answered, the rest never is."""
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await world.service.answer(subscription, {"data": "none"}, actor=AGENT)
    await world.pass_time(subscription, timedelta(days=15))
    return subscription


async def after_a_credit_memo(world: World) -> str:
    """The line is billed years ahead, so an invoice is taken back first."""
    subscription = world.subscription()
    invoice = f"{subscription}-INV"
    world.invoice(subscription, invoice, world.today(subscription).replace(day=1), date(2040, 12, 31))
    await world.start(subscription)
    await world.service.post_credit_memo(invoice, number=f"CM-{invoice}", actor="billing")
    await world.pass_time(subscription, timedelta(days=33))
    return subscription


async def with_goodwill(world: World) -> str:
    """A second person agrees to ignore the deadline."""
    subscription = world.subscription()
    await world.start(subscription, goodwill=Goodwill(reason="a customer for ten years"))
    await world.service.approve(subscription, actor="supervisor", reason="agreed")
    await world.pass_time(subscription, timedelta(days=33))
    return subscription


LIVES: dict[str, Callable[[World], Awaitable[str]]] = {
    "closed": closed,
    "reversed": reversed_in_time,
    "withdrawn": withdrawn,
    "abandoned": abandoned,
    "credit-memo": after_a_credit_memo,
    "goodwill": with_goodwill,
}
