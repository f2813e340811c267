"""Requests that state when they were sent: that is the instant which counts, within what is possible."""

from datetime import UTC, datetime, timedelta

from contract import Approve, Goodwill
from domain.requests import CLOCK_SKEW
from domain.vocabulary import Stage
from tests.support.world import AGENT, SECOND_PERSON, World, eventually, refused

WITHDRAWAL = {"actor": AGENT, "reason": "stays after all"}


async def test_a_case_is_received_when_its_start_was_sent(world: World) -> None:
    subscription, sent_at = world.subscription(), datetime.now(UTC) - timedelta(hours=1)

    started = await world.start(subscription, complete=False, sent_at=sent_at)

    assert started.received_at == sent_at == world.case(subscription).received_at
    assert world.audit(subscription, "cancellation.opened").at == sent_at


async def test_a_start_from_the_future_is_refused_and_one_within_the_skew_counts_as_now(world: World) -> None:
    subscription, now = world.subscription(), datetime.now(UTC)

    refusal = await refused(world.start(subscription, complete=False, sent_at=now + timedelta(hours=1)))
    started = await world.start(subscription, complete=False, sent_at=now + CLOCK_SKEW / 2)

    assert refusal.code == "sent_in_future"
    assert now <= started.received_at <= datetime.now(UTC)


async def test_a_withdrawal_is_dated_when_it_was_sent(world: World) -> None:
    subscription = world.subscription()
    received_at = (await world.start(subscription, complete=False)).received_at
    await world.pass_time(subscription, timedelta(days=2))

    sent_at = received_at + timedelta(days=1)
    late = WITHDRAWAL | {"sent_at": sent_at.isoformat()}
    status = await world.update(subscription, "withdraw", late)

    assert status.stage is Stage.WITHDRAWN
    assert world.audit(subscription, "cancellation.withdrawn").at == sent_at


async def test_an_approval_is_dated_when_it_was_sent(world: World) -> None:
    subscription = world.subscription()
    received_at = (await world.start(subscription, goodwill=Goodwill(reason="ill for weeks"))).received_at
    await eventually(lambda: _awaits_approval(world, subscription))
    await world.pass_time(subscription, timedelta(days=2))

    sent_at = received_at + timedelta(days=1)
    await world.update(subscription, "approve", Approve(actor=SECOND_PERSON, reason="agreed", sent_at=sent_at))

    assert world.audit(subscription, "goodwill.approved").at == sent_at


async def _awaits_approval(world: World, subscription: str) -> bool:
    return (await world.service.status(subscription)).stage is Stage.PREPARING


async def test_a_reversal_that_was_sent_in_time_counts_although_it_arrives_late(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(days=20))
    sent_at = await world.now(subscription) - timedelta(days=1)

    status = await world.request_reversal(subscription, sent_at=sent_at)

    assert status.stage is Stage.REVERSED
    assert world.audit(subscription, "cancellation.reversed").at == sent_at


async def test_what_was_sent_in_the_future_or_before_the_case_is_refused(world: World) -> None:
    subscription = world.subscription()
    received_at = (await world.start(subscription, complete=False)).received_at
    sent = {
        "sent_in_future": await world.now(subscription) + timedelta(hours=1),
        "sent_before_case": received_at - timedelta(hours=1),
    }

    for code, sent_at in sent.items():
        asked = world.update(subscription, "withdraw", WITHDRAWAL | {"sent_at": sent_at.isoformat()})
        assert (await refused(asked)).code == code

    assert world.refusals(subscription) == [("withdraw.refused", code) for code in sent]
    assert world.case(subscription).stage == "intake"


async def test_an_instant_needs_an_offset(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)

    asked = world.update(subscription, "withdraw", WITHDRAWAL | {"sent_at": "2026-11-29T12:00:00"})

    assert (await refused(asked)).code == "input_malformed"
