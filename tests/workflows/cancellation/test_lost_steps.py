"""Steps that are in the database and in no history: the workflow task in which they were taken was lost.

A local activity commits before the task that ran it is complete. If Temporal loses the task, another request meets a record
that the workflow does not know. The record binds: the workflow adopts it, whatever comes next.
"""

import asyncio
from datetime import timedelta
from itertools import cycle

import pytest

import contract
from domain.refusals import Refusal
from domain.vocabulary import Stage
from tests.support.lost_requests import step_of, take_answers
from tests.support.lost_steps import (
    LIVES,
    REQUESTS,
    Life,
    attested,
    effect,
    in_stage,
    intake,
    lost_answers,
    requests_after,
    reverse,
    scheduled,
    withdraw,
)
from tests.support.world import AGENT, World


async def test_a_request_after_any_lost_step_meets_a_workflow_that_adopts_the_record(world: World) -> None:
    await requests_after(world, zip(LIVES, cycle(REQUESTS)))


@pytest.mark.soak
@pytest.mark.parametrize("life", LIVES, ids=str)
async def test_any_request_after_any_lost_step_meets_a_workflow_that_adopts_the_record(
    world: World, life: Life
) -> None:
    await requests_after(world, [(life, request) for request in REQUESTS])


async def test_a_withdrawal_that_meets_a_recorded_effect_is_refused_and_the_window_is_open(world: World) -> None:
    subscription = await scheduled(world)
    effect(world, subscription)

    with pytest.raises(Refusal) as refused:
        await withdraw(world, subscription)

    assert refused.value.details.code == "withdrawal_too_late"
    status = await world.service.status(subscription)
    assert (status.stage, status.access_ended_on) == (Stage.CANCELED, world.case(subscription).access_ended_on)
    assert status.stage_deadline == status.reversal_deadline == world.case(subscription).reversal_deadline
    assert (await reverse(world, subscription)).stage is Stage.REVERSED


async def test_a_reversal_that_meets_a_recorded_effect_is_accepted(world: World) -> None:
    subscription = await scheduled(world)
    effect(world, subscription)

    assert (await reverse(world, subscription)).stage is Stage.REVERSED
    assert world.refusals(subscription) == []


async def test_an_intake_whose_last_answer_was_lost_is_not_abandoned_in_the_end(world: World) -> None:
    subscription = await intake(world)
    lost_answers(world, subscription)
    attested(world, subscription)

    await world.pass_time(subscription, timedelta(days=15))

    assert await world.stage(subscription) is not Stage.ABANDONED
    assert "cancellation.scheduled" in world.actions(subscription)


async def test_an_answer_that_was_lost_and_comes_again_when_its_date_is_past_counts(world: World) -> None:
    subscription, tomorrow = world.subscription(), timedelta(days=1)
    attestation = contract.Attestation(reason="met in person")
    await world.start(subscription, complete=False, attestation=attestation)
    answers = world.answers(subscription, terminate_on=world.today(subscription) + tomorrow)
    message = contract.Answer(actor=AGENT, answers=answers, cancellation=f"{subscription}/1")
    step = step_of(contract.cancellation_workflow_id(subscription), "answer", message, "R")
    take_answers(world, step, answers)
    await world.pass_time(subscription, 2 * tomorrow)
    assert await world.stage(subscription) is Stage.INTAKE

    answered = await world.service.answer(subscription, answers, actor=AGENT, request_id="R")

    assert answered.open_questions == ()
    await in_stage(world, subscription, Stage.CANCELED)
    assert world.refusals(subscription) == []


async def test_twenty_five_answers_at_once_leave_a_case_that_works(world: World) -> None:
    subscriptions = [world.subscription() for _ in range(4)]
    for subscription in subscriptions:
        await world.start(subscription, complete=False)

    answers = [
        world.service.answer(subscription, {name: given}, actor=AGENT, request_id=f"{number}")
        for subscription in subscriptions
        for number, (name, given) in enumerate(list(world.answers(subscription).items()) * 5)
    ]
    with world.environment.with_time_skipping_disabled():
        answered = await asyncio.gather(*answers, return_exceptions=True)

    assert {type(outcome) for outcome in answered} <= {contract.CancellationStatus} | {
        type(outcome) for outcome in answered if isinstance(outcome, Refusal)
    }
    for subscription in subscriptions:
        assert (await withdraw(world, subscription)).stage is Stage.WITHDRAWN
