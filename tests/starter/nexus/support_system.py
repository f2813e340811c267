"""A support system with a Temporal namespace, a worker and keys of its own, which calls the service by Nexus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from temporalio import workflow
from temporalio.api.operatorservice.v1 import DeleteNexusEndpointRequest, ListNexusEndpointsRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, NexusOperationError
from temporalio.service import RPCError
from temporalio.worker import Worker

from contract import CancellationStatus, StartCancellation
from contract.common import Message
from contract.nexus import AnswerQuestions, AskStatus, CancellationService, Reverse
from runtime.named_keys import NamedKey
from runtime.payload_keys import PayloadKeys
from runtime.temporal import offramp_plugin
from starter.nexus.endpoint import ensure_endpoint
from starter.nexus.payloads import callers_plugin
from starter.nexus.worker import nexus_worker
from tests.support.outcomes import eventually
from tests.support.world import World

FORMS: dict[str, Any] = {
    "start": StartCancellation,
    "answer": AnswerQuestions,
    "reverse": Reverse,
    "status": AskStatus,
}
TICKETS = "tickets"
"""The task queue of the support system."""


def keys(*names: str) -> PayloadKeys:
    """Keys with these names, each another one."""
    return PayloadKeys(tuple(NamedKey(name, name.encode().ljust(32, b"-")) for name in names))


@workflow.defn(sandboxed=False)
class SupportTicket:
    """A workflow of a support system, which makes one call."""

    @workflow.run
    async def run(self, endpoint: str, operation: str, message: dict[str, Any]) -> CancellationStatus:
        client = workflow.create_nexus_client(service=CancellationService, endpoint=endpoint)
        status: CancellationStatus = await client.execute_operation(
            getattr(CancellationService, operation),
            FORMS[operation].model_validate(message),
            schedule_to_close_timeout=timedelta(seconds=90),
        )
        return status


@workflow.defn(sandboxed=False)
class CarelessTicket:
    """The same of a support system that knows no types."""

    @workflow.run
    async def run(self, endpoint: str, operation: str, message: Any) -> Any:
        client = workflow.create_nexus_client(service="Cancellations", endpoint=endpoint)
        return await client.execute_operation(operation, message, schedule_to_close_timeout=timedelta(seconds=90))


@dataclass
class SupportSystem:
    """A caller with a namespace and a worker of its own."""

    client: Client
    endpoint: str

    async def asks(self, operation: str, message: Any) -> CancellationStatus:
        status: CancellationStatus = await (await self.begins(operation, message)).result()
        return status

    async def begins(self, operation: str, message: Any) -> WorkflowHandle[Any, Any]:
        """Begin a call; the workflow that makes it. What is no message is sent as it is."""
        ticket = SupportTicket.run if isinstance(message, Message) else CarelessTicket.run
        sent = message.model_dump(mode="json") if isinstance(message, Message) else message
        return await self.client.start_workflow(
            ticket, args=[self.endpoint, operation, sent], id=str(uuid4()), task_queue=TICKETS
        )

    async def is_refused(self, operation: str, message: Any) -> ApplicationError:
        """Make a call that must be refused; the refusal, as its caller finds it."""
        try:
            status = await self.asks(operation, message)
        except WorkflowFailureError as failed:
            return refusal_in(failed)
        raise AssertionError(f"that should have been refused: {status}")


def refusal_in(failed: WorkflowFailureError) -> ApplicationError:
    """The innermost cause of the operation's failure."""
    assert isinstance(failed.cause, NexusOperationError)
    cause: BaseException | None = failed.cause
    refusals = []
    while cause is not None:
        refusals.append(cause)
        cause = cause.__cause__
    assert isinstance(refusals[-1], ApplicationError), refusals
    return refusals[-1]


@asynccontextmanager
async def support_system(temporal: Client, endpoint: str, keys: PayloadKeys) -> AsyncIterator[SupportSystem]:
    """Run a support system on a Temporal server."""
    request = RegisterNamespaceRequest(namespace=f"support-{uuid4()}")
    request.workflow_execution_retention_period.FromTimedelta(timedelta(days=1))
    await temporal.workflow_service.register_namespace(request)
    address = temporal.service_client.config.target_host
    client = await Client.connect(address, namespace=request.namespace, plugins=[offramp_plugin(keys)])

    async def is_known() -> bool:
        try:
            await client.count_workflows()
        except RPCError:
            return False
        return True

    await eventually(is_known)
    async with Worker(client, task_queue=TICKETS, workflows=[SupportTicket, CarelessTicket]):
        yield SupportSystem(client, endpoint)


@asynccontextmanager
async def service_for(world: World, *, callers: PayloadKeys, workflows: str | None = None) -> AsyncIterator[str]:
    """Host the service for callers with some keys; the name of its endpoint."""
    name, queue = f"offramp-{uuid4()}", f"nexus-{uuid4()}"
    hosted = await world.environment.connect_client(plugins=[callers_plugin(callers)])
    unsigned = await world.environment.connect_client(plugins=[offramp_plugin()])
    await ensure_endpoint(unsigned, name, task_queue=queue)
    with world.environment.with_time_skipping_disabled():
        async with nexus_worker(hosted, unsigned, task_queue=queue, workflows=workflows or world.task_queue):
            yield name
    await remove_endpoint(unsigned, name)


async def remove_endpoint(client: Client, name: str) -> None:
    """Take an endpoint away."""
    listed = await client.operator_service.list_nexus_endpoints(ListNexusEndpointsRequest(name=name))
    for each in listed.endpoints:
        removed = DeleteNexusEndpointRequest(id=each.id, version=each.version)
        await client.operator_service.delete_nexus_endpoint(removed)
