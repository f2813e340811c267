"""The termination day and the reversal window, to the second, in the organization's time zone."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.vocabulary import Stage, Termination
from tests.support.world import World, eventually, refused

ZONE = "America/New_York"

MOMENT = timedelta(seconds=30)
"""Near enough to midnight to tell the zone, far enough for a slow machine: the clock runs on meanwhile."""


def midnight(day: date, zone: str) -> datetime:
    """The instant at which a day begins in a zone."""
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def next_clock_change(zone: str, after: date) -> date:
    """The next day with other than 24 hours."""
    day = after
    while midnight(day + timedelta(1), zone) - midnight(day, zone) == timedelta(days=1):
        day += timedelta(1)
    return day


def termination_day(world: World, subscription: str, zone: str) -> date:
    """A day whose reversal window holds a change of the clocks where the zone has any, else the day after tomorrow."""
    soon = world.today(subscription) + timedelta(2)
    return soon if zone == "Asia/Tokyo" else next_clock_change(zone, soon + timedelta(10)) - timedelta(10)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Tokyo"])
async def test_the_window_is_thirty_civil_days_whatever_the_clocks_do(world: World, zone: str) -> None:
    on_day_29, on_day_30, on_day_31 = (world.subscription(zone=zone) for _ in range(3))
    day = termination_day(world, on_day_31, zone)
    begins, ends = midnight(day, zone), midnight(day + timedelta(31), zone)
    hours = (ends - begins) / timedelta(hours=1)
    assert hours == 31 * 24 if zone == "Asia/Tokyo" else hours in (31 * 24 - 1, 31 * 24 + 1)

    async def live_until(subscription: str, instant: datetime) -> None:
        await world.start(subscription, answers=world.answers(subscription, terminate_on=day))
        await world.pass_until(subscription, instant)

    await asyncio.gather(
        live_until(on_day_29, midnight(day + timedelta(29), zone) + timedelta(hours=12)),
        live_until(on_day_30, ends - MOMENT),
        live_until(on_day_31, ends + MOMENT),
    )

    assert (await world.service.status(on_day_30)).reversal_deadline == ends
    assert (await world.request_reversal(on_day_29)).stage is Stage.REVERSED
    assert (await world.request_reversal(on_day_30)).stage is Stage.REVERSED
    assert await world.stage(on_day_31) is Stage.CLOSED
    late = world.service.reverse(on_day_31, world.identity(on_day_31), actor="agent-7")
    assert (await refused(late)).code == "reversal_window_over"
    assert world.refusals(on_day_31) == [("request_reversal.refused", "reversal_window_over")]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Pacific/Auckland"])
async def test_access_works_through_its_last_day_where_the_organization_is(world: World, zone: str) -> None:
    subscription = world.subscription(zone=zone)
    day = world.today(subscription) + timedelta(2)
    over = midnight(day + timedelta(1), zone)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day))

    await world.pass_until(subscription, over - MOMENT)
    assert (await world.stage(subscription), world.access(subscription)) == (Stage.SCHEDULED, "on")

    await world.pass_until(subscription, over + MOMENT)
    assert (await world.stage(subscription), world.access(subscription)) == (Stage.CANCELED, "off")
    assert timedelta(0) <= world.audit(subscription, "cancellation.canceled").at - over < timedelta(seconds=5)
    assert world.case(subscription).access_ended_on == day
    assert world.case(subscription).reversal_deadline == midnight(day + timedelta(31), zone)


async def test_access_works_through_the_day_on_which_its_end_is_asked_for(world: World) -> None:
    subscription = world.subscription(zone=ZONE)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=world.today(subscription)))
    await eventually(lambda: _is_at(world, subscription, Stage.SCHEDULED))
    status = await world.service.status(subscription)
    assert (status.stage, world.access(subscription)) == (Stage.SCHEDULED, "on")
    assert status.stage_deadline == midnight(world.today(subscription) + timedelta(1), ZONE)


async def test_access_that_is_to_end_at_once_is_off_with_the_last_answer(world: World) -> None:
    subscription = world.subscription(zone=ZONE)
    await world.start(subscription, answers=world.answers(subscription, termination_date="now"))
    await eventually(lambda: _is_at(world, subscription, Stage.CANCELED))
    status = await world.service.status(subscription)
    assert (status.termination, status.termination_date) == (Termination.NOW, world.case(subscription).received_on)
    assert world.access(subscription) == "off"
    assert status.access_ended_on == world.today(subscription)
    quote = await world.service.quote(subscription)
    assert quote.ended_on == status.access_ended_on


async def test_access_until_the_end_of_the_term_ends_with_the_last_line_of_the_customer(world: World) -> None:
    last = datetime.now(UTC).date() + timedelta(60)
    renewing = {"subsequent_term": "1Y", "term_until": last, "cancellation_possible_until": last}
    lines: list[dict[str, Any]] = [{}, renewing, {"partner": "vendor", "notice_period": "1Y"}]
    subscription = world.subscription(zone=ZONE, lines=lines)
    await world.start(subscription, answers=world.answers(subscription, termination_date="end_of_term"))
    await eventually(lambda: _is_at(world, subscription, Stage.SCHEDULED))
    status = await world.service.status(subscription)
    assert (status.termination, status.termination_date) == (Termination.END_OF_TERM, last)
    assert status.stage_deadline == midnight(last + timedelta(1), ZONE)
    assert status.quote is not None
    ends = {line.decision.line_id: line.decision.end_date for line in status.quote.lines}
    assert ends[f"{subscription}-2"] == last
    assert ends[f"{subscription}-1"] == world.case(subscription).received_on


async def _is_at(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage
