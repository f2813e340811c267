"""The demonstration of ``offramp up --demo``: four cancellations at once, each left at another point of its life.

Played again it changes nothing that is done and goes on with what is not, whatever killed the first run.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

from rich.live import Live
from rich.table import Table
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.civil_time import day_of, instant_in_words
from domain.identity import Identity
from domain.vocabulary import Question, Stage
from starter.cli.output import console
from starter.client import Offramp
from starter.connection import connect_to_temporal
from storage.cases import newest_case
from storage.database import DatabaseSettings, create_database_engine
from storage.importing import import_content
from storage.tables import OrganizationRow, SubscriptionRow
from workflows.contract import Attestation, CancellationStatus, StartCancellation

AGENT = "demo-agent"
REFRESH_SECONDS = 0.5


@dataclass(frozen=True)
class Scene:
    """One of the four: which subscription, how far it shall come, and what the person watching is told."""

    subscription: str
    aim: Stage
    about: str


SCENES = (
    Scene("SUB-1001", Stage.CLOSED, "short reversal window, nobody changes their mind"),
    Scene("SUB-1002", Stage.REVERSED, "short reversal window, the customer comes back"),
    Scene("SUB-1003", Stage.CANCELED, "the real 30 days: a durable timer holds them"),
    Scene("SUB-1004", Stage.INTAKE, "two answers given, waits for the rest"),
)


async def run_demo() -> None:
    """Import the sample data and play the four scenes, shown live; returns when each has reached its aim."""
    engine = create_database_engine(DatabaseSettings().database_url)
    try:
        content = files("starter.sample").joinpath("sample.json").read_bytes()
        await asyncio.to_thread(
            import_content, engine, content, actor=AGENT, at=datetime.now(UTC), source="the sample data"
        )
        demo = _Demo(engine, Offramp(await connect_to_temporal(), engine))
        await demo.play()
    finally:
        engine.dispose()
    _show_what_to_try()


class _Demo:
    def __init__(self, engine: Engine, service: Offramp) -> None:
        self._engine = engine
        self._service = service
        self._status: dict[str, CancellationStatus] = {}

    async def play(self) -> None:
        console.print("[bold]Four cancellations at once:[/]\n")
        scenes = [asyncio.create_task(self._play(scene)) for scene in SCENES]
        with Live(self._table(), console=console, refresh_per_second=4) as live:
            while not all(scene.done() for scene in scenes):
                await asyncio.sleep(REFRESH_SECONDS)
                live.update(self._table())
        for scene in scenes:
            scene.result()

    async def _play(self, scene: Scene) -> None:
        identity, today, begun = await asyncio.to_thread(self._facts, scene.subscription)
        if not begun:
            await self._start(scene, identity, today)
        await self._watch(scene, {scene.aim, Stage.CANCELED} if scene.aim is Stage.REVERSED else {scene.aim})
        if scene.aim is Stage.REVERSED and self._status[scene.subscription].stage is Stage.CANCELED:
            self._status[scene.subscription] = await self._service.reverse(
                scene.subscription, identity, actor=AGENT, reason="we found the budget", request_id="demo"
            )

    async def _start(self, scene: Scene, identity: Identity, today: str) -> None:
        answers = {Question.ORGANIZATION_URL.value: identity.organization_url,
                   Question.ORGANIZATION_NAME.value: identity.organization_name}  # fmt: skip
        attestation = None
        if scene.aim is not Stage.INTAKE:
            answers |= {
                Question.BILLING_ADMINISTRATOR: identity.billing_administrator,
                Question.TERMINATION_DATE: today,
                Question.DATA: "none",
            }
            attestation = Attestation(reason="the demonstration trusts itself")
        self._status[scene.subscription] = await self._service.start(
            StartCancellation(
                subscription=scene.subscription,
                actor=AGENT,
                request_id="demo",
                answers={str(question): answer for question, answer in answers.items()},
                attestation=attestation,
                reason=scene.about,
            )
        )

    async def _watch(self, scene: Scene, aims: set[Stage]) -> None:
        """Follow the live status until the aim, or until the person at another terminal took the case elsewhere."""
        while True:
            status = self._status[scene.subscription] = await self._service.status(scene.subscription)
            if status.stage in aims or status.stage.is_final or _is_past(status.stage, scene.aim):
                return
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

    def _table(self) -> Table:
        table = Table("Subscription", "Stage", "Waits for", "Reversible until", "What it shows")
        for scene in SCENES:
            status = self._status.get(scene.subscription)
            if status is None:
                table.add_row(scene.subscription, "…", "", "", scene.about)
                continue
            deadline = status.reversal_deadline
            until = instant_in_words(deadline, status.time_zone) if deadline else ""
            arrived = "green" if status.stage is scene.aim else "yellow"
            stage = f"[{arrived}]{status.stage}[/]"
            table.add_row(scene.subscription, stage, status.waiting_for, until, scene.about)
        return table


def _is_past(stage: Stage, aim: Stage) -> bool:
    order = list(Stage)
    return order.index(stage) > order.index(aim) and aim is not Stage.REVERSED


def _show_what_to_try() -> None:
    console.print("\n[bold]Try, in another terminal:[/]")
    for command in (
        "offramp cancellations show SUB-1003",
        "offramp cancellations history SUB-1002",
        "offramp cancellations answer SUB-1004 --data none --send-code    then read the code:  offramp mails",
        "offramp quote SUB-1004 --received-on 2027-01-15",
        "offramp mails show 1",
    ):
        console.print(f"  [cyan]{command}[/]", highlight=False)
    console.print()
