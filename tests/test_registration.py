"""A worker hosts every workflow and every activity that the packages define."""

import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine
from temporalio import activity, workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

import activities
import workflows
from activities.messaging.http_client import HttpClient
from activities.messaging.mail import MailSettings
from activities.messaging.webhooks import WebhookSettings
from worker import CONCURRENT_ACTIVITIES, create_worker


@pytest.fixture
async def worker(temporal_env: WorkflowEnvironment) -> AsyncIterator[Worker]:
    """A worker that is put together and not started: its engine never connects."""
    with ThreadPoolExecutor(CONCURRENT_ACTIVITIES) as executor, HttpClient() as http:
        yield create_worker(
            temporal_env.client,
            create_engine("postgresql+psycopg://nowhere.invalid/offramp"),
            executor,
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


def activity_name(function: Callable[..., Any]) -> str:
    return str(activity._Definition.must_from_callable(function).name)


def workflow_name(kind: type) -> str:
    return str(workflow._Definition.must_from_class(kind).name)


async def test_the_worker_hosts_every_activity_once(worker: Worker) -> None:
    defined = {activity_name(function): function.__qualname__ for function in defined_activities()}
    hosted = Counter(activity_name(function) for function in worker.config()["activities"])
    assert hosted == Counter(defined.keys())
    assert "open_case" in defined


def test_no_two_activities_have_one_name() -> None:
    names = Counter(activity_name(function) for function in set(defined_activities()))
    assert [name for name, times in names.items() if times > 1] == []


async def test_the_worker_hosts_every_workflow_once(worker: Worker) -> None:
    hosted = Counter(workflow_name(kind) for kind in worker.config()["workflows"])
    assert hosted == Counter(workflow_name(kind) for kind in defined_workflows())
    assert "SubscriptionCancellation" in hosted
