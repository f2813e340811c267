"""The buttons of Temporal's Web UI, at every stage: Request Cancellation, and Reset to the first, the last and another task."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

import contract
from domain.refusals import Refusal
from domain.vocabulary import Stage
from tests.support.buttons import ResetPoint, reset
from tests.support.world import AGENT, SECOND_PERSON, World, eventually

Bring = Callable[[World, str], Awaitable[None]]


async def in_intake(world: World, subscription: str) -> None:
    await world.start(subscription, complete=False)
    await world.service.answer(subscription, {"data": "none"}, actor=AGENT)


async def awaiting_approval(world: World, subscription: str) -> None:
    await world.start(subscription, goodwill=contract.Goodwill(reason="ill for weeks"))
    await eventually(lambda: _is(world, subscription, Stage.PREPARING))


async def scheduled(world: World, subscription: str) -> None:
    day = world.today(subscription) + timedelta(days=10)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day))
    await eventually(lambda: _is(world, subscription, Stage.SCHEDULED))


async def scheduled_with_goodwill(world: World, subscription: str) -> None:
    day = world.today(subscription) + timedelta(days=10)
    answers = world.answers(subscription, terminate_on=day)
    await world.start(subscription, answers=answers, goodwill=contract.Goodwill(reason="ill for weeks"))
    await eventually(lambda: _is(world, subscription, Stage.PREPARING))
    await world.service.approve(subscription, actor=SECOND_PERSON, reason="a good customer")
    await eventually(lambda: _is(world, subscription, Stage.SCHEDULED))


async def canceled(world: World, subscription: str) -> None:
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(minutes=1))
    await eventually(lambda: _is(world, subscription, Stage.CANCELED))


async def closed(world: World, subscription: str) -> None:
    await canceled(world, subscription)
    await world.pass_time(subscription, timedelta(days=31))
    await world.handle(subscription).result()


async def withdrawn(world: World, subscription: str) -> None:
    await scheduled(world, subscription)
    await world.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
    await world.handle(subscription).result()


BEFORE_EFFECT = [in_intake, awaiting_approval, scheduled]
# The first has the most to do again; the others are in the soak.
TASKS = [
    ResetPoint.FIRST,
    *(pytest.param(each, marks=pytest.mark.soak) for each in (ResetPoint.MIDDLE, ResetPoint.LAST)),
]
OPEN = [*BEFORE_EFFECT, scheduled_with_goodwill, canceled]


async def _is(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


def named(value: object) -> str:
    """The name of a case in the table of tests."""
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize("bring", BEFORE_EFFECT, ids=named)
async def test_request_cancellation_before_the_effect_is_a_withdrawal_by_an_operator(
    world: World, bring: Bring
) -> None:
    subscription = world.subscription()
    await bring(world, subscription)

    await world.handle(subscription).cancel()
    ended = contract.CancellationStatus.model_validate(await world.handle(subscription).result())

    assert ended.stage is Stage.WITHDRAWN
    entry = world.audit(subscription, "cancellation.withdrawn")
    assert (entry.actor, entry.why) == ("operator", "an operator requested the cancellation of the workflow")
    assert world.access(subscription) == "on"
    line = world.line(subscription)
    assert (line.end_date, line.frozen_by) == (None, None)
    await eventually(lambda: _has_mail(world, subscription, "withdrawn"))


async def test_request_cancellation_after_the_effect_is_audited_shown_and_ignored(world: World) -> None:
    subscription = world.subscription()
    await canceled(world, subscription)
    before = await world.service.status(subscription)

    await world.handle(subscription).cancel()

    await eventually(lambda: _refused_last(world, subscription, "withdrawal_too_late"))
    after = await world.service.status(subscription)
    assert (after.stage, after.reversal_deadline) == (before.stage, before.reversal_deadline)
    assert world.refusals(subscription) == [("cancel_request.refused", "withdrawal_too_late")]
    assert world.audit(subscription, "cancel_request.refused").actor == "operator"
    reversed_ = await world.service.reverse(subscription, world.identity(subscription), actor=AGENT)
    assert reversed_.stage is Stage.REVERSED


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("bring", OPEN, ids=named)
async def test_a_reset_case_continues_from_its_record_and_asks_for_nothing_twice(
    world: World, bring: Bring, task: ResetPoint
) -> None:
    subscription = world.subscription()
    await bring(world, subscription)
    before = await world.service.status(subscription)
    actions = changes(world, subscription)

    await reset(world, contract.cancellation_workflow_id(subscription), to=task)

    await eventually(lambda: _is_again(world, subscription, before))
    assert changes(world, subscription) == actions
    if before.access_ended_on is None:
        ended = await world.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
        assert ended.stage is Stage.WITHDRAWN
    else:
        ended = await world.service.reverse(subscription, world.identity(subscription), actor=AGENT)
        assert ended.stage is Stage.REVERSED
    assert actions == changes(world, subscription)[: len(actions)]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("bring", [closed, withdrawn], ids=named)
async def test_a_reset_case_that_had_ended_ends_as_it_had(world: World, bring: Bring, task: ResetPoint) -> None:
    subscription = world.subscription()
    await bring(world, subscription)
    stage, actions = world.case(subscription).stage, changes(world, subscription)
    mails = len(world.mailbox.of(subscription))

    await reset(world, contract.cancellation_workflow_id(subscription), to=task)

    ended = contract.CancellationStatus.model_validate(await world.handle(subscription).result())
    assert ended.stage == stage
    assert changes(world, subscription) == actions
    assert len(world.mailbox.of(subscription)) == mails


def changes(world: World, subscription: str) -> list[str]:
    """The audited changes. Temporal applies requests to a run that was reset again: those that changed it are refused."""
    return [action for action in world.actions(subscription) if not action.endswith(".refused")]


async def _is_again(world: World, subscription: str, before: contract.CancellationStatus) -> bool:
    """Whether the case is where it was; what was refused last is in the audit trail."""
    try:
        status = await world.service.status(subscription)
    except Refusal:
        return False
    return status.model_copy(update={"undelivered": (), "last_refusal": None}) == before.model_copy(
        update={"undelivered": (), "last_refusal": None}
    )


async def _refused_last(world: World, subscription: str, code: str) -> bool:
    refusal = (await world.service.status(subscription)).last_refusal
    return refusal is not None and refusal.code == code


async def _has_mail(world: World, subscription: str, event: str) -> bool:
    return any(event in str(mail["Message-ID"]) for mail in world.mailbox.of(subscription))
