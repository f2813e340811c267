"""Steps that contradict the records: a refusal for the caller, a visible wait for the story, and no wait for anybody else."""

from datetime import timedelta

import pytest

import contract
from domain.vocabulary import Stage
from tests.support.contradictions import forbidden
from tests.support.world import AGENT, World, eventually, refused

CONFLICT = "records_conflict"


def enters(world: World, subscription: str, stage: Stage) -> str:
    """The row of the case in a stage, as a condition."""
    return f"id = '{world.case(subscription).id}' AND stage = '{stage.value}'"


async def is_in(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


async def is_held_up(world: World, subscription: str) -> bool:
    return await shown_as_held_up(world, subscription) == CONFLICT


async def shown_as_held_up(world: World, subscription: str) -> str | None:
    """The search attribute, as the history has it."""
    attributes = (await world.handle(subscription).describe()).typed_search_attributes
    return attributes.get(contract.HELD_UP)


async def scheduled(world: World, subscription: str) -> None:
    """A case that waits for its termination day."""
    later = world.today(subscription) + timedelta(days=10)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=later))
    await eventually(lambda: is_in(world, subscription, Stage.SCHEDULED))


async def day_begins(world: World, subscription: str) -> None:
    """The termination day, on the clock of a case that waits for it."""
    day = (await world.service.status(subscription)).stage_deadline
    assert day is not None
    await world.pass_until(subscription, day)


async def canceled(world: World, subscription: str) -> None:
    """A case that can be reversed."""
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(minutes=1))
    await eventually(lambda: is_in(world, subscription, Stage.CANCELED))


async def test_a_request_that_contradicts_the_records_is_refused_and_no_other_one_waits_for_it(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    with (
        world.environment.with_time_skipping_disabled(),
        forbidden(world.engine, "checklist_answers", f"cancellation = '{world.case(subscription).id}'"),
    ):
        refusal = await refused(world.service.answer(subscription, world.answers(subscription), actor=AGENT))
        assert (refusal.code, refusal.remedy and refusal.remedy.kind) == (CONFLICT, "report_defect")
        assert "the constraint forbidden" in refusal.message
        assert (await world.service.attest(subscription, actor=AGENT, reason="called back")).verified

    assert world.refusals(subscription) == [("answer.refused", CONFLICT)]
    answers = world.answers(subscription, terminate_on=world.today(subscription) + timedelta(days=10))
    assert not (await world.service.answer(subscription, answers, actor=AGENT)).open_questions
    assert (await world.service.withdraw(subscription, actor=AGENT, reason="stays")).stage is Stage.WITHDRAWN


async def test_a_refusal_that_cannot_be_audited_is_one_nevertheless(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    with (
        world.environment.with_time_skipping_disabled(),
        forbidden(world.engine, "audit_trail", f"subscription = '{subscription}'"),
    ):
        assert (await refused(world.service.attest(subscription, actor=AGENT, reason="called back"))).code == CONFLICT
        assert (await refused(world.request_reversal(subscription))).code == "nothing_to_reverse"

    assert (await world.service.withdraw(subscription, actor=AGENT, reason="stays")).stage is Stage.WITHDRAWN


async def test_a_transition_that_contradicts_the_records_is_shown_and_made_when_they_are_mended(world: World) -> None:
    subscription = world.subscription()
    await scheduled(world, subscription)
    with forbidden(world.engine, "cancellations", enters(world, subscription, Stage.CANCELED)):
        await day_begins(world, subscription)
        with world.environment.with_time_skipping_disabled():
            await eventually(lambda: is_held_up(world, subscription))
            status = await world.service.status(subscription)
            assert status.stage is Stage.SCHEDULED
            assert status.held_up_because.startswith("The records contradict this step: the constraint forbidden")
            # Before its effect a case is withdrawn, not reversed; neither answer waits for the records.
            assert (await refused(world.request_reversal(subscription))).code == "nothing_to_reverse"

    await world.pass_time(subscription, timedelta(minutes=11))
    await eventually(lambda: is_in(world, subscription, Stage.CANCELED))
    assert await shown_as_held_up(world, subscription) is None
    assert (await world.service.status(subscription)).held_up_because == ""
    assert world.actions(subscription).count("cancellation.canceled") == 1
    assert (
        await world.service.reverse(subscription, world.identity(subscription), actor=AGENT)
    ).stage is Stage.REVERSED


async def test_a_case_that_is_held_up_is_withdrawn_at_once(world: World) -> None:
    subscription = world.subscription()
    await scheduled(world, subscription)
    with forbidden(world.engine, "cancellations", enters(world, subscription, Stage.CANCELED)):
        await day_begins(world, subscription)
        with world.environment.with_time_skipping_disabled():
            await eventually(lambda: is_held_up(world, subscription))
            withdrawn = await world.service.withdraw(subscription, actor=AGENT, reason="stays")
    assert (withdrawn.stage, withdrawn.held_up_because) == (Stage.WITHDRAWN, "")
    assert await shown_as_held_up(world, subscription) is None


async def test_a_withdrawal_that_contradicts_the_records_is_refused_and_the_case_continues_without_it(
    world: World,
) -> None:
    subscription = world.subscription()
    await scheduled(world, subscription)
    with (
        world.environment.with_time_skipping_disabled(),
        forbidden(world.engine, "cancellations", enters(world, subscription, Stage.WITHDRAWN)),
    ):
        refusal = await refused(world.service.withdraw(subscription, actor=AGENT, reason="stays"))
        assert refusal.code == CONFLICT
        assert await world.stage(subscription) is Stage.SCHEDULED

    assert world.refusals(subscription) == [("withdraw.refused", CONFLICT)]
    assert (await world.service.withdraw(subscription, actor=AGENT, reason="stays")).stage is Stage.WITHDRAWN


@pytest.mark.parametrize("answered", [True, False], ids=["update", "signal"])
async def test_a_reversal_that_contradicts_the_records_is_refused_or_stands_where_nobody_gets_an_answer(
    world: World, answered: bool
) -> None:
    subscription = world.subscription()
    await canceled(world, subscription)
    with (
        world.environment.with_time_skipping_disabled(),
        forbidden(world.engine, "cancellations", enters(world, subscription, Stage.REVERSED)),
    ):
        if answered:
            assert (await refused(world.request_reversal(subscription))).code == CONFLICT
            assert (await refused(world.request_reversal(subscription))).code == CONFLICT
        else:
            await world.signal_reversal(subscription)
            await eventually(lambda: is_held_up(world, subscription))

    if answered:
        assert (await world.request_reversal(subscription)).stage is Stage.REVERSED
    else:
        await world.pass_time(subscription, timedelta(minutes=11))
        await eventually(lambda: is_in(world, subscription, Stage.REVERSED))
    assert world.actions(subscription).count("cancellation.reversed") == 1
