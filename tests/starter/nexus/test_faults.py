"""The Nexus service while parts of it are down, and callers that give up: nothing is lost, and nothing done twice."""

import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError

from contract import TASK_QUEUE, StartCancellation
from contract.nexus import NEXUS_TASK_QUEUE
from domain.vocabulary import Stage
from runtime.payload_keys import PayloadKeys
from starter.nexus.endpoint import ensure_endpoint
from tests.starter.nexus.support_system import keys, service_for, support_system
from tests.support.databases import migrated_database
from tests.support.processes import python
from tests.support.servers import temporal_server
from tests.support.world import Mailbox, World, eventually

OF_SERVICE, OF_CALLERS = keys("service"), keys("crm")
ENDPOINT = "offramp"


async def is_started(world: World, subscription: str) -> None:
    """Wait until a request has reached the workflow of its case, which nobody runs."""

    async def is_there() -> bool:
        try:
            await world.handle(subscription).describe()
        except RPCError:
            return False
        return True

    await eventually(is_there)


async def test_a_caller_that_gives_up_gets_its_own_way_and_undoes_nothing(idle_world: World) -> None:
    world, subscription = idle_world, idle_world.subscription()
    message = StartCancellation(subscription=subscription, actor="crm", request_id="ticket-1")
    async with (
        service_for(world, callers=PayloadKeys()) as endpoint,
        support_system(world.environment.client, endpoint, PayloadKeys()) as caller,
    ):
        ticket = await caller.begins("start", message)
        await is_started(world, subscription)
        await ticket.cancel()
        with pytest.raises(WorkflowFailureError) as failed:
            await ticket.result()
        assert isinstance(failed.value.cause, CancelledError)
        async with world.worker():
            again = await caller.asks("start", message)
            assert (again.stage, again.request_id) == (Stage.INTAKE, "ticket-1")
        assert world.actions(subscription).count("cancellation.opened") == 1


@asynccontextmanager
async def encrypted_world(postgres_url: str, template_database: str) -> AsyncIterator[World]:
    """A world on a server of its own, whose payloads are encrypted; no worker runs yet."""
    async with temporal_server(keys=OF_SERVICE) as environment:
        with migrated_database(postgres_url, template_database) as url, Mailbox() as mailbox:
            world = World(environment, url, mailbox, task_queue=TASK_QUEUE)
            yield world
            world.close()


def text_of(given: PayloadKeys) -> str:
    return " ".join(f"{key.name}:{base64.b64encode(key.secret).decode()}" for key in given)


async def test_an_operation_outlives_the_process_that_was_killed_with_it_and_is_one_request(
    postgres_url: str, template_database: str
) -> None:
    async with encrypted_world(postgres_url, template_database) as world:
        temporal, subscription = world.environment.client, world.subscription()
        process = {
            "TEMPORAL_ADDRESS": temporal.service_client.config.target_host,
            "TEMPORAL_NAMESPACE": temporal.namespace,
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "OFFRAMP_PAYLOAD_KEYS": text_of(OF_SERVICE),
            "OFFRAMP_NEXUS_KEYS": text_of(OF_CALLERS),
        }
        await ensure_endpoint(temporal, ENDPOINT, task_queue=NEXUS_TASK_QUEUE)
        async with support_system(temporal, ENDPOINT, OF_CALLERS) as caller:
            with world.environment.with_time_skipping_disabled():
                ticket = await caller.begins("start", StartCancellation(subscription=subscription, actor="crm"))
                with python("-m", "starter.nexus", environment=process) as killed:
                    await is_started(world, subscription)
                    killed.kill()
                with python("-m", "starter.nexus", environment=process):
                    async with world.worker():
                        status = await ticket.result()
                    assert (status.cancellation, status.stage) == (f"{subscription}/1", Stage.INTAKE)
                    assert world.actions(subscription).count("cancellation.opened") == 1
