"""Encrypted payloads and workers without their key: the task fails and waits, and nothing is refused or lost."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.common import RawValue
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

import contract
from contract import WorkQueue
from domain.vocabulary import WAITS_FOR_REPAIR, Stage
from runtime.known_key_ids import KnownKeyIds
from runtime.payload_codec import ENCRYPTED, KEY_ID, EncryptionKeyMissing
from runtime.payload_keys import PayloadKeys
from runtime.temporal import offramp_plugin
from starter.service import CancellationSuspended, Offramp, StillWaiting
from starter.service.cancellation import CancellationClient
from storage.rights import DatabaseRole
from tests.support.histories import histories_of
from tests.support.world import AGENT, Mailbox, World, eventually, refused
from workflows.cancellation.workflow import SubscriptionCancellation

CALLED = contract.Attestation(reason="called back on the number on file")


PATIENCE = 400
KEY = PayloadKeys.read(f"2026-11:{base64.b64encode(b'k' * 32).decode()}")


@pytest.fixture
async def world(temporal_env: WorkflowEnvironment, database_url: str) -> AsyncIterator[World]:
    """A world without a worker, in which workflow tasks may fail for want of a key, and for nothing else."""
    with Mailbox() as mailbox:
        world = World(temporal_env, database_url, mailbox)
        yield world
        world.close()


@pytest.fixture
async def client(world: World) -> Client:
    """A client with the key."""
    return await _client_of(world, KEY)


@pytest.fixture
async def lacking(world: World) -> Client:
    """A client of the same installation without it."""
    return await _client_of(world, PayloadKeys())


async def _client_of(world: World, keys: PayloadKeys) -> Client:
    known = KnownKeyIds(world.engines[DatabaseRole.WORKER], keys)
    return await world.environment.connect_client(plugins=[offramp_plugin(keys, known=known)])


@pytest.mark.soak
async def test_a_signal_waits_for_a_worker_with_its_key(world: World, client: Client, lacking: Client) -> None:
    service, reversing = service_of(world, client), world.subscription()
    with world.environment.with_time_skipping_disabled():
        async with world.worker(client=client):
            await service.start(complete(world, reversing))
            await eventually(lambda: _is_in(service, reversing, Stage.CANCELED))
        async with world.worker(client=lacking):
            reversal = contract.RequestReversal(actor=AGENT, identity=world.identity(reversing))
            await _handle(client, reversing).signal(contract.REQUEST_REVERSAL, reversal)
            await eventually(lambda: _misses_its_key(client, reversing))
        async with world.worker(client=client):
            await eventually(lambda: _is_in(service, reversing, Stage.REVERSED))
    await assert_nothing_was_refused(world, client, reversing)


@pytest.mark.soak
@pytest.mark.timeout(3 * PATIENCE)
async def test_requests_wait_for_a_worker_with_their_key(world: World, client: Client, lacking: Client) -> None:
    service, answering, starting = service_of(world, client), world.subscription(), world.subscription()

    async def start() -> None:
        await service.start(complete(world, starting, request_id="start-1"))

    async def answer() -> None:
        await service.answer(answering, world.answers(answering), actor=AGENT, request_id="answer-1")

    with world.environment.with_time_skipping_disabled():
        async with world.worker(client=client):
            await service.start(contract.StartCancellation(actor=AGENT, subscription=answering, attestation=CALLED))
        async with world.worker(client=lacking):
            assert not await _is_answered(start)
            assert not await _is_answered(answer)
            assert await _misses_its_key(client, starting)
            assert await _misses_its_key(client, answering)
            assert (await world.service.status(answering)).waiting_for == WAITS_FOR_REPAIR
        async with world.worker(client=client):
            # Temporal tries a task that has failed more and more seldom, and it has failed as often as that took to look.
            await eventually(lambda: _is_answered(start), within=PATIENCE)
            await eventually(lambda: _is_answered(answer), within=PATIENCE)
            for subscription in (answering, starting):
                await eventually(lambda subscription=subscription: _is_in(service, subscription, Stage.CANCELED))  # type: ignore[misc]
    await assert_nothing_was_refused(world, client, answering, starting)


async def test_an_activity_waits_for_a_worker_with_the_key_of_its_arguments(
    world: World, client: Client, lacking: Client
) -> None:
    service, subscription = (
        Offramp(client, world.engine, task_queue=world.task_queue).cancellations,
        world.subscription(),
    )
    with world.environment.with_time_skipping_disabled():
        async with world.worker(client=client, hosted=[WorkQueue.WORKFLOWS]):
            async with world.worker(client=lacking, hosted=[WorkQueue.MAIL]):
                await service.start(contract.StartCancellation(subscription=subscription, actor=AGENT))
                await eventually(lambda: _is_tried_again(client, subscription))
                assert not world.mailbox.of(subscription)
            async with world.worker(client=client, hosted=[WorkQueue.MAIL]):
                await world.mails_arrived(subscription, 1)
            await service.withdraw(subscription, actor=AGENT, reason="they stay")
    [history] = await histories_of(client, contract.cancellation_workflow_id(subscription))
    await Replayer(workflows=[SubscriptionCancellation], plugins=[offramp_plugin(KEY)]).replay_workflow(history)
    with pytest.raises(RuntimeError, match=EncryptionKeyMissing.__name__):
        await Replayer(workflows=[SubscriptionCancellation], plugins=[offramp_plugin()]).replay_workflow(history)


async def test_what_only_claims_to_be_encrypted_is_malformed(world: World) -> None:
    subscription = world.subscription()
    unlike = RawValue(Payload(metadata={"encoding": ENCRYPTED}, data=b"\x00"))
    unnamed = RawValue(Payload(metadata={"encoding": ENCRYPTED, KEY_ID: b"\xff"}, data=b"\x00"))
    async with world.worker():
        await world.start(subscription, complete=False)
        for sent in (unlike, unnamed):
            asked = world.handle(subscription).execute_update(contract.UPDATE_ANSWER, sent, id=str(uuid4()))
            assert (await refused(asked)).code == "input_malformed"
        await world.service.withdraw(subscription, actor=AGENT, reason="they stay")


def service_of(world: World, client: Client) -> CancellationClient:
    return Offramp(client, world.engine, task_queue=world.task_queue).cancellations


def complete(world: World, subscription: str, **fields: Any) -> contract.StartCancellation:
    answers = world.answers(subscription)
    return contract.StartCancellation(
        actor=AGENT, subscription=subscription, answers=answers, attestation=CALLED, **fields
    )


async def assert_nothing_was_refused(world: World, client: Client, *subscriptions: str) -> None:
    """No request was refused, and every history replays where the key is."""
    assert not any(world.refusals(subscription) for subscription in subscriptions)
    replayer = Replayer(workflows=[SubscriptionCancellation], plugins=[offramp_plugin(KEY)])
    for history in await histories_of(client, *map(contract.cancellation_workflow_id, subscriptions)):
        await replayer.replay_workflow(history)


def _handle(client: Client, subscription: str) -> WorkflowHandle[Any, Any]:
    return client.get_workflow_handle(contract.cancellation_workflow_id(subscription))


async def _is_in(service: CancellationClient, subscription: str, stage: Stage) -> bool:
    return (await service.status(subscription)).stage is stage


async def _is_answered(ask: Callable[[], Awaitable[None]]) -> bool:
    """Whether a request is answered; fails where it is refused for anything but a task that fails."""
    try:
        await ask()
    except (CancellationSuspended, StillWaiting):
        return False
    return True


async def _misses_its_key(client: Client, subscription: str) -> bool:
    """Whether a task of the case failed for want of the key; fails where one failed for anything else."""
    history = await _handle(client, subscription).fetch_history()
    failures = [
        event.workflow_task_failed_event_attributes.failure
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]
    assert {failure.application_failure_info.type for failure in failures} <= {EncryptionKeyMissing.__name__}
    return bool(failures)


async def _is_tried_again(client: Client, subscription: str) -> bool:
    described = await _handle(client, subscription).describe()
    return any(
        pending.attempt > 1
        and pending.last_failure.cause.application_failure_info.type == EncryptionKeyMissing.__name__
        for pending in described.raw_description.pending_activities
    )
