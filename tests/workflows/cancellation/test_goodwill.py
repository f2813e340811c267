"""Goodwill: what a second person is shown is what they approve, and nothing else (rules, section 7)."""

from datetime import timedelta
from typing import Any

import pytest

from contract import CancellationStatus, Goodwill
from domain.vocabulary import Stage
from tests.support.prepaid import reached
from tests.support.world import AGENT, World, refused

WHY: dict[str, Any] = {"actor": AGENT, "reason": "the customer called again"}


async def approved(world: World, subscription: str, **given: Any) -> CancellationStatus:
    await world.service.approve(subscription, actor="lead", reason="a good customer", **given)
    return await reached(world, subscription, Stage.SCHEDULED)


def late_line(world: World) -> dict[str, Any]:
    """A line whose deadline is over, so that a year is added."""
    today = world.today(world.subscription())
    return {
        "subsequent_term": "1Y",
        "notice_period": "1M",
        "term_until": today + timedelta(days=20),
        "cancellation_possible_until": today - timedelta(days=10),
    }


async def awaiting(world: World, **given: Any) -> tuple[str, CancellationStatus]:
    """A case with a goodwill that waits for its approval."""
    subscription = world.subscription(lines=[late_line(world)])
    day = world.today(subscription) + timedelta(days=10)
    await world.start(
        subscription,
        answers=world.answers(subscription, terminate_on=day),
        goodwill=Goodwill(reason="sold under a wrong assumption"),
        **given,
    )
    return subscription, await reached(world, subscription, Stage.PREPARING)


async def test_the_approver_is_shown_and_approves_exactly_these_dates(world: World) -> None:
    subscription, status = await awaiting(world)
    assert status.proposal is not None
    day = world.today(subscription) + timedelta(days=10)
    assert [line.decision.end_date for line in status.proposal.quote.lines] == [day]
    assert status.quote is not None
    assert status.quote.lines[0].decision.end_date > day + timedelta(days=300)

    other = world.service.approve(subscription, actor="lead", reason="fine", proposal="000000000000")
    assert (await refused(other)).code == "proposal_changed"
    status = await approved(world, subscription, proposal=status.proposal.digest)
    assert world.line(subscription).end_date == day
    entry = world.audit(subscription, "goodwill.approved")
    assert (entry.actor, (entry.after or {})["ends"]) == ("lead", {f"{subscription}-1": day.isoformat()})


async def test_a_change_after_the_approval_voids_it(world: World) -> None:
    subscription, _ = await awaiting(world)
    await approved(world, subscription)
    later = world.today(subscription) + timedelta(days=15)
    await world.service.correct(subscription, answers={"termination_date": later.isoformat()}, **WHY)

    status = await reached(world, subscription, Stage.PREPARING)
    assert "approval" in status.waiting_for
    assert world.line(subscription).end_date is None
    assert status.proposal is not None
    assert status.proposal.quote.lines[0].decision.end_date == later

    await approved(world, subscription, proposal=status.proposal.digest)
    assert world.line(subscription).end_date == later
    assert world.actions(subscription).count("goodwill.approved") == 2


@pytest.mark.parametrize("name", ["AGENT-7", " agent-7", "Agent-7 "])
async def test_a_name_that_differs_in_case_or_spaces_alone_is_no_second_person(world: World, name: str) -> None:
    subscription, _ = await awaiting(world, actor="agent-7")
    refusal = await refused(world.service.approve(subscription, actor=name, reason="fine"))
    assert refusal.code == "own_approval"


async def test_a_goodwill_that_is_given_up_needs_no_approval(world: World) -> None:
    subscription, _ = await awaiting(world)
    await world.service.correct(subscription, without_goodwill=True, **WHY)
    status = await reached(world, subscription, Stage.SCHEDULED)
    assert status.quote is not None
    assert not status.quote.goodwill
    end = world.line(subscription).end_date
    assert end is not None
    assert end > world.today(subscription) + timedelta(days=300)


async def test_a_goodwill_that_is_asked_for_later_waits_for_its_approval(world: World) -> None:
    subscription = world.subscription(lines=[late_line(world)])
    day = world.today(subscription) + timedelta(days=10)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day))
    await reached(world, subscription, Stage.SCHEDULED)
    await world.service.correct(subscription, goodwill="a promise on the phone", **WHY)
    await reached(world, subscription, Stage.PREPARING)
    await approved(world, subscription)
    assert world.line(subscription).end_date == day


async def test_who_asks_for_it_later_or_changes_what_it_covers_does_not_approve_it(world: World) -> None:
    """A third person does: neither who opened the case, nor who asked, nor who corrected it since."""
    subscription = world.subscription(lines=[late_line(world)])
    day = world.today(subscription) + timedelta(days=10)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day), actor="agent-7")
    await reached(world, subscription, Stage.SCHEDULED)
    await world.service.correct(
        subscription, goodwill="a promise on the phone", reason="the customer called", actor="supervisor-1"
    )
    await reached(world, subscription, Stage.PREPARING)
    for same in ("supervisor-1", "Supervisor-1", "agent-7"):
        own = await refused(world.service.approve(subscription, reason="sounds right", actor=same))
        assert own.code == "own_approval"
    later = (day + timedelta(days=1)).isoformat()
    await world.service.correct(
        subscription, answers={"termination_date": later}, reason="a day more", actor="supervisor-2"
    )
    own = await refused(world.service.approve(subscription, reason="sounds right", actor="supervisor-2"))
    assert own.code == "own_approval"
    await world.service.approve(subscription, reason="sounds right", actor="supervisor-3")
    await reached(world, subscription, Stage.SCHEDULED)
    assert world.audit(subscription, "goodwill.approved").actor == "supervisor-3"
