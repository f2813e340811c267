"""A life of a case that is watched by all means at once: its metrics, its log and its traces, and what must be in none of them."""

import base64
import io
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.types import ASGIApp
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.testing import WorkflowEnvironment

import contract
from activities.gauges import Gauges
from contract import cancellation_workflow_id
from domain.principals import Role
from runtime.logs import LogFormat, log_handler
from runtime.metrics import MetricsSettings
from runtime.payload_keys import PayloadKeys
from runtime.temporal import offramp_plugin
from runtime.tracing import Tracing, WithoutValues
from starter.access.tokens import TokenVerifier
from starter.api.app import create_api
from starter.pages.app import create_pages
from starter.service import Offramp
from storage.rights import DatabaseRole
from tests.starter.api.asking import cases, key
from tests.support.histories import histories_of
from tests.support.issuer import Issuer
from tests.support.nights import TODAY, start_update
from tests.support.ports import free_port
from tests.support.signing import REQUEST_KEYS
from tests.support.world import LINKS, MARKETING_OWNER, Mailbox, World, eventually
from tests.workflows.marketing.campaign_stops import the_mail

SUBJECT = "erika.mustermann"
REASON = "too dear for the branch in Kiel"
GUESS = "no code at all"
WITHDRAWAL = "they keep their campaigns and all"
KEY, OTHER_KEY = (PayloadKeys.read(f"{name}:{base64.b64encode(b'k' * 32).decode()}") for name in ("own", "other"))


