"""Workers that stop before a deadline's midnight and come back after it: a request that they find with it was there first."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.service import RPCError

import contract
from domain.civil_time import day_of
from domain.vocabulary import Stage
from tests.support.world import AGENT, World, eventually

ZONE = "Pacific/Auckland"
"""The zone of the organizations, where no day begins when it does in UTC."""


CALLED = contract.Attestation(reason="called back on the number on file")
WITHDRAWAL = contract.Withdraw(actor=AGENT, reason="changed their mind")


@dataclass
class Waiting:
    """A case that waits for a deadline, a request, and where it leads. ``late`` requests are sent after the deadline."""

    subscription: str
    deadline: datetime
    send: Callable[[], Coroutine[Any, Any, object]]
    stage: Stage
    late: bool = False
    refusals: tuple[tuple[str, str], ...] = ()


async def in_its_window(world: World) -> tuple[str, datetime]:
    """A case in the reversal window, and its deadline."""
    subscription = world.subscription(zone=ZONE)
    await world.start(subscription)
    await eventually(lambda: _is_in(world, subscription, Stage.CANCELED))
    deadline = world.case(subscription).reversal_deadline
    assert deadline is not None
    return subscription, deadline


async def reversal_by_signal(world: World) -> Waiting:
    subscription, deadline = await in_its_window(world)
    return Waiting(subscription, deadline, lambda: world.signal_reversal(subscription), Stage.REVERSED)


async def reversal_that_is_looked_up(world: World) -> Waiting:
    """A request that does not name its case needs a look at the records, during which the deadline has to wait."""
    subscription, deadline = await in_its_window(world)
    return Waiting(subscription, deadline, lambda: world.request_reversal(subscription), Stage.REVERSED)


async def reversal_of_a_named_case(world: World) -> Waiting:
    subscription, deadline = await in_its_window(world)
    case = f"{subscription}/1"
    return Waiting(
        subscription, deadline, lambda: world.request_reversal(subscription, cancellation=case), Stage.REVERSED
    )


async def reversal_by_the_administrator_on_record_now(world: World) -> Waiting:
    """The record is read for a request that names its case, too, and the deadline has to wait for that."""
    subscription, deadline = await in_its_window(world)
    world.change_organization(subscription, billing_administrator="bea@contoso.example")
    identity = world.identity(subscription).model_copy(update={"billing_administrator": "bea@contoso.example"})
    message = contract.RequestReversal(actor=AGENT, identity=identity, cancellation=f"{subscription}/1")
    return Waiting(
        subscription,
        deadline,
        lambda: world.update(subscription, contract.REQUEST_REVERSAL, message),
        Stage.REVERSED,
    )


async def late_reversal_that_was_requested_in_time(world: World) -> Waiting:
    subscription, deadline = await in_its_window(world)
    requested_at = deadline - datetime.resolution
    return Waiting(
        subscription,
        deadline,
        lambda: world.signal_reversal(subscription, requested_at=requested_at),
        Stage.REVERSED,
        late=True,
    )


async def late_reversal_by_a_letter_of_the_last_day(world: World) -> Waiting:
    subscription, deadline = await in_its_window(world)
    received = {"received_at": deadline - datetime.resolution, "channel": "letter"}
    return Waiting(
        subscription, deadline, lambda: world.signal_reversal(subscription, **received), Stage.REVERSED, late=True
    )


async def reversal_that_was_requested_at_the_deadline(world: World) -> Waiting:
    subscription, deadline = await in_its_window(world)
    return Waiting(
        subscription,
        deadline,
        lambda: world.signal_reversal(subscription, requested_at=deadline),
        Stage.CLOSED,
        late=True,
        refusals=(("request_reversal.refused", "reversal_window_over"),),
    )


async def reversal_that_was_sent_after_the_deadline(world: World) -> Waiting:
    subscription, deadline = await in_its_window(world)
    sent_at = deadline + timedelta(milliseconds=1)
    return Waiting(
        subscription,
        deadline,
        lambda: world.signal_reversal(subscription, sent_at=sent_at),
        Stage.CLOSED,
        late=True,
        refusals=(("request_reversal.refused", "reversal_window_over"),),
    )


async def withdrawal(world: World) -> Waiting:
    subscription = world.subscription(zone=ZONE)
    tomorrow = world.today(subscription) + timedelta(days=1)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=tomorrow))
    await eventually(lambda: _is_in(world, subscription, Stage.SCHEDULED))
    begins = (await world.service.status(subscription)).stage_deadline
    assert begins is not None
    return Waiting(
        subscription,
        begins,
        lambda: world.update(subscription, contract.UPDATE_WITHDRAW, WITHDRAWAL),
        Stage.WITHDRAWN,
    )


async def last_answers(world: World) -> Waiting:
    subscription = world.subscription(zone=ZONE)
    status = await world.start(subscription, complete=False, attestation=CALLED)
    message = contract.Answer(actor=AGENT, answers=_answers(world, subscription), cancellation=f"{subscription}/1")
    return Waiting(
        subscription,
        _deadline(status),
        lambda: world.update(subscription, contract.UPDATE_ANSWER, message),
        Stage.SCHEDULED,
    )


async def last_attestation(world: World) -> Waiting:
    subscription = world.subscription(zone=ZONE)
    status = await world.start(subscription, answers=_answers(world, subscription), attestation=None)
    message = contract.Attest(actor=AGENT, attestation=CALLED)
    return Waiting(
        subscription,
        _deadline(status),
        lambda: world.update(subscription, contract.UPDATE_ATTEST, message),
        Stage.SCHEDULED,
    )


CASES = (
    reversal_by_signal,
    reversal_that_is_looked_up,
    reversal_of_a_named_case,
    reversal_by_the_administrator_on_record_now,
    late_reversal_that_was_requested_in_time,
    late_reversal_by_a_letter_of_the_last_day,
    reversal_that_was_requested_at_the_deadline,
    reversal_that_was_sent_after_the_deadline,
    withdrawal,
    last_answers,
    last_attestation,
)


FEW = (
    reversal_by_signal,
    late_reversal_by_a_letter_of_the_last_day,
    reversal_by_the_administrator_on_record_now,
    reversal_that_was_requested_at_the_deadline,
    withdrawal,
    last_answers,
)


@pytest.mark.parametrize(
    ("kinds", "seconds"), [pytest.param(FEW, 6, id="few"), pytest.param(CASES, 12, id="all", marks=pytest.mark.soak)]
)
async def test_a_request_that_is_found_with_its_deadline_was_there_first(
    idle_world: World, kinds: tuple[Callable[[World], Awaitable[Waiting]], ...], seconds: int
) -> None:
    # While no worker runs the clock of a workflow goes no faster than ours, so the worker is stopped just before: longer
    # before on a machine that has taken longer for all that leads up to it.
    world, begun = idle_world, time.monotonic()
    async with world.worker():
        cases = await asyncio.gather(*(prepare(world) for prepare in kinds))
        soon = timedelta(seconds=max(seconds, 2 * (time.monotonic() - begun)))
        await asyncio.gather(*(world.pass_until(case.subscription, case.deadline - soon) for case in cases))
    for case in cases:
        assert await world.now(case.subscription) < case.deadline, "the machine is too slow for this test"
    sent = [asyncio.create_task(case.send()) for case in cases if not case.late]
    for case in cases:
        await eventually(lambda case=case: _is_past(world, case.subscription, case.deadline))  # type: ignore[misc]
    await asyncio.gather(*(case.send() for case in cases if case.late))

    async with world.worker():
        await asyncio.gather(*sent)
        for case in cases:
            await eventually(lambda case=case: _is_in(world, case.subscription, case.stage))  # type: ignore[misc]

    for case in cases:
        assert tuple(world.refusals(case.subscription)) == case.refusals
        if case.stage in (Stage.REVERSED, Stage.WITHDRAWN):
            assert world.access(case.subscription) == "on"
            at = world.audit(case.subscription, f"cancellation.{case.stage}").at
            assert day_of(at, ZONE) == day_of(case.deadline, ZONE) - timedelta(days=1)
    closed = [case.subscription for case in cases if case.stage is Stage.CLOSED]
    assert {world.access(subscription) for subscription in closed} == {"off"}
    assert not any("cancellation.reversed" in world.actions(subscription) for subscription in closed)


async def test_a_start_that_was_sent_before_midnight_is_decided_as_of_its_day(idle_world: World) -> None:
    world, (zone, midnight) = idle_world, last_midnight()
    day = day_of(midnight, zone) - timedelta(days=1)
    term_until = day + timedelta(days=31)
    terms = {
        "term_until": term_until,
        "cancellation_possible_until": day,
        "subsequent_term": "1Y",
        "notice_period": "1M",
    }
    subscription = world.subscription(zone=zone, lines=[terms])
    sent_at = midnight - timedelta(seconds=1)

    started = asyncio.create_task(world.start(subscription, sent_at=sent_at, complete=False, attestation=CALLED))
    await eventually(lambda: _is_started(world, subscription))
    async with world.worker():
        assert (await started).received_at == sent_at
        await world.service.answer(subscription, world.answers(subscription), actor=AGENT)
        await eventually(lambda: _is_in(world, subscription, Stage.CANCELED))

    assert world.line(subscription).end_date == term_until


def last_midnight() -> tuple[str, datetime]:
    """A zone in which a day began within the last hour, and the instant at which it did."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    west_of_utc = hour.hour if hour.hour <= 12 else hour.hour - 24
    return f"Etc/GMT{west_of_utc:+d}", hour


async def _is_started(world: World, subscription: str) -> bool:
    try:
        await world.handle(subscription).describe()
    except RPCError:
        return False
    return True


def _answers(world: World, subscription: str) -> dict[str, str]:
    return world.answers(subscription, terminate_on=world.today(subscription) + timedelta(days=400))


def _deadline(status: contract.CancellationStatus) -> datetime:
    assert status.stage_deadline is not None
    return status.stage_deadline


async def _is_past(world: World, subscription: str, instant: datetime) -> bool:
    return await world.now(subscription) > instant


async def _is_in(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage
