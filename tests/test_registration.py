"""Workers host every workflow and every activity that the packages define, each on its queue."""

import base64
import importlib
import inspect
import json
import pkgutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine
from temporalio import activity, workflow
from temporalio.testing import WorkflowEnvironment

import activities
import workflows
from activities.messaging.http_client import HttpClient
from activities.messaging.mail import MailSettings
from activities.messaging.webhook_settings import WebhookSettings
from contract import WorkQueue
from runtime.queues import connections, threads
from worker import WORKFLOWS, WORKFLOWS_OF_A_VERSION, Workers, create_workers

HISTORIES = Path(__file__).parent / "histories"


@pytest.fixture
async def workers(temporal_env: WorkflowEnvironment) -> AsyncIterator[Workers]:
    """Workers that are put together and not started: their engine never connects."""
    with HttpClient() as http:
        yield create_workers(
            temporal_env.client,
            create_engine("postgresql+psycopg://nowhere.invalid/offramp"),
            http,
            mail=MailSettings(smtp_url=SecretStr("smtp://localhost"), mail_from="billing@offramp.example"),
            webhooks=WebhookSettings(),
            task_queue=f"test-{uuid4()}",
        )


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """Every module of a package."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(module.name)


def defined_activities() -> Iterator[Callable[..., Any]]:
    """Every function and method under ``@activity.defn``."""
    for module in modules(activities):
        scopes = [module, *(kind for _, kind in inspect.getmembers(module, inspect.isclass))]
        for scope in scopes:
            for _, function in inspect.getmembers(scope, inspect.isfunction):
                if activity._Definition.from_callable(function) and function.__module__ == module.__name__:
                    yield function


def defined_workflows() -> Iterator[type]:
    """Every class under ``@workflow.defn``."""
    for module in modules(workflows):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if workflow._Definition.from_class(kind) and kind.__module__ == module.__name__:
                yield kind


def local_activity(event: dict[str, Any]) -> dict[str, Any] | None:
    """The marker of a local activity in a history; none where an event is about something else."""
    marker = event.get("markerRecordedEventAttributes", {})
    if marker.get("markerName") != "core_local_activity":
        return None
    read: dict[str, Any] = json.loads(base64.b64decode(marker["details"]["data"]["payloads"][0]["data"]))
    return read


def activity_name(function: Callable[..., Any]) -> str:
    return str(activity._Definition.must_from_callable(function).name)


def workflow_name(kind: type) -> str:
    return str(workflow._Definition.must_from_class(kind).name)


def activities_by_queue(workers: Workers) -> dict[WorkQueue, Counter[str]]:
    """The names of the activities that each queue's worker runs."""
    return {
        queue: Counter(activity_name(function) for function in worker.config()["activities"])
        for queue, worker in workers.by_queue.items()
    }


async def test_every_activity_is_on_exactly_one_queue_and_beside_the_workflows(workers: Workers) -> None:
    defined = {activity_name(function): function.__qualname__ for function in defined_activities()}
    hosted = activities_by_queue(workers)
    beside_the_workflows = hosted.pop(WorkQueue.WORKFLOWS)
    assert sum(hosted.values(), Counter()) == Counter(defined.keys())
    assert beside_the_workflows == Counter(defined.keys())
    assert "open_case" in hosted[WorkQueue.RECORDS]


def test_no_two_activities_have_one_name() -> None:
    names = Counter(activity_name(function) for function in set(defined_activities()))
    assert [name for name, times in names.items() if times > 1] == []


def test_no_activity_is_interrupted_in_the_middle_of_its_thread() -> None:
    """The SDK would raise its exception anywhere, also where a connection or a file is being closed, and leave it open."""
    definitions = [activity._Definition.must_from_callable(function) for function in set(defined_activities())]
    assert [each.name for each in definitions if not each.is_async and not each.no_thread_cancel_exception] == []


async def test_the_workers_host_every_workflow_once(workers: Workers) -> None:
    hosted = Counter(
        workflow_name(kind) for worker in workers.by_queue.values() for kind in worker.config()["workflows"]
    )
    # The nightly update has a second definition under its name, for workers that are a version of a deployment.
    assert hosted == Counter({workflow_name(kind) for kind in defined_workflows()})
    assert {*WORKFLOWS, *WORKFLOWS_OF_A_VERSION} == set(defined_workflows())
    assert "SubscriptionCancellation" in hosted


async def test_what_the_recorded_lives_do_at_once_is_on_the_queue_of_the_records(workers: Workers) -> None:
    """A step that does not succeed at once continues on that queue (`workflows.common.steps.recorded`)."""
    at_once = {
        marker["activity_type"]
        for file in HISTORIES.glob("*.json")
        for event in json.loads(file.read_text("utf-8"))["events"]
        if (marker := local_activity(event)) is not None
    }
    assert "take_effect" in at_once
    assert at_once <= set(activities_by_queue(workers)[WorkQueue.RECORDS])


async def test_every_queue_has_slots_and_its_process_a_connection_for_each_thread(workers: Workers) -> None:
    for queue, worker in workers.by_queue.items():
        config = worker.config()
        local = config["max_concurrent_local_activities"] or 0
        executor = config["activity_executor"]
        assert isinstance(executor, ThreadPoolExecutor)
        assert executor._max_workers == (config["max_concurrent_activities"] or 0) + local == threads(queue)
        assert config["task_queue"] == queue.task_queue(workers.by_queue[WorkQueue.WORKFLOWS].config()["task_queue"])
    assert connections(WorkQueue) == sum(threads(queue) for queue in WorkQueue)
