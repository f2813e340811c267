"""Messages that are not what they should be, straight through Temporal as from a system in any language.

Each is refused with a code. That none of them fails a workflow task is checked after every test.
"""

from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

import contract
from domain.vocabulary import Stage
from tests.support.histories import accepted_updates
from tests.support.world import World, refused
from workflows.common.refused_requests import AUDITED_OF_A_CALLER

REQUESTS = ("answer", "send_code", "verify_code", "attest", "approve", "withdraw", "request_reversal")

GARBAGE: dict[str, tuple[Any, ...]] = {
    "nothing at all": (),
    "null": (None,),
    "a text": ("cancel it",),
    "a number": (7,),
    "a list": ([1, 2],),
    "an empty object": ({},),
    "a field too many": ({"actor": "agent-7", "answers": {"data": "none"}, "code": "1", "reason": "why not", "x": 1},),
    "an address as actor": ({"actor": "ada@contoso.example"},),
    "an argument too many": ({"actor": "agent-7"}, {"actor": "agent-7"}),
    "bytes": (b"\x00\xff",),
    "a zero character": ({"actor": "agent\x00", "reason": "a zero\x00 in it", "code": "1"},),
    "an endless text": ({"actor": "a" * 1_000_000},),
    "broken JSON": (RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"{broken")),),
    "half a character": (RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b'{"actor": "\\ud800"}')),),
    "an unknown encoding": (RawValue(Payload(metadata={"encoding": b"fax"}, data=b"beep")),),
}


@pytest.mark.parametrize("request_name", REQUESTS)
async def test_a_malformed_request_is_refused_without_history_and_the_case_goes_on(
    world: World, request_name: str
) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    before = await accepted_updates(world.handle(subscription))

    for what, messages in GARBAGE.items():
        refusal = await refused(world.update(subscription, request_name, *messages))
        assert refusal.code == "input_malformed", what
        assert len(refusal.message) < 2000, what

    assert await accepted_updates(world.handle(subscription)) == before
    assert world.refusals(subscription) == []
    assert await world.stage(subscription) is Stage.INTAKE


async def test_malformed_reversals_by_signal_are_audited_up_to_the_limit_and_the_case_goes_on(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)

    for messages in GARBAGE.values():
        await world.handle(subscription).signal(contract.REQUEST_REVERSAL, args=messages)
        await world.handle(subscription).signal(contract.SIGNAL_CREDIT_MEMO_POSTED, args=messages)

    status = await world.update(subscription, contract.UPDATE_RECEIVE)
    assert status.last_refusal is not None
    assert status.last_refusal.code == "input_malformed"
    audited = [("request_reversal.refused", "input_malformed")] * AUDITED_OF_A_CALLER
    assert world.refusals(subscription) == audited
    assert len(GARBAGE) > AUDITED_OF_A_CALLER


@pytest.mark.parametrize("messages", GARBAGE.values(), ids=GARBAGE)
async def test_a_malformed_start_ends_as_refused(world: World, messages: tuple[Any, ...]) -> None:
    subscription = world.subscription()

    started = world.environment.client.execute_workflow(
        contract.SUBSCRIPTION_CANCELLATION,
        args=messages,
        id=contract.cancellation_workflow_id(subscription),
        task_queue=world.task_queue,
    )

    assert (await refused(started)).code == "input_malformed"


async def test_a_start_under_another_id_than_the_subscriptions_is_refused(world: World) -> None:
    subscription = world.subscription()

    started = world.environment.client.execute_workflow(
        contract.SUBSCRIPTION_CANCELLATION,
        contract.StartCancellation(actor="agent-7", subscription="SUB-of-another"),
        id=contract.cancellation_workflow_id(subscription),
        task_queue=world.task_queue,
    )

    refusal = await refused(started)
    assert refusal.code == "workflow_id_mismatch"
    assert refusal.values["expected"] == "cancellation:SUB-of-another"
