"""Steps that are in the database and in no history: the workflow task in which they were taken was lost.

A local activity commits before the task that ran it is complete. If Temporal loses the task, another request meets a record
that the workflow does not know. The record binds: the workflow adopts it, whatever comes next.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import contract
from activities.cancellation import Records
from contract.steps import AnswersGiven, Attested, Step
from domain.refusals import Refusal
from domain.vocabulary import Channel, Question, Stage
from records.cancellation.answers import checklist_of
from records.cancellation.locked_case import lock_case
from records.transaction import Transaction
from tests.support.world import AGENT, World, eventually

Lost = Callable[[World, str], None]
Request = Callable[[World, str], Awaitable[Any]]


def records(world: World) -> Records:
    """The activities that the lost task ran."""
    return Records(world.engine, frozenset({Channel.MAIL}))


def a_step(world: World, subscription: str, name: str) -> Step:
    """A step that no history knows."""
    return Step(cancellation=world.case(subscription).id, name=name, actor="agent-lost", at=datetime.now(UTC))


def lost_answers(world: World, subscription: str, *questions: Question) -> None:
    """All answers, or those to some questions, from a request that got no answer itself."""
    step = a_step(world, subscription, "answer:lost")
    with Transaction.begin(world.engine) as transaction:
        known = checklist_of(transaction.session, lock_case(transaction, step.cancellation))
    answers = {
        name: answer for name, answer in world.answers(subscription).items() if not questions or name in questions
    }
    checklist = known.answered(answers, today=world.today(subscription))
    answered = tuple(Question(name) for name in answers)
    records(world).save_answers(AnswersGiven(step=step, checklist=checklist, answered=answered))


def lost_attestation(world: World, subscription: str) -> None:
    """An attestation from a request that got no answer itself."""
    step = a_step(world, subscription, "attest:lost")
    records(world).save_attestation(Attested(step=step, because="called back"))


def everything_answered(world: World, subscription: str) -> None:
    """The last answer and the attestation, after which nothing is open."""
    lost_answers(world, subscription)
    lost_attestation(world, subscription)


def lost_transition(name: str, activity: Callable[[Records, Step], object]) -> Lost:
    """A transition by the story itself."""

    def take(world: World, subscription: str) -> None:
        activity(records(world), a_step(world, subscription, name))

    take.__name__ = name
    return take


WITHDRAWN = lost_transition("withdrawn", Records.withdraw)
ABANDONED = lost_transition("abandoned", Records.abandon)
EFFECT = lost_transition("effect", Records.take_effect)
REVERSED = lost_transition("reversed", Records.reverse)
CLOSED = lost_transition("closed", Records.close)


async def answer(world: World, subscription: str) -> Any:
    return await world.service.answer(subscription, world.answers(subscription), actor=AGENT)


async def answer_otherwise(world: World, subscription: str) -> Any:
    later = world.today(subscription) + timedelta(days=40)
    return await world.service.answer(subscription, {"termination_date": later.isoformat()}, actor=AGENT)


async def attest(world: World, subscription: str) -> Any:
    return await world.service.attest(subscription, actor=AGENT, reason="met in person")


async def send_code(world: World, subscription: str) -> Any:
    return await world.service.send_code(subscription, actor=AGENT)


async def verify(world: World, subscription: str) -> Any:
    return await world.service.verify_code(subscription, "000000", actor=AGENT)


async def approve(world: World, subscription: str) -> Any:
    return await world.service.approve(subscription, actor="manager-2", reason="a good customer")


async def withdraw(world: World, subscription: str) -> Any:
    return await world.service.withdraw(subscription, actor=AGENT, reason="changed their mind")


async def reverse(world: World, subscription: str) -> Any:
    return await world.service.reverse(subscription, world.identity(subscription), actor=AGENT)


REQUESTS = [answer, answer_otherwise, attest, send_code, verify, approve, withdraw, reverse]

INTAKE: list[Lost] = [lost_answers, lost_attestation, everything_answered, WITHDRAWN, ABANDONED]
SCHEDULED: list[Lost] = [EFFECT, WITHDRAWN]
CANCELED: list[Lost] = [REVERSED, CLOSED]

LIVES = [(Stage.INTAKE, lost) for lost in INTAKE]
LIVES += [(Stage.SCHEDULED, lost) for lost in SCHEDULED]
LIVES += [(Stage.CANCELED, lost) for lost in CANCELED]


async def bring_to(world: World, subscription: str, stage: Stage) -> None:
    """Have a case that waits in a stage."""
    if stage is Stage.INTAKE:
        await world.start(subscription, complete=False)
        return
    day = world.today(subscription) + timedelta(days=0 if stage is Stage.CANCELED else 10)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day))
    if stage is Stage.CANCELED:
        await world.pass_time(subscription, timedelta(minutes=1))
    await eventually(lambda: is_in(world, subscription, stage))


async def is_in(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


async def agrees(world: World, subscription: str) -> bool:
    """Whether the workflow knows what is recorded; one that is over has nothing to know any more."""
    live, case = await world.service.status(subscription), world.case(subscription)
    return live.stage is Stage(case.stage) and live.verified is (case.verified_by is not None)


@pytest.mark.parametrize(("stage", "lost"), LIVES, ids=lambda value: getattr(value, "__name__", None))
async def test_any_request_after_a_lost_step_meets_a_workflow_that_adopts_the_record(
    world: World, stage: Stage, lost: Lost
) -> None:
    await asyncio.gather(*(request_after(world, world.subscription(), stage, lost, request) for request in REQUESTS))


async def request_after(world: World, subscription: str, stage: Stage, lost: Lost, request: Request) -> None:
    """One case with a lost step and one request after it."""
    await bring_to(world, subscription, stage)
    lost(world, subscription)

    with world.environment.with_time_skipping_disabled():
        answered = (await asyncio.gather(request(world, subscription), return_exceptions=True))[0]
        # A refusal is an answer; anything else would be a fault of the service.
        assert isinstance(answered, contract.CancellationStatus | Refusal), f"{request.__name__}: {answered!r}"
        await eventually(lambda: agrees(world, subscription))
    await ends_once(world, subscription)


async def ends_once(world: World, subscription: str) -> None:
    """The case is as able as ever: it can be ended, and has one end in the audit trail."""
    case = world.case(subscription)
    if not Stage(case.stage).is_final:
        last = reverse if case.access_ended_on else withdraw
        await last(world, subscription)
    case = world.case(subscription)
    assert Stage(case.stage).is_final
    ended = await world.handle(subscription).result()
    assert contract.CancellationStatus.model_validate(ended).stage is Stage(case.stage)
    assert world.actions(subscription).count(f"cancellation.{case.stage}") == 1
    assert world.access(subscription) == ("off" if case.stage == Stage.CLOSED else "on")


async def test_a_withdrawal_that_meets_a_recorded_effect_is_refused_and_the_window_is_open(world: World) -> None:
    subscription = world.subscription()
    await bring_to(world, subscription, Stage.SCHEDULED)
    EFFECT(world, subscription)

    with pytest.raises(Refusal) as refused:
        await withdraw(world, subscription)

    assert refused.value.details.code == "withdrawal_too_late"
    status = await world.service.status(subscription)
    assert (status.stage, status.access_ended_on) == (Stage.CANCELED, world.case(subscription).access_ended_on)
    assert status.stage_deadline == status.reversal_deadline == world.case(subscription).reversal_deadline
    assert (await reverse(world, subscription)).stage is Stage.REVERSED


async def test_a_reversal_that_meets_a_recorded_effect_is_accepted(world: World) -> None:
    subscription = world.subscription()
    await bring_to(world, subscription, Stage.SCHEDULED)
    EFFECT(world, subscription)

    assert (await reverse(world, subscription)).stage is Stage.REVERSED
    assert world.refusals(subscription) == []


async def test_an_intake_whose_last_answer_was_lost_is_not_abandoned_in_the_end(world: World) -> None:
    subscription = world.subscription()
    await bring_to(world, subscription, Stage.INTAKE)
    everything_answered(world, subscription)

    await world.pass_time(subscription, timedelta(days=15))

    assert await world.stage(subscription) is not Stage.ABANDONED
    assert "cancellation.scheduled" in world.actions(subscription)


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
