"""Whole lives of workflows: recorded once, replayed by every later version of the code. Each returns the workflow's id."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from sqlalchemy.orm import Session

from contract import Goodwill, cancellation_workflow_id, line_cancellation_workflow_id
from domain.vocabulary import Channel, Event, Stage
from storage.tables import LineDatesRunRow, MessageRow
from tests.support import bulk_lives, marketing_lives
from tests.support.nights import DUE, ENDED, TODAY, line_held, progress_of, start_update
from tests.support.prepaid import reached
from tests.support.single_lines import (
    cancel,
    line_handle,
    line_reached,
    pass_line_time,
    reverse_line,
    two_lines,
)
from tests.support.world import AGENT, World, eventually


async def closed(world: World) -> str:
    """Nobody changes their mind."""
    subscription = world.subscription()
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(days=32))
    await world.handle(subscription).result()
    return cancellation_workflow_id(subscription)


async def reversed_in_time(world: World) -> str:
    """The customer comes back on the tenth day."""
    subscription = world.subscription()
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(days=10))
    await world.service.reverse(subscription, world.identity(subscription), actor=AGENT)
    await world.handle(subscription).result()
    return cancellation_workflow_id(subscription)


async def withdrawn(world: World) -> str:
    """The customer changes their mind before the day, after the reminder of it."""
    subscription = world.subscription()
    day = world.today(subscription) + timedelta(days=40)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day))
    await world.pass_time(subscription, timedelta(days=38))
    await world.service.withdraw(subscription, actor=AGENT, reason="the customer called again")
    await world.handle(subscription).result()
    return cancellation_workflow_id(subscription)


async def abandoned(world: World) -> str:
    """Two questions are answered, the rest never is."""
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await world.service.answer(subscription, {"data": "none"}, actor=AGENT)
    await world.pass_time(subscription, timedelta(days=15))
    await world.handle(subscription).result()
    return cancellation_workflow_id(subscription)


async def after_a_credit_memo(world: World) -> str:
    """The line is billed years ahead: access ends, and the line when the invoice is taken back."""
    subscription = world.subscription()
    invoice = f"{subscription}-INV"
    world.invoice(subscription, invoice, world.today(subscription).replace(day=1), date(2040, 12, 31))
    await world.start(subscription)

    async def has_taken_effect() -> bool:
        return world.case(subscription).stage == Stage.CANCELED

    await eventually(has_taken_effect)
    await world.service.post_credit_memo(invoice, number=f"CM-{invoice}", actor="billing")
    await world.pass_time(subscription, timedelta(days=33))
    await world.handle(subscription).result()
    return cancellation_workflow_id(subscription)


async def reminded_of_a_credit_memo(world: World) -> str:
    """Billing is reminded and the escalation queue told before access ends; the memo comes after that."""
    day, policy = timedelta(days=1), {"credit_memo_reminders": ["PT1M"], "credit_memo_escalation": "PT2M"}
    subscription = world.subscription(lines=[{}, {}], policy=policy)
    invoice, today = f"{subscription}-INV", world.today(subscription)
    world.invoice(subscription, invoice, today + day, today + 800 * day)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=today + 2 * day))
    await world.pass_time(subscription, 4 * day)
    await world.service.post_credit_memo(invoice, number=f"CM-{invoice}", actor="billing")
    await world.pass_time(subscription, 31 * day)
    await world.handle(subscription).result()
    return cancellation_workflow_id(subscription)


async def with_goodwill(world: World) -> str:
    """A second person agrees to ignore the deadline."""
    subscription = world.subscription()
    await world.start(subscription, goodwill=Goodwill(reason="a customer for ten years"))
    await world.service.approve(subscription, actor="supervisor", reason="agreed")
    await world.pass_time(subscription, timedelta(days=33))
    await world.handle(subscription).result()
    return cancellation_workflow_id(subscription)


async def line_closed(world: World) -> str:
    """A line ends alone, after its reminder, and nobody changes their mind."""
    _, line = two_lines(world)
    await cancel(world, line)
    await pass_line_time(world, line, timedelta(days=60))
    await line_handle(world, line).result()
    return line_cancellation_workflow_id(line)


async def line_reversed(world: World) -> str:
    """A line that has ended is had back while its subscription is cancelled, and ends with that."""
    subscription, line = two_lines(world)
    await cancel(world, line)
    await pass_line_time(world, line, timedelta(days=25))
    await world.start(subscription)
    await line_reached(world, line, Stage.CANCELED)
    await reached(world, subscription, Stage.CANCELED)
    await reverse_line(world, subscription, line)
    await line_handle(world, line).result()
    return line_cancellation_workflow_id(line)


async def line_dates(world: World) -> str:
    """An update that rolls, closes and leaves alone."""
    update = await start_update(world, subscription=world.subscription(lines=[DUE, ENDED, {}]), as_of=TODAY)
    await update.result()
    return update.id


async def line_dates_held(world: World) -> str:
    """An update that comes back to a line which somebody held."""
    subscription = world.subscription(lines=[DUE, DUE])
    with line_held(world, f"{subscription}-1"):
        with world.environment.with_time_skipping_disabled():
            update = await start_update(world, subscription=subscription, as_of=TODAY)

        async def passed_by() -> bool:
            return (progress := await progress_of(world, update.id)) is not None and progress.busy == 1

        await eventually(passed_by)
    await world.environment.fast_forward(update, timedelta(minutes=1))
    await update.result()
    return update.id


async def line_dates_told(world: World) -> str:
    """An update that finds what an earlier one has left to be told."""
    run = str(uuid4())
    with Session(world.engine) as session, session.begin():
        session.add(
            LineDatesRunRow(
                id=run, as_of=TODAY, zone="UTC", scope={}, actor="tester", started_at=datetime.now(UTC), due=1, unchanged=0
            )
        )  # fmt: skip
        session.flush()
        session.add(
            MessageRow(
                id=f"{run}/told", event=Event.LINE_CLOSED.value, channel=Channel.WEBHOOK.value, recipient="webhook",
                content={}, created_at=datetime.now(UTC), run=run,
            )
        )  # fmt: skip
    update = await start_update(world, subscription=world.subscription(), as_of=TODAY)
    await update.result()
    return update.id


Life = Callable[[World], Awaitable[str]]

CANCELLATIONS: dict[str, Life] = {
    "closed": closed,
    "reversed": reversed_in_time,
    "withdrawn": withdrawn,
    "abandoned": abandoned,
    "credit-memo-at-once": after_a_credit_memo,
    "credit-memo-reminded": reminded_of_a_credit_memo,
    "goodwill": with_goodwill,
    "line": line_closed,
    "line-reversed": line_reversed,
}
UPDATES: dict[str, Life] = {
    "line-dates": line_dates,
    "line-dates-held": line_dates_held,
    "line-dates-told": line_dates_told,
}
MARKETING: dict[str, Life] = {
    "marketing-stop": marketing_lives.stopped_by_consent,
    "marketing-kept": marketing_lives.kept_for_want_of_consent,
    "marketing-unacknowledged": marketing_lives.stopped_without_acknowledgement,
    "marketing-service": marketing_lives.marketing_service,
    "marketing-service-abandoned": marketing_lives.marketing_service_abandoned,
}
LIVES = CANCELLATIONS | UPDATES | MARKETING | bulk_lives.LIVES
