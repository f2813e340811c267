"""An operator's view of a case while something is broken: code that does not replay, no worker, a lost workflow."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

import contract
from domain.vocabulary import WAITS_FOR_OPERATOR, WAITS_FOR_REPAIR, WAITS_FOR_WORKER, Stage
from starter.service import StillWaiting, descriptions
from storage.rights import DatabaseRole
from tests.support.command_line import CommandLine
from tests.support.databases import as_role
from tests.support.world import AGENT, Mailbox, World, eventually, refused


@workflow.defn(name=contract.SUBSCRIPTION_CANCELLATION, sandboxed=False)
class OtherCode:
    """The cancellation in a version that does not replay what another one began."""

    @workflow.run
    async def run(self, *_: Any) -> None:
        await workflow.sleep(1)


@pytest.fixture
async def world(temporal_env: WorkflowEnvironment, database_url: str) -> AsyncIterator[World]:
    """A world whose worker the test starts and stops."""
    with Mailbox() as mailbox:
        world = World(temporal_env, database_url, mailbox, task_queue=f"incident-{uuid4()}")
        yield world
        for subscription in world.subscriptions:
            if descriptions.is_running(await world.handle(subscription).describe()):
                await world.handle(subscription).terminate("the test is over")
        world.close()


@pytest.fixture
def offramp(temporal_env: WorkflowEnvironment, database_url: str) -> CommandLine:
    return CommandLine(
        {
            "OFFRAMP_DATABASE_URL": as_role(database_url, DatabaseRole.CALLERS),
            "OFFRAMP_ACTOR": AGENT,
            "TEMPORAL_ADDRESS": temporal_env.client.service_client.config.target_host,
            "TEMPORAL_NAMESPACE": temporal_env.client.namespace,
        }
    )


async def opened(world: World) -> str:
    subscription = world.subscription()
    async with world.worker():
        await world.start(subscription, complete=False)
    return subscription


@pytest.mark.soak
async def test_a_case_whose_code_does_not_replay_is_shown_as_suspended_from_its_records(
    world: World, offramp: CommandLine
) -> None:
    subscription = await opened(world)
    other_code = Worker(world.environment.client, task_queue=world.task_queue, workflows=[OtherCode])
    async with other_code:
        with world.environment.with_time_skipping_disabled():
            shown = await offramp("cancellations", "show", subscription)
            as_json = (await offramp("cancellations", "show", subscription, "--json")).json
            late = await refused(world.service.withdraw(subscription, actor=AGENT, reason="they stay"))
            export = await refused(world.offramp.exports.acknowledge(subscription, actor=AGENT))

    assert (shown.status, shown.err) == (0, "")
    assert f"Cancellation {subscription}/1: intake." in shown.out
    assert WAITS_FOR_REPAIR in " ".join(shown.out.split())
    assert "Traceback" not in shown.out
    assert (as_json["waiting_for"], as_json["stage"]) == (WAITS_FOR_REPAIR, Stage.INTAKE)
    assert "is suspended: its code fails" in as_json["held_up_because"]
    assert late.code == export.code == "cancellation_suspended"


async def lose_tasks(world: World, number: int) -> None:
    """Take so many workflow tasks, as workers do that are killed then."""
    client = world.environment.client
    wanted = PollWorkflowTaskQueueRequest(namespace=client.namespace, task_queue=TaskQueue(name=world.task_queue))
    for _ in range(number):
        while not (await client.workflow_service.poll_workflow_task_queue(wanted)).task_token:
            pass


@pytest.mark.soak
async def test_a_workflow_whose_tasks_were_lost_with_their_workers_is_not_said_to_be_suspended(world: World) -> None:
    subscription = await opened(world)
    with world.environment.with_time_skipping_disabled():
        await world.signal_reversal(subscription)
        await lose_tasks(world, descriptions.SUSPENDED_AFTER)

        async def is_tried_again() -> bool:
            return descriptions.may_be_suspended(await world.handle(subscription).describe())

        await eventually(is_tried_again)
        lost = await refused(world.service.withdraw(subscription, actor=AGENT, reason="they stay", request_id="once"))
        status = await world.service.status(subscription)

        async def is_withdrawn() -> bool:
            with suppress(StillWaiting):
                await world.service.withdraw(subscription, actor=AGENT, reason="they stay", request_id="once")
                return True
            return False

        async with world.worker():
            await eventually(is_withdrawn)

    assert (lost.code, status.waiting_for) == ("still_waiting", WAITS_FOR_WORKER)
    assert await world.stage(subscription) is Stage.WITHDRAWN


def test_a_task_that_failed_counts_and_one_that_timed_out_does_not() -> None:
    failed, lost, done, other = (
        HistoryEvent(event_type=kind)
        for kind in (
            EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
            EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
            EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
            EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
        )
    )
    assert descriptions.task_has_failed([other, failed, lost])
    assert not descriptions.task_has_failed([other, lost, failed])
    assert not descriptions.task_has_failed([done, failed])
    assert not descriptions.task_has_failed([])


@pytest.mark.soak
async def test_a_case_that_no_worker_serves_is_shown_from_its_records(world: World, offramp: CommandLine) -> None:
    subscription = await opened(world)

    shown = await offramp("cancellations", "show", subscription)

    assert (shown.status, shown.err) == (0, "")
    assert WAITS_FOR_WORKER in " ".join(shown.out.split())


async def test_a_case_whose_workflow_is_lost_says_so_and_continues_with_the_next_request(world: World) -> None:
    subscription = await opened(world)
    await world.handle(subscription).terminate("by mistake")

    status = await world.service.status(subscription)
    async with world.worker():
        with world.environment.with_time_skipping_disabled():
            withdrawn = await world.service.withdraw(subscription, actor=AGENT, reason="they stay")

    assert (status.stage, status.waiting_for) == (Stage.INTAKE, WAITS_FOR_OPERATOR)
    assert withdrawn.stage is Stage.WITHDRAWN
    assert world.refusals(subscription) == []


async def test_what_holds_a_case_up_is_said_in_words_once(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription()
    world.mailbox.close()
    async with world.worker():
        await world.start(subscription, complete=False)

        async def is_held_up() -> bool:
            return bool((await world.service.status(subscription)).held_up_because)

        await eventually(is_held_up)
        shown = await offramp("cancellations", "show", subscription)
        world.mailbox.open()
        await world.mails_arrived(subscription, 1)

    [line] = [line for line in shown.out.splitlines() if "held up by" in line]
    assert "mail server" in line
    assert "mail_server_unavailable" not in shown.out
