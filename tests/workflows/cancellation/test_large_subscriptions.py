"""Subscriptions of thousands of lines: a whole life in payloads of bounded size, or a refusal before anything is opened."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.cancellation.lifecycle import MOST_LINES
from domain.vocabulary import Stage
from storage.tables import SubscriptionLineRow
from tests.support.world import AGENT, World, eventually, refused

YEARLY = {"initial_term": "1Y", "subsequent_term": "1Y", "notice_period": "3M"}


async def is_in(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


@pytest.mark.soak
@pytest.mark.endurance
async def test_a_subscription_of_three_thousand_lines_lives_a_whole_life(world: World) -> None:
    subscription = world.subscription(lines=[YEARLY] * 3000)
    day = world.today(subscription) + timedelta(days=10)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day))
    await eventually(lambda: is_in(world, subscription, Stage.SCHEDULED))
    status = await world.service.status(subscription)
    assert status.quote is not None
    assert len(status.quote.lines) == 3000
    assert all(line.decision.explanation == [] for line in status.quote.lines)

    await world.service.withdraw(subscription, actor=AGENT, reason="changed their mind")

    with Session(world.engine) as session:
        frozen = select(func.count()).where(
            SubscriptionLineRow.subscription == subscription, SubscriptionLineRow.frozen_by.is_not(None)
        )
        assert session.scalar(frozen) == 0
    assert world.actions(subscription).count("line.end_date_restored") == 3000


async def test_a_larger_one_is_refused_before_anything_is_opened(world: World) -> None:
    subscription = world.subscription(lines=[YEARLY] * (MOST_LINES + 1))

    refusal = await refused(world.start(subscription))

    assert refusal.code == "subscription_too_large"
    assert world.actions(subscription) == ["cancellation.refused"]
    assert (await refused(world.service.status(subscription))).code == "cancellation_unknown"
