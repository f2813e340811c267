"""Cancellations of single lines beside one of the whole subscription: each respects the other, and is undone alone (rules, section 8)."""

from datetime import timedelta
from typing import Any

import pytest

from domain.vocabulary import Stage
from tests.support.prepaid import mailed, reached
from tests.support.single_lines import cancel, line_case, line_reached, pass_line_time, reverse_line, two_lines
from tests.support.world import AGENT, World, eventually, refused

WHY: dict[str, Any] = {"actor": AGENT, "reason": "the customer called again"}


async def test_a_whole_cancellation_respects_the_end_of_the_line_and_each_is_reversed_alone(world: World) -> None:
    subscription, line = two_lines(world)
    ends = world.today(subscription) + timedelta(days=20)
    await cancel(world, line)
    await line_reached(world, line, Stage.SCHEDULED)

    await world.start(subscription)
    whole = await reached(world, subscription, Stage.CANCELED)
    assert whole.quote is not None
    assert {one.decision.line_id: one.decision.end_date for one in whole.quote.lines}[line] == ends
    assert world.line(subscription).frozen_by == f"{subscription}/line/{line}/1"
    assert world.line(subscription, 2).frozen_by == f"{subscription}/1"

    await world.request_reversal(subscription)
    assert (world.access(subscription), world.line(subscription, 2).end_date) == ("on", None)
    assert world.line(subscription).end_date == ends
    await pass_line_time(world, line, timedelta(days=22))
    await line_reached(world, line, Stage.CANCELED)
    await reverse_line(world, subscription, line)
    assert (world.line(subscription).end_date, world.access(subscription)) == (None, "on")


@pytest.mark.parametrize("way", ["withdrawn", "reversed"])
async def test_a_line_that_is_had_back_beside_a_whole_cancellation_ends_with_that(world: World, way: str) -> None:
    subscription, line = two_lines(world)
    today = world.today(subscription)
    await cancel(world, line, on=today + timedelta(days=30))
    await line_reached(world, line, Stage.SCHEDULED)
    await world.start(subscription)
    await reached(world, subscription, Stage.CANCELED)
    assert world.line(subscription).end_date == today + timedelta(days=30)

    if way == "reversed":
        await pass_line_time(world, line, timedelta(days=32))
        await line_reached(world, line, Stage.CANCELED)
        await reverse_line(world, subscription, line)
    else:
        await world.lines.withdraw(line, **WHY)

    row = world.line(subscription)
    assert (row.end_date, row.frozen_by) == (today + timedelta(days=20), f"{subscription}/1")
    assert "the line ends with it" in (await mailed(world, subscription, way))[0]

    async def whole_shows_it() -> bool:
        quote = (await world.service.status(subscription)).quote
        ends = {one.decision.line_id: one.decision.end_date for one in quote.lines} if quote else {}
        return ends == dict.fromkeys((line, f"{subscription}-2"), today + timedelta(days=20))

    await eventually(whole_shows_it)
    assert (await world.service.status(subscription)).stage is Stage.CANCELED
    await world.request_reversal(subscription)
    assert (world.line(subscription).end_date, world.line(subscription).frozen_by) == (None, None)


async def test_no_line_is_cancelled_alone_beside_a_whole_cancellation(world: World) -> None:
    subscription, line = two_lines(world)
    await world.start(subscription, complete=False)
    refusal = await refused(cancel(world, line))
    assert refusal.code == "subscription_being_cancelled"
    assert refusal.remedy is not None
    assert refusal.remedy.values["cancellation"] == f"{subscription}/1"
    await world.service.withdraw(subscription, **WHY)
    await world.start(subscription)
    await reached(world, subscription, Stage.CANCELED)
    assert (await refused(cancel(world, line))).code == "subscription_already_canceled"


async def test_a_case_whose_end_is_not_fixed_ends_with_the_settlement_of_the_whole(world: World) -> None:
    subscription, line = two_lines(world)
    await cancel(world, line, complete=False)
    await world.start(subscription)
    await reached(world, subscription, Stage.CANCELED)
    assert line_case(world, line).stage == Stage.ABANDONED
    assert world.line(subscription).frozen_by == f"{subscription}/1"


async def test_a_line_that_is_taken_over_and_billed_beyond_its_end_waits_for_credit_memos_there(world: World) -> None:
    subscription, line = two_lines(world)
    today = world.today(subscription)
    invoice = f"{subscription}-INV"
    await cancel(world, line, on=today + timedelta(days=60))
    await line_reached(world, line, Stage.SCHEDULED)
    world.invoice(subscription, invoice, today + timedelta(days=1), today + timedelta(days=60))
    await world.start(subscription)
    await reached(world, subscription, Stage.CANCELED)
    assert (await world.service.status(subscription)).open_billing == ()

    await world.lines.withdraw(line, **WHY)

    async def waits() -> bool:
        return (await world.service.status(subscription)).outstanding_credit_memos == (invoice,)

    await eventually(waits)
    await world.service.post_credit_memo(
        invoice, number=f"{invoice}-CM", credits_from=today + timedelta(days=21), actor="billing"
    )
    assert world.line(subscription).end_date == today + timedelta(days=20)


async def test_a_line_is_taken_over_by_a_whole_cancellation_that_is_closed_too(world: World) -> None:
    subscription, line = two_lines(world)
    today = world.today(subscription)
    await cancel(world, line, on=today + timedelta(days=60))
    await line_reached(world, line, Stage.SCHEDULED)
    await world.start(subscription)
    await reached(world, subscription, Stage.CANCELED)
    await world.pass_time(subscription, timedelta(days=32))
    await world.handle(subscription).result()
    await pass_line_time(world, line, timedelta(days=62))
    await line_reached(world, line, Stage.CANCELED)

    status = await reverse_line(world, subscription, line)

    assert status.stage is Stage.REVERSED
    assert (world.line(subscription).end_date, world.line(subscription).frozen_by) == (
        today + timedelta(days=20),
        f"{subscription}/1",
    )
    assert (await world.service.status(subscription)).stage is Stage.CLOSED
