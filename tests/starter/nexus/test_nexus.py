"""The Nexus service, called by workflows of somebody with a namespace of their own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError, NexusOperationError
from temporalio.service import RPCError
from temporalio.worker import Worker

from contract import Answer, CancellationStatus, RequestReversal, StartCancellation
from contract.nexus import AnswerQuestions, AskStatus, CancellationService, Reverse
from domain.vocabulary import Stage
from runtime.temporal import offramp_plugin
from starter.nexus.worker import nexus_worker
from tests.support.world import World, eventually
from tests.workflows.conftest import shared_world, world

__all__ = ["shared_world", "world"]

FORMS: dict[str, Any] = {
    "start": StartCancellation,
    "answer": AnswerQuestions,
    "reverse": Reverse,
    "status": AskStatus,
}


@workflow.defn(sandboxed=False)
class SupportTicket:
    """A workflow of a support system, which makes one call."""

    @workflow.run
    async def run(self, endpoint: str, operation: str, message: dict[str, Any]) -> CancellationStatus:
        client = workflow.create_nexus_client(service=CancellationService, endpoint=endpoint)
        status: CancellationStatus = await client.execute_operation(
            getattr(CancellationService, operation),
            FORMS[operation].model_validate(message),
            schedule_to_close_timeout=timedelta(seconds=60),
        )
        return status


@dataclass
class SupportSystem:
    """A caller with a namespace and a worker of its own."""

    client: Client
    endpoint: str
    task_queue: str

    async def asks(self, operation: str, message: Any) -> CancellationStatus:
        given = [self.endpoint, operation, message.model_dump(mode="json")]
        status: CancellationStatus = await self.client.execute_workflow(
            SupportTicket.run, args=given, id=str(uuid4()), task_queue=self.task_queue
        )
        return status


@pytest.fixture
async def support_system(world: World) -> AsyncIterator[SupportSystem]:
    temporal = world.environment.client
    namespace, nexus_queue = f"support-{uuid4()}", f"nexus-{uuid4()}"
    request = RegisterNamespaceRequest(namespace=namespace)
    request.workflow_execution_retention_period.FromTimedelta(timedelta(days=1))
    await temporal.workflow_service.register_namespace(request)
    address = temporal.service_client.config.target_host
    client = await Client.connect(address, namespace=namespace, plugins=[offramp_plugin()])
    unsigned = await world.environment.connect_client(plugins=[offramp_plugin()])
    endpoint = await world.environment.create_nexus_endpoint(f"offramp-{uuid4()}", nexus_queue)

    async def is_known() -> bool:
        try:
            await client.count_workflows()
        except RPCError:
            return False
        return True

    await eventually(is_known)
    tickets = Worker(client, task_queue="tickets", workflows=[SupportTicket])
    with world.environment.with_time_skipping_disabled():
        async with nexus_worker(unsigned, unsigned, task_queue=nexus_queue, workflows=world.task_queue), tickets:
            yield SupportSystem(client, endpoint.spec.name, "tickets")
    await world.environment.delete_nexus_endpoint(endpoint)


async def test_a_case_is_started_answered_and_reversed_from_another_namespace(
    world: World, support_system: SupportSystem
) -> None:
    subscription = world.subscription()
    opened = await support_system.asks("start", StartCancellation(subscription=subscription, actor="crm"))
    assert (opened.cancellation, opened.stage) == (f"{subscription}/1", Stage.INTAKE)
    again = await support_system.asks("start", StartCancellation(subscription=subscription, actor="crm"))
    assert again.request_id == opened.request_id, "the one that runs is the answer"
    answers = Answer(actor="crm", answers=world.answers(subscription))
    answered = await support_system.asks("answer", AnswerQuestions(subscription=subscription, request=answers))
    assert answered.open_questions == ()
    await world.service.attest(subscription, actor="agent-8", reason="known by voice")

    async def has_taken_effect() -> bool:
        shown = await support_system.asks("status", AskStatus(subscription=subscription))
        return shown.stage is Stage.CANCELED

    await eventually(has_taken_effect)
    reversal = RequestReversal(actor="crm", identity=world.identity(subscription))
    reversed_ = await support_system.asks("reverse", Reverse(subscription=subscription, request=reversal))
    assert reversed_.stage is Stage.REVERSED
    assert world.case(subscription).opened_by == "temporal:crm", "nobody has verified who that is"


async def test_a_refusal_has_its_code_in_the_callers_namespace(world: World, support_system: SupportSystem) -> None:
    with pytest.raises(WorkflowFailureError) as failed:
        await support_system.asks("start", StartCancellation(subscription="SUB-NOWHERE", actor="crm"))
    operation = failed.value.cause
    assert isinstance(operation, NexusOperationError)
    causes = []
    cause = operation.cause
    while cause is not None:
        causes.append(cause)
        cause = cause.__cause__
    assert [each.type for each in causes if isinstance(each, ApplicationError)][-1] == "subscription_unknown"


async def test_a_signature_of_a_caller_is_not_passed_on(world: World, support_system: SupportSystem) -> None:
    subscription = world.subscription()
    message = StartCancellation(subscription=subscription, actor="boss", signature="tests.0123")
    await support_system.asks("start", message)
    assert world.case(subscription).opened_by == "temporal:boss"


async def test_what_does_not_run_is_not_there(world: World, support_system: SupportSystem) -> None:
    with pytest.raises(WorkflowFailureError) as failed:
        await support_system.asks("status", AskStatus(subscription=world.subscription()))
    assert "No cancellation of this subscription runs" in repr(failed.value.cause.__cause__)
