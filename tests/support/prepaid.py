"""A subscription that is paid a year in advance: the commonest line that is billed beyond its end."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from contract import CancellationStatus
from domain.vocabulary import Stage
from storage.tables import SupportQueueRow
from tests.support.world import World, eventually

BILLING, ESCALATION = "billing@support.example", "night-shift@support.example"


def prepaid(world: World, *, ends_in: int = 20, policy: dict[str, Any] | None = None) -> tuple[str, str]:
    """A subscription whose only line is invoiced for a year beyond its end, and the invoice; a second line is not."""
    lines = [{"billing_rhythm": "1Y", "notice_period": f"{ends_in}D"}, {"notice_period": f"{ends_in}D"}]
    subscription = world.subscription(lines=lines, policy=policy)
    invoice = f"{subscription}-INV"
    first = world.today(subscription) + timedelta(days=1)
    world.invoice(subscription, invoice, first, first + timedelta(days=364))
    return subscription, invoice


def support_queues(world: World, **addresses: str | None) -> None:
    """Name support queues, and where they read mail."""
    with Session(world.engine) as session, session.begin():
        for name, mail in addresses.items():
            session.merge(SupportQueueRow(name=name, mail=mail))


async def start(world: World, subscription: str, *, in_days: int) -> date:
    """Cancel a subscription for a day to come, and wait until that is promised; return the day."""
    day = world.today(subscription) + timedelta(days=in_days)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day))
    await reached(world, subscription, Stage.SCHEDULED)
    return day


async def post(world: World, invoice: str) -> None:
    """Post the credit memo for an invoice."""
    await world.service.post_credit_memo(invoice, number=f"{invoice}-CM", actor="billing")


async def reached(world: World, subscription: str, stage: Stage) -> CancellationStatus:
    """Wait until a case is in a stage; return its status then."""

    async def is_in() -> bool:
        return await world.stage(subscription) is stage

    await eventually(is_in)
    return await world.service.status(subscription)


async def settled(world: World, subscription: str) -> CancellationStatus:
    """Wait until a case waits for billing no more; return its status then."""

    async def is_settled() -> bool:
        return not (await world.service.status(subscription)).open_billing

    await eventually(is_settled)
    return await world.service.status(subscription)


def letters(world: World, subscription: str, part: str) -> list[str]:
    """The texts of the mails about a subscription whose Message-ID contains something, on one line each."""
    mails = [mail for mail in world.mailbox.of(subscription) if part in str(mail["Message-ID"]).replace("%2E", ".")]
    return [" ".join(world.mailbox.text_of(mail).split()) for mail in mails]


async def mailed(world: World, subscription: str, part: str, times: int = 1) -> list[str]:
    """Wait for letters, and return them."""

    async def are_there() -> bool:
        return len(letters(world, subscription, part)) >= times

    await eventually(are_there)
    return letters(world, subscription, part)
