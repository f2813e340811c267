"""Anything at all, sent to every handler and as every start, straight through Temporal: the answer is one of ours.

No workflow task fails, no activity is tried again for ever, and every case can still be ended.
"""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.common import RawValue

import contract
from domain.vocabulary import Stage
from tests.support.histories import assert_sound, histories_of
from tests.support.malformed import GOOD, answered, ends, few, samples, send_all
from tests.support.world import AGENT, World

UPDATES = (
    "receive", "answer", "send_code", "verify_code", "attest", "approve", "consent", "withdraw", "request_reversal",
    "acknowledge_stop", "acknowledge_export", "renew_export_link",
)  # fmt: skip
SIGNALS = (
    "request_reversal",
    "acknowledge_stop",
    "credit_memo_posted",
    "holds_changed",
    "migration_moved",
    "line_taken_over",
)

STARTS: dict[str, tuple[str, Any]] = {
    contract.SUBSCRIPTION_CANCELLATION: ("cancellation:S", GOOD["receive"]),
    contract.SUBSCRIPTION_LINE_CANCELLATION: (
        "line-cancellation:L",
        {"actor": "a", "subscription_line": "L", "answers": {"termination_date": "end_of_term"}, "reason": "why not"},
    ),
    contract.MARKETING_SERVICE_CANCELLATION: (
        "marketing-cancellation:O",
        {"actor": "a", "organization": "O", "administrator": "a@b.example", "campaign_actions": {"C": "pause"}},
    ),
    contract.ON_PREMISES_MIGRATION: ("migration:S", {"actor": "a", "cancellation": "S/1"}),
    contract.SUBSCRIPTION_LINE_DATES_UPDATE: (
        "lines",
        {"actor": "a", "as_of": "2026-10-01", "zone": "UTC", "customer_contract": "CC", "subscription": "S"},
    ),
    contract.MESSAGE_DELIVERY: ("delivery:S/1", "S/1"),
}
"""The id under which a workflow of each type can be right, and a good input."""


@pytest.fixture
async def own_world(idle_world: World) -> AsyncIterator[World]:
    """A world of the test's own: an update of line dates reaches all there is."""
    async with idle_world.worker():
        yield idle_world


@few
@pytest.mark.timeout(3600)
async def test_whatever_is_sent_to_a_cancellation_is_answered_and_the_case_can_be_ended(
    world: World, number: int
) -> None:
    for name in UPDATES:
        subscription = world.subscription(campaigns=["A"])
        await world.start(subscription, complete=False)
        handle = world.handle(subscription)
        await send_all(partial(answered, handle, name), GOOD[name], number)
        await _ended(world, subscription)


@few
@pytest.mark.timeout(3600)
async def test_whatever_is_signalled_to_a_cancellation_the_case_can_be_ended(world: World, number: int) -> None:
    for name in SIGNALS:
        subscription = world.subscription(campaigns=["A"])
        await world.start(subscription, complete=False)
        handle = world.handle(subscription)
        await send_all(partial(_signalled, handle, name), GOOD[name], number)
        await _ended(world, subscription)


@few
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", STARTS)
async def test_whatever_a_workflow_is_started_with_itends(own_world: World, kind: str, number: int) -> None:
    client, (workflow_id, good) = own_world.environment.client, STARTS[kind]

    async def start(arguments: tuple[RawValue, ...]) -> None:
        handle: WorkflowHandle[Any, Any] = await client.start_workflow(
            kind, args=arguments, id=workflow_id, task_queue=own_world.task_queue
        )
        await ends(handle, arguments)

    for arguments in samples(good, number):  # one after the other: there is one id that each of them can be right for
        await start(arguments)
    await assert_sound(await histories_of(client, workflow_id))


@few
@pytest.mark.timeout(3600)
async def test_whatever_is_signalled_to_a_delivery_of_messages_itends(own_world: World, number: int) -> None:
    client, subscription = own_world.environment.client, own_world.subscription()
    await own_world.start(subscription, complete=False)
    name = contract.delivery_workflow_id(f"{subscription}/1")
    for arguments in samples(GOOD["deliver"], number):
        handle: WorkflowHandle[Any, Any] = await client.start_workflow(
            contract.MESSAGE_DELIVERY,
            f"{subscription}/1",
            id=name,
            task_queue=own_world.task_queue,
            start_signal=contract.SIGNAL_DELIVER,
            start_signal_args=arguments,
        )
        await ends(handle, arguments)
    await assert_sound(await histories_of(client, name))
    await _ended(own_world, subscription)


async def _signalled(handle: WorkflowHandle[Any, Any], name: str, arguments: Sequence[RawValue]) -> None:
    await handle.signal(name, args=arguments)


async def _ended(world: World, subscription: str) -> None:
    """End a case, unless one of the messages has."""
    if (await world.service.status(subscription)).stage is Stage.INTAKE:
        await world.service.withdraw(subscription, actor=AGENT, reason="enough")
    await ends(world.handle(subscription), ())