@dataclass
class Watched:
    """What a life has left."""

    case: str
    workflow_id: str
    scraped: str
    logged: str
    spans: tuple[ReadableSpan, ...]
    history: WorkflowHistory
    personal: dict[str, str] = field(default_factory=dict)
    """What must stand nowhere, by what it is."""

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines of the log."""
        return [json.loads(line) for line in self.logged.splitlines()]


@asynccontextmanager
async def logging_as_json() -> AsyncIterator[io.StringIO]:
    """Log as a process does that is told to log JSON, to a text."""
    handler, root, written = log_handler(LogFormat.JSON), logging.getLogger(), io.StringIO()
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    handler.addFilter(lambda record: record.name != "mail.log")  # the mail server, which is in this process
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


@asynccontextmanager
async def _parts(world: World, exporter: InMemorySpanExporter) -> AsyncIterator[tuple[str, Gauges, Tracing, Client]]:
    address = f"127.0.0.1:{free_port()}"
    tracing = Tracing("offramp-tests", SimpleSpanProcessor(WithoutValues(exporter)))
    runtime = MetricsSettings(metrics_address=address).runtime
    client = await Client.connect(
        world.environment.client.service_client.config.target_host,
        plugins=[offramp_plugin(KEY, REQUEST_KEYS, meter=runtime.metric_meter, tracing=tracing)],
        runtime=runtime,
    )
    tracing.trace_statements(world.engines[DatabaseRole.CALLERS])
    gauges = Gauges(world.engines[DatabaseRole.WORKER], runtime.metric_meter, "Europe/Berlin")
    yield address, gauges, tracing, client


async def watched_life(
    environment: WorkflowEnvironment, database: str, issuer: Issuer, verifier: TokenVerifier
) -> Watched:
    """Live a case whose first mail meets a closed door, whose code is guessed, whose links are followed; and watch it."""
    exporter = InMemorySpanExporter()
    async with logging_as_json() as log:
        with ExitStack() as parts:
            mailbox = parts.enter_context(Mailbox())
            world = World(environment, database, mailbox)
            parts.callback(world.close)
            async with _parts(world, exporter) as (address, gauges, tracing, client):
                meter = client.service_client.config.runtime.metric_meter  # type: ignore[union-attr]
                world.offramp = Offramp(client, world.engines[DatabaseRole.CALLERS], task_queue=world.task_queue)
                world.service = world.offramp.cancellations
                behind_pages = Offramp(client, world.engines[DatabaseRole.PAGES], task_queue=world.task_queue)
                token = issuer.token(sub=SUBJECT, roles=[Role.SUPPORT_AGENT.value])
                agent = _browser(create_api(world.offramp, verifier, meter, tracing), "https://api.example/v1", token)
                pages = _browser(create_pages(behind_pages, LINKS, meter), "https://offramp.example")
                async with world.worker(client=client, tracing=tracing), agent, pages:
                    subscription = world.subscription(campaigns=["A"])
                    codes, link = await _live(world, agent, pages, subscription, log)
                    await _fail_a_task(world, client)
                    update = await start_update(world, as_of=TODAY)
                    for workflow in (cancellation_workflow_id(subscription), update.id):
                        await client.get_workflow_handle(workflow).result()
                    gauges.refresh()
                    async with httpx.AsyncClient() as scraper:
                        scraped = (await scraper.get(f"http://{address}/metrics")).text
                    [history] = await histories_of(client, cancellation_workflow_id(subscription))
    tracing.shut_down()
    identity = world.identity(subscription)
    return Watched(
        case=f"{subscription}/1",
        workflow_id=cancellation_workflow_id(subscription),
        scraped=scraped,
        logged=log.getvalue(),
        spans=exporter.get_finished_spans(),
        history=history,
        personal={
            "address": identity.billing_administrator,
            "url": identity.organization_url,
            "name": identity.organization_name,
            "owner's address": MARKETING_OWNER,
            "subject": SUBJECT,
            "reason": REASON,
            "reason of the withdrawal": WITHDRAWAL,
            "bearer token": token,
            "token of the link": link,
            "guess": GUESS,
            **{f"code {number}": code for number, code in enumerate(codes)},
        },
    )


def _browser(app: ASGIApp, base: str, token: str | None = None) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=base, headers=headers)


async def _live(
    world: World, agent: httpx.AsyncClient, pages: httpx.AsyncClient, subscription: str, log: io.StringIO
) -> tuple[list[str], str]:
    """Return the codes and the token of the link that were mailed."""
    case = f"{cases(subscription)}/1"
    day = world.today(subscription) + timedelta(days=40)
    answers = {**world.answers(subscription, terminate_on=day), "campaigns": "stop"}
    world.mailbox.close()
    with world.environment.with_time_skipping_disabled():
        opened = await agent.post(cases(subscription), json={"answers": answers, "reason": REASON}, headers=key())
        assert opened.status_code == 201, opened.text
        await eventually(lambda: _is_logged(log, '"message": "failed: '))
        world.mailbox.open()
        assert (await agent.post(f"{case}/codes", json={}, headers=key())).status_code == 200
        assert (await agent.post(f"{case}/tries", json={"code": GUESS}, headers=key())).status_code == 409
        [code] = world.codes(subscription)
        assert (await agent.post(f"{case}/tries", json={"code": code}, headers=key())).status_code == 200
        _, text = await the_mail(world, subscription, "marketing.consent_requested")
        [link] = re.findall(r"https://offramp\.example/links/(\S+)", text)
        assert (await pages.get(f"/links/{link}")).status_code == 200
        assert (await pages.post(f"/links/{link}/decline")).status_code == 200
        assert (await pages.get(f"/links/{link[:-1]}")).status_code == 404
        withdrawn = await agent.post(f"{case}/withdrawals", json={"reason": WITHDRAWAL}, headers=key())
        assert withdrawn.json()["stage"] == "withdrawn", withdrawn.text
    return world.codes(subscription), link


async def _is_logged(log: io.StringIO, text: str) -> bool:
    return text in log.getvalue()


async def _fail_a_task(world: World, client: Client) -> None:
    """Have a workflow task fail for want of the key of its payload."""
    stranger = await world.environment.connect_client(plugins=[offramp_plugin(OTHER_KEY)])
    stuck = await stranger.start_workflow(
        contract.SUBSCRIPTION_CANCELLATION, "unread", id=f"cancellation:{uuid4()}", task_queue=world.task_queue
    )

    async def has_failed() -> bool:
        return any(
            event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
            for event in (await stuck.fetch_history()).events
        )

    await eventually(has_failed)
    await stuck.terminate()
