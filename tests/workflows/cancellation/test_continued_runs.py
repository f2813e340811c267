"""A case whose history grows long continues as new at any stage, with everything, and is as able as on its first day."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

import contract
from domain.vocabulary import Stage
from tests.support.histories import assert_sound, histories_of
from tests.support.noise import FEW_EVENTS, make_noise
from tests.support.prepaid import post, prepaid, settled, start
from tests.support.servers import temporal_server
from tests.support.world import ADMINISTRATOR, AGENT, SECOND_PERSON, Mailbox, World, eventually


@pytest.fixture
async def hasty_world(database_url: str) -> AsyncIterator[World]:
    """A world whose server wants short histories."""
    async with temporal_server(FEW_EVENTS) as environment:
        with Mailbox() as mailbox:
            world = World(environment, database_url, mailbox)
            async with world.worker():
                yield world
            world.close()
            workflows = [contract.cancellation_workflow_id(subscription) for subscription in world.subscriptions]
            await assert_sound(await histories_of(environment.client, *workflows))


async def is_in(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


async def has_deadline(world: World, subscription: str) -> bool:
    """Whether the run that continues the case has opened it; until then the record answers, which knows no timers."""
    return (await world.service.status(subscription)).stage_deadline is not None


async def test_a_case_continues_as_new_at_every_stage_and_ends_as_ever(hasty_world: World) -> None:
    world, subscription = hasty_world, hasty_world.subscription()
    day = world.today(subscription) + timedelta(days=10)
    await world.start(subscription, complete=False)
    received_at = (await world.service.status(subscription)).received_at
    await make_noise(world, subscription)
    await eventually(lambda: has_deadline(world, subscription))
    status = await world.service.status(subscription)
    assert (status.stage, status.received_at) == (Stage.INTAKE, received_at)
    assert status.last_refusal is not None

    await world.service.answer(subscription, world.answers(subscription, terminate_on=day), actor=AGENT)
    await world.service.attest(subscription, actor=AGENT, reason="called back")
    await eventually(lambda: is_in(world, subscription, Stage.SCHEDULED))
    promised = (await world.service.status(subscription)).quote
    await make_noise(world, subscription)
    await eventually(lambda: has_deadline(world, subscription))
    status = await world.service.status(subscription)
    assert (status.stage, status.quote) == (Stage.SCHEDULED, promised)

    assert status.stage_deadline is not None
    await world.pass_until(subscription, status.stage_deadline + timedelta(minutes=1))
    await eventually(lambda: is_in(world, subscription, Stage.CANCELED))
    deadline = (await world.service.status(subscription)).reversal_deadline
    await make_noise(world, subscription)
    await eventually(lambda: has_deadline(world, subscription))
    status = await world.service.status(subscription)
    assert (status.stage, status.reversal_deadline, status.stage_deadline) == (Stage.CANCELED, deadline, deadline)

    assert (await world.request_reversal(subscription)).stage is Stage.REVERSED
    ended = contract.CancellationStatus.model_validate(await world.handle(subscription).result())
    assert ended.stage is Stage.REVERSED
    for step in ("opened", "scheduled", "canceled", "reversed"):
        assert world.actions(subscription).count(f"cancellation.{step}") == 1
    mails = [str(mail["Message-ID"]) for mail in world.mailbox.of(subscription)]
    assert len(mails) == len(set(mails))
    runs = [run async for run in world.environment.client.list_workflows()]
    assert sum(run.status is WorkflowExecutionStatus.CONTINUED_AS_NEW for run in runs) == 3


async def test_credit_memos_that_are_awaited_stay_awaited_and_nobody_is_reminded_twice(hasty_world: World) -> None:
    world = hasty_world
    subscription, invoice = prepaid(world)
    await start(world, subscription, in_days=60)
    await world.pass_time(subscription, timedelta(days=8))
    await make_noise(world, subscription)
    await eventually(lambda: has_deadline(world, subscription))
    assert (await world.service.status(subscription)).outstanding_credit_memos == (invoice,)

    # Week by week: a run that continues in the middle of a leap begins at its end.
    await world.pass_time(subscription, timedelta(days=7))
    await make_noise(world, subscription)
    await eventually(lambda: has_deadline(world, subscription))
    await world.pass_time(subscription, timedelta(days=7))

    async def is_escalated() -> bool:
        return "credit_memo.escalated" in world.actions(subscription)

    await eventually(is_escalated)
    await post(world, invoice)
    await settled(world, subscription)

    actions = world.actions(subscription)
    assert (actions.count("credit_memo.reminded"), actions.count("credit_memo.escalated")) == (2, 1)
    mails = [str(mail["Message-ID"]) for mail in world.mailbox.of(subscription)]
    assert len(mails) == len(set(mails))


@pytest.mark.parametrize("address", [ADMINISTRATOR, "bea@contoso.example"])
async def test_the_identity_of_the_cancellation_stays_that_of_the_cancellation(
    hasty_world: World, address: str
) -> None:
    world, subscription = hasty_world, hasty_world.subscription()
    await world.start(subscription)
    await eventually(lambda: is_in(world, subscription, Stage.CANCELED))
    world.change_organization(subscription, billing_administrator="bea@contoso.example")
    await make_noise(world, subscription)
    await eventually(lambda: has_deadline(world, subscription))

    identity = world.identity(subscription).model_copy(update={"billing_administrator": address})
    assert (await world.service.reverse(subscription, identity, actor=AGENT)).stage is Stage.REVERSED

    audited = world.audit(subscription, "cancellation.reversed").after or {}
    assert audited["billing_administrator"] == (
        "as in the cancellation" if address == ADMINISTRATOR else "as on record now"
    )


async def test_an_approval_that_is_awaited_stays_awaited(hasty_world: World) -> None:
    world, subscription = hasty_world, hasty_world.subscription()
    await world.start(subscription, goodwill=contract.Goodwill(reason="ill for weeks"))
    await eventually(lambda: is_in(world, subscription, Stage.PREPARING))

    await make_noise(world, subscription)
    await world.service.approve(subscription, actor=SECOND_PERSON, reason="a good customer")

    await eventually(lambda: is_in(world, subscription, Stage.CANCELED))
    assert world.case(subscription).goodwill_approved_by == SECOND_PERSON
    assert world.actions(subscription).count("goodwill.approved") == 1
