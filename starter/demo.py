"""The demonstration of ``offramp up --demo``: several cancellations at once, each left at another point of its life.

Played again it changes nothing that is done and goes on with what is not, whatever killed the first run.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from urllib.parse import quote

from rich import box
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.civil_time import day_of, deadline_in_words
from domain.errors import Refusal
from domain.identity import Identity
from domain.vocabulary import DataChoice, Question, Stage
from starter.cli.output import console, error_console, print_refusal, say
from starter.client import Offramp, StillWaiting
from starter.connection import TemporalUnavailable, connect_to_temporal
from starter.local.temporal import NAMESPACE
from starter.sample import sample_document
from storage.cases import newest_case
from storage.database import DatabaseSettings, DatabaseUnavailable, create_database_engine, refusing_when_unavailable
from storage.importing import import_content
from storage.overview import list_cases
from storage.tables import OrganizationRow, SubscriptionRow
from storage.tenants.database import TenantDatabase, TenantDatabaseSettings
from storage.tenants.sample import generate
from workflows.contract import (
    Attestation,
    CancellationStatus,
    ExportStatus,
    StartCancellation,
    cancellation_workflow_id,
)

AGENT = "demo-agent"
REFRESH_SECONDS = 0.5
ROWS = 20_000
"""Of the largest table of an organization with data: enough to see the export work, and no reason to wait for it."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Scene:
    """One of them: which subscription, how far it shall come, and what the person watching is told."""

    subscription: str
    aim: Stage
    about: str
    data: DataChoice = DataChoice.NONE


SCENES = (
    Scene("SUB-1001", Stage.CLOSED, "short reversal window, nobody changes their mind"),
    Scene("SUB-1015", Stage.CLOSED, "data exported, fetched, and erased in the end", DataChoice.EXPORT),
    Scene("SUB-1002", Stage.REVERSED, "short reversal window, the customer comes back"),
    Scene("SUB-1003", Stage.CANCELED, "the real 30 days: a durable timer holds them"),
    Scene("SUB-1004", Stage.INTAKE, "two answers given, waits for the rest"),
)


async def run_demo(web_ui: str) -> None:
    """Import the sample data and play the four scenes, shown as they happen; returns when each is where it shall be.

    What is refused meanwhile, because somebody else takes part, is told and ends the demonstration, not the service.
    """
    engine = create_database_engine(DatabaseSettings().database_url)
    try:
        await _prepare(engine)
        await _Demo(engine, Offramp(await connect_to_temporal(), engine)).play()
    except Refusal as refusal:
        print_refusal(refusal, as_json=False)
        say("The demonstration ends here; the service goes on.", to=error_console)
    finally:
        engine.dispose()
    _show_what_to_try(web_ui)


async def _prepare(engine: Engine) -> None:
    """Import the sample data, or say from where an earlier demonstration goes on."""

    def begun() -> dict[str, Stage]:
        with Session(engine) as session:
            return {case.subscription: case.stage for case in list_cases(session)}

    stages = await asyncio.to_thread(begun)
    played = [scene for scene in SCENES if scene.subscription in stages]
    if not played:
        now = datetime.now(UTC)
        await asyncio.to_thread(
            import_content, engine, sample_document(), actor=AGENT, at=now, source="the sample data"
        )
        await asyncio.to_thread(_give_data)
        say("[bold]Several cancellations at once:[/]")
        return
    where = ", ".join(f"{scene.subscription} is {stages[scene.subscription]}" for scene in played)
    say(f"[bold]Going on with the demonstration of an earlier run:[/] {where}.")
    if len(played) == len(SCENES) and all(_has_arrived(scene, stages[scene.subscription]) for scene in SCENES):
        say("Nothing is left to play. To see it from the beginning: [cyan]offramp up --demo --data-dir ANOTHER[/]")


def _give_data() -> None:
    """Give the organizations of the scenes data of their own; those that have some keep it."""
    document = json.loads(sample_document())
    schemas = {organization["id"]: organization.get("data_schema") for organization in document["organizations"]}
    owners = {subscription["id"]: subscription["organization"] for subscription in document["subscriptions"]}
    with TenantDatabase(TenantDatabaseSettings()).writing() as connection:
        for scene in SCENES:
            if scene.data is not DataChoice.NONE:
                generate(connection, schemas[owners[scene.subscription]], rows=ROWS)


