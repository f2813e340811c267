"""The Nexus service, called by workflows of somebody with a namespace of their own."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import WorkflowFailureError
from temporalio.worker import Worker

from contract import (
    SUBSCRIPTION_CANCELLATION,
    UPDATE_RECEIVE,
    Answer,
    CancellationStatus,
    RequestReversal,
    StartCancellation,
)
from contract.nexus import AnswerQuestions, AskStatus, Reverse
from domain.vocabulary import Stage
from runtime.payload_keys import PayloadKeys
from starter.nexus.endpoint import NexusEndpointTaken, ensure_endpoint
from tests.starter.nexus.support_system import SupportSystem, remove_endpoint, service_for, support_system
from tests.support.world import World, eventually


async def test_a_case_is_started_answered_and_reversed_from_another_namespace(
    world: World, caller: SupportSystem
) -> None:
    subscription = world.subscription()
    opened = await caller.asks("start", StartCancellation(subscription=subscription, actor="crm"))
    assert (opened.cancellation, opened.stage) == (f"{subscription}/1", Stage.INTAKE)
    again = await caller.asks("start", StartCancellation(subscription=subscription, actor="crm"))
    assert again.request_id == opened.request_id, "the one that runs is the answer"
    answers = Answer(actor="crm", answers=world.answers(subscription))
    answered = await caller.asks("answer", AnswerQuestions(subscription=subscription, request=answers))
    assert answered.open_questions == ()
    await world.service.attest(subscription, actor="agent-8", reason="known by voice")
    await has_taken_effect(caller, subscription)
    reversal = RequestReversal(actor="crm", identity=world.identity(subscription))
    reversed_ = await caller.asks("reverse", Reverse(subscription=subscription, request=reversal))
    assert reversed_.stage is Stage.REVERSED
    assert world.case(subscription).opened_by == "temporal:crm", "nobody has verified who that is"


async def test_the_same_request_in_two_operations_is_one(world: World, caller: SupportSystem) -> None:
    subscription = world.subscription()
    start = StartCancellation(subscription=subscription, actor="crm", request_id="ticket-1")
    first, second = await asyncio.gather(caller.asks("start", start), caller.asks("start", start))
    assert first.request_id == second.request_id == "ticket-1"
    answers = Answer(actor="crm", answers=world.answers(subscription))
    message = AnswerQuestions(subscription=subscription, request=answers, request_id="ticket-1")
    for _ in range(2):
        answered = await caller.asks("answer", message)
        assert answered.open_questions == ()
    await world.service.attest(subscription, actor="agent-8", reason="known by voice")
    await has_taken_effect(caller, subscription)
    request = RequestReversal(actor="crm", identity=world.identity(subscription))
    reversal = Reverse(subscription=subscription, request=request, request_id="ticket-1")
    assert (await caller.asks("reverse", reversal)).stage is Stage.REVERSED
    await world.handle(subscription).result()
    assert (await caller.asks("reverse", reversal)).stage is Stage.REVERSED, "its first answer, also after the end"
    for action in ("cancellation.opened", "checklist.answered", "cancellation.reversed"):
        assert world.actions(subscription).count(action) == 1, action


async def test_the_status_of_a_case_that_has_ended_is_its_last_one(world: World, caller: SupportSystem) -> None:
    subscription = world.subscription()
    await caller.asks("start", StartCancellation(subscription=subscription, actor="crm"))
    await world.service.withdraw(subscription, actor="agent-8", reason="stays")
    await world.handle(subscription).result()
    assert (await caller.asks("status", AskStatus(subscription=subscription))).stage is Stage.WITHDRAWN


async def test_a_start_after_the_end_of_a_case_opens_the_next_one(world: World, caller: SupportSystem) -> None:
    subscription = world.subscription()
    await caller.asks("start", StartCancellation(subscription=subscription, actor="crm"))
    await world.service.withdraw(subscription, actor="agent-8", reason="stays")  # which still has its mail to send
    opened = await caller.asks("start", StartCancellation(subscription=subscription, actor="crm"))
    assert (opened.cancellation, opened.stage) == (f"{subscription}/2", Stage.INTAKE)


async def test_a_refusal_has_its_code_and_its_way_out_in_the_callers_namespace(caller: SupportSystem) -> None:
    refusal = await caller.is_refused("start", StartCancellation(subscription="SUB-NOWHERE", actor="crm"))
    assert refusal.type == "subscription_unknown"
    assert "SUB-NOWHERE" in refusal.message
    assert refusal.details[0]["values"] == {"subscription": "SUB-NOWHERE"}


async def test_a_message_with_invisible_characters_is_refused_as_at_every_door(
    world: World, caller: SupportSystem
) -> None:
    subscription = world.subscription()
    refusal = await caller.is_refused("start", StartCancellation(subscription=subscription, actor="crm\u202e"))
    assert refusal.type == "input_malformed"


async def test_what_only_the_service_may_say_is_not_passed_on(world: World, caller: SupportSystem) -> None:
    subscription = world.subscription()
    message = StartCancellation(
        subscription=subscription, actor="boss", signature="tests.0123", continues=f"{subscription}/1"
    )
    opened = await caller.asks("start", message)
    assert opened.stage is Stage.INTAKE
    assert world.case(subscription).opened_by == "temporal:boss"
    assert world.actions(subscription).count("cancellation.opened") == 1


async def test_what_does_not_run_is_not_there(world: World, caller: SupportSystem) -> None:
    subscription = world.subscription()
    answer = Answer(actor="crm", answers={"data": "none"})
    for operation, message in (
        ("status", AskStatus(subscription=subscription)),
        ("answer", AnswerQuestions(subscription=subscription, request=answer)),
    ):
        with pytest.raises(WorkflowFailureError) as failed:
            await caller.asks(operation, message)
        assert failed.value.cause is not None
        assert "No cancellation of this subscription runs" in repr(failed.value.cause.__cause__)


@workflow.defn(name=SUBSCRIPTION_CANCELLATION, sandboxed=False)
class EndsAsItAnswers:
    """A case whose workflow ends in the task that takes the request, so that Temporal has no answer but its result."""

    def __init__(self) -> None:
        self._is_asked = False

    @workflow.run
    async def run(self, start: StartCancellation) -> CancellationStatus:
        await workflow.wait_condition(lambda: self._is_asked)
        return ENDED.model_copy(update={"subscription": start.subscription})

    @workflow.update(name=UPDATE_RECEIVE, unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def receive(self, _: StartCancellation) -> CancellationStatus:
        self._is_asked = True
        await workflow.wait_condition(lambda: False)
        raise AssertionError("it has ended")


ENDED = CancellationStatus(
    cancellation="SUB-1/1",
    request_id="ticket-1",
    subscription="SUB-1",
    organization="ORG-1",
    stage=Stage.ABANDONED,
    time_zone="UTC",
    received_at=datetime(2026, 11, 30, tzinfo=UTC),
    waiting_for="nothing",
)


async def test_a_request_whose_only_answer_is_the_result_of_the_workflow_gets_that(world: World) -> None:
    queue, subscription = f"ends-{uuid4()}", f"SUB-{uuid4()}"
    temporal = world.environment.client
    async with (
        Worker(temporal, task_queue=queue, workflows=[EndsAsItAnswers]),
        service_for(world, callers=PayloadKeys(), workflows=queue) as endpoint,
        support_system(temporal, endpoint, PayloadKeys()) as caller,
    ):
        answer = await caller.asks("start", StartCancellation(subscription=subscription, actor="crm"))
    assert (answer.subscription, answer.stage) == (subscription, Stage.ABANDONED)


async def test_the_endpoint_is_made_once_and_one_that_leads_elsewhere_is_left_alone(world: World) -> None:
    temporal, name = world.environment.client, f"offramp-{uuid4()}"
    await asyncio.gather(*(ensure_endpoint(temporal, name, task_queue="nexus") for _ in range(3)))
    await ensure_endpoint(temporal, name, task_queue="nexus")
    with pytest.raises(NexusEndpointTaken, match="the task queue nexus of the namespace default"):
        await ensure_endpoint(temporal, name, task_queue="another")
    await remove_endpoint(temporal, name)


async def has_taken_effect(caller: SupportSystem, subscription: str) -> None:
    async def is_canceled() -> bool:
        shown = await caller.asks("status", AskStatus(subscription=subscription))
        return shown.stage is Stage.CANCELED

    await eventually(is_canceled)
