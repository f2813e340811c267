"""Characters that nobody sees: refused at every door to a case, and accepted in the histories that have them already."""

import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHistory

import contract
from runtime.refusals import as_refusal
from tests.support.histories import assert_sound
from tests.support.world import AGENT, World, eventually, refused
from workflows.common.reading import CLEAN_TEXT

TURNED = "they \u202eyats"
HISTORIES = Path(__file__).parents[2] / "histories"

DOORS: dict[str, Callable[[World, str], Awaitable[Any]]] = {
    "a reason": lambda world, about: world.service.withdraw(about, actor=AGENT, reason=TURNED),
    "an actor": lambda world, about: world.service.withdraw(about, actor="agent\u200b-7", reason="they stay"),
    "an answer": lambda world, about: world.service.answer(about, {"organization_name": "con\u00adtoso"}, actor=AGENT),
    "a question": lambda world, about: world.service.answer(about, {"organization\u200b_name": "x"}, actor=AGENT),
    "a start": lambda world, about: world.start(about, actor="agent\x1b[31m"),
    "a code": lambda world, about: world.service.attest(about, actor=AGENT, reason="called\x9bback"),
}


@pytest.mark.parametrize("door", DOORS)
async def test_the_client_sends_none_of_it(world: World, door: str) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)

    refusal = await refused(DOORS[door](world, subscription))

    assert (refusal.code, "a character that nobody sees" in refusal.message) == ("input_malformed", True)
    await world.service.withdraw(subscription, actor=AGENT, reason="they\nstay")


async def test_an_update_of_a_foreign_system_is_refused_before_it_is_accepted(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    before = len((await world.handle(subscription).fetch_history()).events)

    refusal = await refused(
        world.update(subscription, contract.UPDATE_WITHDRAW, {"actor": AGENT, "reason": TURNED, "sent_at": None})
    )

    assert (refusal.code, "U+202E RIGHT-TO-LEFT OVERRIDE" in refusal.message) == ("input_malformed", True)
    after = list((await world.handle(subscription).fetch_history()).events)[before:]
    assert not any(event.HasField("workflow_execution_update_accepted_event_attributes") for event in after)
    await world.service.withdraw(subscription, actor=AGENT, reason="they stay")


async def test_a_signal_is_refused_and_audited(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription)
    await world.signal_reversal(subscription, reason=TURNED)

    async def is_audited() -> bool:
        return ("request_reversal.refused", "input_malformed") in world.refusals(subscription)

    await eventually(is_audited)
    await world.request_reversal(subscription)
    await world.handle(subscription).result()
    history = await world.handle(subscription).fetch_history()
    assert any(CLEAN_TEXT.encode() in event.SerializeToString() for event in history.events)


async def test_a_start_of_a_foreign_system_is_refused(world: World) -> None:
    subscription = world.subscription()
    start = {"subscription": subscription, "actor": AGENT, "reason": TURNED}

    with pytest.raises(WorkflowFailureError) as failed:
        await world.environment.client.execute_workflow(
            contract.SUBSCRIPTION_CANCELLATION,
            start,
            id=contract.cancellation_workflow_id(subscription),
            task_queue=world.task_queue,
        )

    refusal = as_refusal(failed.value.cause)
    assert refusal is not None
    assert refusal.code == "input_malformed"


async def test_a_history_that_has_such_a_text_already_is_replayed_as_it_went() -> None:
    text = (HISTORIES / "withdrawn.json").read_text(encoding="utf-8")
    said = "the customer called again"
    assert said not in text  # payloads are in base64
    recorded = json.loads(text)
    turned = WorkflowHistory.from_json(recorded_id(recorded), json.dumps(_with(recorded, said, TURNED)))
    plain = WorkflowHistory.from_json(recorded_id(recorded), text)
    assert turned.to_json() != plain.to_json()

    await assert_sound([plain, turned])


def recorded_id(recorded: Any) -> str:
    found: str = recorded["events"][0]["workflowExecutionStartedEventAttributes"]["workflowId"]
    return found


def _with(value: Any, old: str, new: str) -> Any:
    """A recorded history with another word in its payloads."""
    if isinstance(value, dict):
        if isinstance(value.get("data"), str) and "metadata" in value:
            data = base64.b64decode(value["data"]).replace(old.encode(), json.dumps(new)[1:-1].encode())
            return {**value, "data": base64.b64encode(data).decode()}
        return {key: _with(item, old, new) for key, item in value.items()}
    return [_with(item, old, new) for item in value] if isinstance(value, list) else value
