"""Recorded histories replay for ever: workflows run for months or through a night, and code changes under them.

``make histories`` records the lives anew, after a change of commands that docs/upgrades.md describes.
"""

import json
import os
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from tests.support.histories import STRICT_SANDBOX, assert_sound
from tests.support.lives import LIVES
from tests.support.world import World

HISTORIES = Path(__file__).parents[1] / "histories"
RECORDING = os.environ.get("OFFRAMP_RECORD_HISTORIES") == "1"


def recorded(name: str) -> WorkflowHistory:
    """A committed history. The workflow looks at its own id, so it is replayed under the one it had."""
    text = (HISTORIES / name).read_text(encoding="utf-8")
    workflow_id = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]["workflowId"]
    return WorkflowHistory.from_json(workflow_id, text)


@pytest.mark.parametrize("name", sorted(path.name for path in HISTORIES.glob("*.json")))
async def test_a_committed_history_replays_to_the_same_commands(name: str) -> None:
    """Under the strict sandbox, which finds what no workflow may do; a worker has its modules loaded once for all workflows."""
    await assert_sound([recorded(name)], runner=STRICT_SANDBOX)


@pytest.mark.parametrize("life", LIVES)
async def test_a_life_gives_the_commands_of_its_fingerprint(world: World, life: str) -> None:
    await assert_fingerprint(world, await LIVES[life](world), life)


async def assert_fingerprint(world: World, workflow_id: str, life: str) -> None:
    """Compare a workflow's commands with those that were recorded under a name; record them, if asked to."""
    history = await world.environment.client.get_workflow_handle(workflow_id).fetch_history()
    await assert_sound([history])
    commands = "".join(f"{command}\n" for command in _commands(history))
    fingerprint = HISTORIES / f"{life}.commands.txt"
    if RECORDING:
        (HISTORIES / f"{life}.json").write_text(history.to_json() + "\n", encoding="utf-8")
        fingerprint.write_text(commands, encoding="utf-8")
    assert commands == fingerprint.read_text(encoding="utf-8"), (
        "The workflow gives other commands than before. Running ones would fail to replay: guard the change with "
        "workflow.patched, keep the old histories, record new ones under new names (make histories), and add a line to "
        "docs/upgrades.md."
    )


def test_every_life_is_recorded() -> None:
    assert set(LIVES) <= {path.stem for path in HISTORIES.glob("*.json")}


def _commands(history: WorkflowHistory) -> list[str]:
    """The commands in order, without what depends on how fast the machine was.

    Deliveries: how many messages one takes along. A step that failed as a local activity, for which a few seconds are too
    few on a busy machine, and continues as a normal one (`workflows.common.steps`): it counts once.
    """
    commands: list[str] = []
    goes_on: str | None = None
    for event in history.events:
        command = _command(event)
        if command is None or command in ("activity deliver_mail", "activity deliver_webhooks"):
            continue
        if command == goes_on:
            goes_on = None
            continue
        commands.append(command)
        if event.marker_recorded_event_attributes.HasField("failure"):
            goes_on = command.removeprefix("local ")
    return commands


def _command(event: HistoryEvent) -> str | None:  # noqa: C901 - one line for each kind
    match event.event_type:
        case EventType.EVENT_TYPE_MARKER_RECORDED:
            marker = event.marker_recorded_event_attributes
            if marker.marker_name == "core_patch":
                return f"patch {json.loads(marker.details['patch-data'].payloads[0].data)['id']}"
            data = marker.details["data"].payloads[0].data
            return f"local activity {json.loads(data)['activity_type']}"
        case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            return f"activity {event.activity_task_scheduled_event_attributes.activity_type.name}"
        case EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
            return f"child {event.start_child_workflow_execution_initiated_event_attributes.workflow_type.name}"
        case EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
            return "child canceled"
        case EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
            return f"signal {event.signal_external_workflow_execution_initiated_event_attributes.signal_name}"
        case EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED:
            return "activity canceled"
        case EventType.EVENT_TYPE_TIMER_STARTED:
            return "timer"
        case EventType.EVENT_TYPE_TIMER_CANCELED:
            return "timer canceled"
        case EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
            return "search attributes"
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
            return "continue as new"
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
            return "complete"
    return None
