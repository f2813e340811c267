"""The correction of a running cancellation: other wishes until it takes effect, with the day of receipt kept (rules, section 8)."""

from datetime import date, timedelta
from typing import Any

from contract import CancellationStatus
from domain.lines.quote import Quote
from domain.vocabulary import Stage, Termination
from tests.support.prepaid import mailed, reached
from tests.support.world import AGENT, World, refused

WHY: dict[str, Any] = {"actor": AGENT, "reason": "the customer called again"}


def renewing(world_day: date) -> dict[str, Any]:
    """A line that extends month by month, with its present term over in twenty days."""
    end = world_day + timedelta(days=20)
    return {"subsequent_term": "1M", "term_until": end, "cancellation_possible_until": end}


async def quoted(world: World, status: CancellationStatus, **given: Any) -> Quote:
    """What a quote says now, with the wishes of a case."""
    wish = status.termination if status.termination is not Termination.ON_DATE else status.termination_date
    quote = await world.service.quote(
        status.subscription, received_on=world.case(status.subscription).received_on, terminate_on=wish, **given
    )
    return quote.without_explanations()


def same(shown: Quote | None, quote: Quote) -> bool:
    """True if both end access and lines on the same days, by the same credit memos."""
    return shown is not None and shown.digest == quote.digest


async def test_a_case_shows_at_every_stage_what_a_quote_says_then(world: World) -> None:
    subscription = world.subscription(lines=[renewing(world.today(world.subscription()))])
    status = await world.start(subscription, complete=False)
    assert same(status.quote, await quoted(world, status))

    day = world.today(subscription) + timedelta(days=40)
    status = await world.service.answer(subscription, {"termination_date": day.isoformat()}, actor=AGENT)
    assert same(status.quote, await quoted(world, status))
    assert same(Quote.model_validate(world.case(subscription).quote), await quoted(world, status))

    earlier = world.today(subscription) + timedelta(days=10)
    status = await world.service.correct(subscription, answers={"termination_date": earlier.isoformat()}, **WHY)
    assert status.termination_date == earlier
    assert same(status.quote, await quoted(world, status))

    await world.service.answer(subscription, world.answers(subscription, terminate_on=earlier), actor=AGENT)
    await world.service.attest(subscription, actor=AGENT, reason="called back")
    status = await reached(world, subscription, Stage.SCHEDULED)
    assert same(status.quote, await quoted(world, status))

    later = world.today(subscription) + timedelta(days=50)
    await world.service.correct(subscription, answers={"termination_date": later.isoformat()}, **WHY)
    status = await rescheduled(world, subscription, later)
    assert same(status.quote, await quoted(world, status))
    (listed,) = [case for case in (await world.service.list()).cancellations if case.subscription == subscription]
    assert same(listed.quote, await quoted(world, status))


async def rescheduled(world: World, subscription: str, day: date) -> CancellationStatus:
    status = await reached(world, subscription, Stage.SCHEDULED)
    assert (status.termination_date, world.case(subscription).restarts) == (day, 1)
    return status


async def test_a_scheduled_case_is_taken_back_quoted_anew_and_promised_again(world: World) -> None:
    subscription = world.subscription(lines=[renewing(world.today(world.subscription()))])
    before = world.line(subscription)
    first = world.today(subscription) + timedelta(days=10)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=first))
    await reached(world, subscription, Stage.SCHEDULED)
    received_on = world.case(subscription).received_on
    await world.pass_time(subscription, timedelta(days=3))

    day = world.today(subscription) + timedelta(days=30)
    await world.service.correct(subscription, answers={"termination_date": day.isoformat()}, **WHY)
    status = await rescheduled(world, subscription, day)

    end = world.line(subscription).end_date
    assert end is not None
    assert before.term_until is not None
    assert end > before.term_until
    assert world.case(subscription).received_on == received_on
    assert status.stage_deadline is not None
    [letter] = await mailed(world, subscription, "rescheduled")
    assert "Billing of line" in letter
    assert len(await mailed(world, subscription, "cancellation.scheduled", times=2)) == 2
    corrected = world.audit(subscription, "cancellation.corrected")
    assert (corrected.actor, corrected.why) == (AGENT, WHY["reason"])
    assert corrected.before == {"termination_date": first.isoformat()}
    assert corrected.after == {"termination_date": day.isoformat()}

    await world.pass_until(subscription, status.stage_deadline + timedelta(minutes=1))
    await reached(world, subscription, Stage.CANCELED)
    assert world.case(subscription).access_ended_on == day
    await world.request_reversal(subscription)
    await world.handle(subscription).result()
    assert world.line(subscription).frozen_by is None


async def test_an_equal_answer_is_accepted_and_takes_nothing_down_with_it(world: World) -> None:
    subscription = world.subscription()
    day = world.today(subscription) + timedelta(days=10)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day))
    await reached(world, subscription, Stage.SCHEDULED)
    status = await world.service.correct(
        subscription, answers={"termination_date": day.isoformat(), "data": "none"}, **WHY
    )
    assert status.stage is Stage.SCHEDULED
    assert (world.case(subscription).corrections, world.case(subscription).restarts) == (0, 0)
    assert "cancellation.corrected" not in world.actions(subscription)
    assert "line.end_date_restored" not in world.actions(subscription)


async def test_a_correction_that_is_repeated_is_one(world: World) -> None:
    subscription = world.subscription()
    await world.start(
        subscription, answers=world.answers(subscription, terminate_on=world.today(subscription) + timedelta(days=10))
    )
    await reached(world, subscription, Stage.SCHEDULED)
    day = world.today(subscription) + timedelta(days=12)
    for _ in range(2):
        await world.service.correct(
            subscription, answers={"termination_date": day.isoformat()}, request_id="once", **WHY
        )
    await rescheduled(world, subscription, day)
    assert world.actions(subscription).count("cancellation.corrected") == 1


async def test_what_is_no_wish_of_the_customers_is_not_corrected(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    refusal = await refused(world.service.correct(subscription, answers={"organization_name": "other"}, **WHY))
    assert refusal.code == "question_not_correctable"
    refusal = await refused(world.service.correct(subscription, **WHY))
    assert refusal.code == "input_malformed"


async def test_after_the_effect_nothing_is_corrected(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription)
    await reached(world, subscription, Stage.CANCELED)
    late = world.service.correct(subscription, answers={"data": "none"}, **WHY)
    assert (await refused(late)).code == "correction_too_late"
    await world.request_reversal(subscription)
    await world.handle(subscription).result()
    late = world.service.correct(subscription, answers={"data": "none"}, **WHY)
    assert (await refused(late)).code == "cancellation_ended"
