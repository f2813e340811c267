"""Cancellations of single lines beside one of the whole subscription: each respects the other, and is undone alone (rules, section 8)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from domain.vocabulary import Stage
from storage.tables import SubscriptionLineRow
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


async def test_before_access_ends_a_whole_cancellation_is_settled_anew_with_a_line_that_is_had_back(
    world: World,
) -> None:
    subscription, line = two_lines(world)
    today = world.today(subscription)
    await cancel(world, line, on=today + timedelta(days=60))
    await line_reached(world, line, Stage.SCHEDULED)
    await world.start(subscription, answers=world.answers(subscription) | {"termination_date": "end_of_term"})
    whole = await reached(world, subscription, Stage.SCHEDULED)
    assert whole.termination_date == today + timedelta(days=60)

    await world.lines.withdraw(line, **WHY)

    async def is_rescheduled() -> bool:
        status = await world.service.status(subscription)
        return (status.stage, status.termination_date) == (Stage.SCHEDULED, today + timedelta(days=20))

    await eventually(is_rescheduled)
    assert world.line(subscription).frozen_by == f"{subscription}/1"
    assert "ends with it: it is billed through" in (await mailed(world, subscription, "withdrawn"))[0]
    assert "was corrected" in (await mailed(world, subscription, "rescheduled"))[0]
    await world.pass_time(subscription, timedelta(days=22))
    await reached(world, subscription, Stage.CANCELED)


async def test_a_line_whose_subscription_is_cancelled_is_withdrawn_and_not_corrected(world: World) -> None:
    subscription, line = two_lines(world)
    await cancel(world, line, on=world.today(subscription) + timedelta(days=60))
    await line_reached(world, line, Stage.SCHEDULED)
    await world.start(subscription)
    await reached(world, subscription, Stage.CANCELED)

    refusal = await refused(world.lines.correct(line, answers={"termination_date": "end_of_term"}, **WHY))

    assert refusal.code == "subscription_being_cancelled"
    assert world.line(subscription).frozen_by == f"{subscription}/line/{line}/1"


async def test_a_line_is_not_received_before_the_withdrawal_of_the_whole(world: World) -> None:
    subscription, line = two_lines(world)
    before = datetime.now(UTC)
    await world.start(subscription, complete=False)
    await world.service.withdraw(subscription, **WHY)

    refusal = await refused(cancel(world, line, received_at=before))

    assert refusal.code == "received_before_earlier_end"


async def test_a_whole_that_was_received_before_the_end_of_a_line_was_fixed_keeps_that_end(world: World) -> None:
    subscription, line = two_lines(world)
    received_at, ends = datetime.now(UTC) - timedelta(days=2), world.today(subscription) + timedelta(days=60)
    for number in (1, 2):
        known_for_long(world, f"{subscription}-{number}")
    await cancel(world, line, on=ends)
    await line_reached(world, line, Stage.SCHEDULED)
    answers = world.answers(subscription) | {"termination_date": "end_of_term"}
    await world.start(subscription, answers=answers, received_at=received_at)
    whole = await reached(world, subscription, Stage.SCHEDULED)
    assert whole.quote is not None
    assert {one.decision.line_id: one.decision.end_date for one in whole.quote.lines}[line] == ends
    assert whole.termination_date == ends


def known_for_long(world: World, line: str) -> None:
    """Have a line known since years ago."""
    with Session(world.engine) as session, session.begin():
        session.get_one(SubscriptionLineRow, line).known_since = datetime(2020, 1, 1, tzinfo=UTC)