class _Demo:
    def __init__(self, engine: Engine, service: Offramp) -> None:
        self._engine = engine
        self._service = service
        self._status: dict[str, CancellationStatus] = {}
        self._live: Live | None = None

    async def play(self) -> None:
        with self._shown():
            # One that is refused does not keep the others from their ends.
            outcomes = await asyncio.gather(*(self._play(scene) for scene in SCENES), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _play(self, scene: Scene) -> None:
        identity, today, begun = await self._steadily(lambda: asyncio.to_thread(self._facts, scene.subscription))
        if not begun:
            self._show(scene, await self._steadily(lambda: self._start(scene, identity, today)))
        while True:
            status = await self._steadily(lambda: self._service.status(scene.subscription))
            self._show(scene, status)
            if _has_arrived(scene, status.stage) and _is_erased(scene, status):
                return
            if status.export is ExportStatus.READY:
                fetch = partial(self._fetch, scene, status.cancellation)
                self._show(scene, await self._steadily(fetch))
            if status.stage is Stage.CANCELED and scene.aim is Stage.REVERSED:
                self._show(scene, await self._steadily(lambda: self._reverse(scene, identity)))
                return
            await asyncio.sleep(REFRESH_SECONDS)

    async def _start(self, scene: Scene, identity: Identity, today: str) -> CancellationStatus:
        answers = {
            Question.ORGANIZATION_URL: identity.organization_url,
            Question.ORGANIZATION_NAME: identity.organization_name,
        }
        attestation = None
        if scene.aim is not Stage.INTAKE:
            answers |= {
                Question.BILLING_ADMINISTRATOR: identity.billing_administrator,
                Question.TERMINATION_DATE: today,
                Question.DATA: scene.data,
            }
            attestation = Attestation(reason="the demonstration trusts itself")
        return await self._service.start(
            StartCancellation(
                subscription=scene.subscription,
                actor=AGENT,
                request_id="demo",
                answers={question.value: answer for question, answer in answers.items()},
                attestation=attestation,
                reason=scene.about,
            )
        )

    async def _fetch(self, scene: Scene, export: str) -> CancellationStatus:
        """Do what the billing administrator does: look at the mail, fetch the files, say that they are there."""
        return await self._service.acknowledge_export(scene.subscription, export, actor=AGENT, request_id="demo")

    async def _reverse(self, scene: Scene, identity: Identity) -> CancellationStatus:
        return await self._service.reverse(
            scene.subscription, identity, actor=AGENT, reason="we found the budget", request_id="demo"
        )

    async def _steadily(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask until there is an answer: whoever watches may have killed any part, which then is started again."""
        while True:
            try:
                with refusing_when_unavailable(self._engine.url):
                    return await ask()
            except (StillWaiting, TemporalUnavailable, DatabaseUnavailable):
                await asyncio.sleep(REFRESH_SECONDS)

    def _facts(self, subscription: str) -> tuple[Identity, str, bool]:
        with Session(self._engine) as session:
            row = session.get_one(SubscriptionRow, subscription)
            organization = session.get_one(OrganizationRow, row.organization)
            identity = Identity(
                billing_administrator=organization.billing_administrator,
                organization_url=organization.url,
                organization_name=organization.unique_name,
            )
            today = day_of(datetime.now(UTC), organization.time_zone).isoformat()
            return identity, today, newest_case(session, subscription) is not None

    @contextmanager
    def _shown(self) -> Iterator[None]:
        """Show a table that changes in place at a terminal, and a line for each change everywhere else."""
        if not console.is_terminal:
            yield
            return
        with Live(self._table(), console=console, refresh_per_second=4) as self._live:
            yield

    def _show(self, scene: Scene, status: CancellationStatus) -> None:
        before = self._status.get(scene.subscription)
        self._status[scene.subscription] = status
        if self._live is not None:
            self._live.update(self._table())
        elif before is None or before.stage is not status.stage:
            next_ = f" ({_next(status)})" if _next(status) else ""
            say(f"{scene.subscription}  {status.stage}{next_}", first="  ")

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("Subscription", no_wrap=True)
        table.add_column("Stage", no_wrap=True, min_width=len(Stage.SCHEDULED))
        table.add_column("What it shows, and what is next", ratio=1)
        for scene in SCENES:
            status = self._status.get(scene.subscription)
            if status is None:
                table.add_row(scene.subscription, "…", scene.about)
                continue
            style = "green" if status.stage is scene.aim else "yellow"
            shows = f"{scene.about}\n[dim]{escape(_next(status))}[/]" if _next(status) else scene.about
            table.add_row(scene.subscription, f"[{style}]{status.stage}[/]", shows)
        return table


def _next(status: CancellationStatus) -> str:
    if status.stage is Stage.CANCELED and status.reversal_deadline:
        return f"reversible until {deadline_in_words(status.reversal_deadline, status.time_zone)}"
    return f"waits for {status.waiting_for}" if status.waiting_for else ""


def _is_erased(scene: Scene, status: CancellationStatus) -> bool:
    return scene.data is DataChoice.NONE or status.stage is not Stage.CLOSED or status.erased_at is not None


def _has_arrived(scene: Scene, stage: Stage) -> bool:
    """Whether a scene is where it shall be, or where somebody at another terminal or a long pause has taken it."""
    order = list(Stage)
    return stage.is_final or (scene.aim is not Stage.REVERSED and order.index(stage) >= order.index(scene.aim))


def _show_what_to_try(web_ui: str) -> None:
    say()
    say("[bold]Each is a workflow in the Temporal Web UI:[/]")
    for scene in SCENES:
        workflow_id = quote(cancellation_workflow_id(scene.subscription), safe=":")
        # Never wrapped: a terminal makes a link of what stands on one line.
        console.print(f"  {web_ui}/namespaces/{NAMESPACE}/workflows/{workflow_id}", soft_wrap=True)
    say()
    say("[bold]Try, in another terminal:[/]")
    for command in (
        "offramp cancellations show SUB-1003",
        "offramp cancellations history SUB-1002",
        "offramp cancellations answer SUB-1004 --data none --send-code",
        "offramp mails                                  # there is the code",
        "offramp cancellations answer SUB-1004 --code CODE",
        "offramp quote SUB-1004 --received-on 2027-01-15",
    ):
        say(f"[cyan]{command}[/]", first="  ")
    say()
