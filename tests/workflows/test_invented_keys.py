"""Messages under keys that nobody ever had, straight through Temporal: malformed, and no workflow waits for such a key."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import RawValue, WorkflowIDConflictPolicy
from temporalio.converter import DataConverter
from temporalio.plugin import SimplePlugin
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

import contract
from domain.vocabulary import Stage
from runtime.known_key_ids import KnownKeyIds
from runtime.payload_codec import ENCRYPTED, KEY_ID, EncryptingCodec
from runtime.payload_keys import PayloadKeys
from runtime.temporal import offramp_plugin
from starter.service import Offramp
from storage.rights import DatabaseRole
from tests.support.histories import NO_FAULTS, histories_of
from tests.support.signing import REQUEST_KEYS
from tests.support.world import AGENT, Mailbox, World, eventually, refused
from worker import WORKFLOWS
from workflows.cancellation.workflow import SubscriptionCancellation

KEY = PayloadKeys.read(f"2026-11:{base64.b64encode(b'k' * 32).decode()}")
INVENTED = RawValue(Payload(metadata={"encoding": ENCRYPTED, KEY_ID: b"nokey"}, data=b"whatever it may be"))
KINDS = [workflow._Definition.must_from_class(kind) for kind in WORKFLOWS]
CASE = workflow._Definition.must_from_class(SubscriptionCancellation)
PATIENCE = timedelta(minutes=2)


@pytest.fixture
async def world(temporal_env: WorkflowEnvironment, database_url: str) -> AsyncIterator[World]:
    """A world whose histories are encrypted, which the client of its environment has no key to read."""
    with Mailbox() as mailbox:
        world = World(temporal_env, database_url, mailbox)
        with temporal_env.with_time_skipping_disabled():
            yield world
        world.close()


@pytest.fixture(params=[KEY, PayloadKeys()], ids=["encrypted", "in clear"])
async def ours(world: World, request: pytest.FixtureRequest) -> Client:
    """A client of the installation, with its keys, or of one without any."""
    return await world.environment.connect_client(plugins=[plugin(world.engines[DatabaseRole.WORKER], request.param)])


@pytest.fixture
async def stranger(world: World) -> Client:
    """A client that sends whatever it wants, and reads what it is answered."""
    sender = offramp_plugin(KEY)
    assert isinstance(sender.data_converter, DataConverter)
    sender.data_converter = replace(sender.data_converter, payload_codec=_Verbatim(KEY))
    return await world.environment.connect_client(plugins=[sender])


class _Verbatim(EncryptingCodec):
    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


def plugin(engine: Engine, keys: PayloadKeys) -> SimplePlugin:
    return offramp_plugin(keys, REQUEST_KEYS, KnownKeyIds(engine, keys))


# A workflow that refuses its input ends in the middle of what else is asked of it.
@pytest.mark.filterwarnings("ignore::temporalio.workflow.UnfinishedSignalHandlersWarning")
@pytest.mark.filterwarnings("ignore::temporalio.workflow.UnfinishedUpdateHandlersWarning")
@pytest.mark.timeout(600)
async def test_no_kind_of_workflow_waits_for_an_invented_key_of_its_input_its_signals_or_its_updates(
    world: World, ours: Client, stranger: Client
) -> None:
    async with world.worker(client=ours):
        started = await asyncio.gather(*(_attacked(stranger, world.task_queue, kind) for kind in KINDS))
    for history in await histories_of(stranger, *(each for ids in started for each in ids)):
        assert _tasks(history, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED), history.workflow_id
        assert not _faults(history), history.workflow_id


@pytest.mark.timeout(600)
async def test_a_case_goes_on_after_messages_under_invented_keys(world: World, ours: Client, stranger: Client) -> None:
    service = Offramp(ours, world.engine, task_queue=world.task_queue).cancellations
    subscription = world.subscription(campaigns=["A"])
    case = stranger.get_workflow_handle(contract.cancellation_workflow_id(subscription))
    async with world.worker(client=ours):
        await service.start(contract.StartCancellation(actor=AGENT, subscription=subscription))
        for name in [*filter(None, CASE.signals), "answer"]:
            await case.signal(name, INVENTED)
        for name in filter(None, CASE.updates.keys() - {contract.UPDATE_RECEIVE}):  # which says how the case is
            asked = case.execute_update(name, INVENTED, id=str(uuid4()))
            assert (await refused(asked)).code == "input_malformed", name
        assert (await case.query(contract.QUERY_STATUS, INVENTED))["stage"] == Stage.INTAKE  # it takes no message

        assert (await service.status(subscription)).stage is Stage.INTAKE
        await service.withdraw(subscription, actor=AGENT, reason="they stay")
        await ours.get_workflow_handle(case.id).result()
    # The signals that ask for something, as any others that cannot be read.
    assert {*world.refusals(subscription)} == {
        ("acknowledge_stop.refused", "input_malformed"),
        ("request_reversal.refused", "input_malformed"),
    }
    [history] = await histories_of(ours, case.id)
    assert not _faults(history)
    replayer = Replayer(workflows=[SubscriptionCancellation], plugins=[plugin(world.engine, KEY)])
    await replayer.replay_workflow(history)


async def test_a_start_under_an_invented_key_keeps_no_customer_from_theirs(
    world: World, ours: Client, stranger: Client
) -> None:
    service, subscription = Offramp(ours, world.engine, task_queue=world.task_queue).cancellations, world.subscription()
    async with world.worker(client=ours):
        workflow_id = contract.cancellation_workflow_id(subscription)
        await _started(stranger, world.task_queue, contract.SUBSCRIPTION_CANCELLATION, workflow_id)
        await service.start(contract.StartCancellation(actor=AGENT, subscription=subscription))
        assert (await service.status(subscription)).stage is Stage.INTAKE
        await service.withdraw(subscription, actor=AGENT, reason="they stay")


async def _attacked(stranger: Client, queue: str, definition: workflow._Definition) -> list[str]:
    """Start workflows of a kind under an invented key, each with a signal or an update under one; their ids."""
    kind = str(definition.name)
    signals, updates = [*filter(None, definition.signals), "unheard_of"], filter(None, definition.updates)
    started = [await _started(stranger, queue, kind, f"{kind}:{uuid4()}", signal) for signal in signals]
    return started + [await _updated(stranger, queue, kind, f"{kind}:{uuid4()}", update) for update in updates]


async def _started(stranger: Client, queue: str, kind: str, workflow_id: str, signal: str = "unheard_of") -> str:
    """Start a workflow, with a signal, and wait until it has taken both up."""
    handle: WorkflowHandle[Any, Any] = await stranger.start_workflow(
        kind,
        INVENTED,
        id=workflow_id,
        task_queue=queue,
        memo={"note": INVENTED},
        start_signal=signal,
        start_signal_args=[INVENTED],
    )

    async def are_taken_up() -> bool:
        return bool(_tasks(await handle.fetch_history(), EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED))

    await eventually(are_taken_up)
    return workflow_id


async def _updated(stranger: Client, queue: str, kind: str, workflow_id: str, update: str) -> str:
    """Start a workflow with an update, and wait for an answer: a refusal, or that the workflow has ended."""
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        kind, INVENTED, id=workflow_id, task_queue=queue, id_conflict_policy=WorkflowIDConflictPolicy.FAIL
    )
    with pytest.raises((WorkflowUpdateFailedError, RPCError)) as failed:
        await stranger.execute_update_with_start_workflow(
            update, INVENTED, start_workflow_operation=start, id=str(uuid4()), rpc_timeout=PATIENCE
        )
    assert not isinstance(failed.value, WorkflowUpdateRPCTimeoutOrCancelledError), update
    return workflow_id


def _tasks(history: Any, of: EventType.ValueType) -> list[Any]:
    return [event for event in history.events if event.event_type == of]


def _faults(history: Any) -> list[str]:
    failed = [
        event.workflow_task_failed_event_attributes
        for event in _tasks(history, EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED)
    ]
    return [each.failure.message for each in failed if each.cause not in NO_FAULTS]
