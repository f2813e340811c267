"""The demonstration of ``offramp up --demo``: several cancellations at once, each taken to another point of its life.

Played again, it changes nothing that is done and continues what is unfinished, whatever killed the first run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar
from urllib.parse import quote

from rich import box
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from domain.cancellation.lifecycle import CancellationUnknown
from domain.refusals import Refusal
from domain.vocabulary import DataChoice, Stage
from runtime.temporal import TemporalUnavailable, connect_to_temporal
from starter.cli.output import console, error_console, print_refusal, say
from starter.demo.scenes import AGENT, ONCE, OWNERS, SCENES, CancellationScene, Scene, Shown
from starter.local.temporal import NAMESPACE
from starter.sample import sample_document
from starter.service import Offramp, StillWaiting
from starter.service.console_link import ConsoleLink
from storage.database import DatabaseSettings, create_database_engine
from storage.refusals import DatabaseUnavailable
from storage.tenants.database import TenantDatabase
from storage.tenants.settings import TenantDatabaseSettings

REFRESH_SECONDS = 0.5
ROWS = 20_000
"""Of the largest table of an organization with data: enough to see the export work, and no reason to wait for it."""

Answer = TypeVar("Answer")


async def run_demo(web_ui: str) -> None:
    """Import the sample data and play the scenes, shown as they happen; returns when each has reached its goal.

    A refusal meanwhile, because someone else takes part, is shown and ends the demonstration, not the service.
    """
    engine = create_database_engine(DatabaseSettings().database_url)
    try:
        tenants = TenantDatabase(TenantDatabaseSettings())
        temporal = await connect_to_temporal(engine=engine)
        service = Offramp(temporal, engine, tenants=tenants, console=ConsoleLink().console_url)
        await prepare(service)
        await _Demo(service).play()
    except Refusal as refusal:
        print_refusal(refusal, as_json=False)
        say("The demonstration ends here; the service continues.", to=error_console)
    finally:
        engine.dispose()
    _show_what_to_try(web_ui)


async def prepare(service: Offramp) -> None:
    """Import the sample data and give some organizations data of their own, unless an earlier run has.

    An earlier run is known by the cases that it has started: those of others are there in a directory that was used without it.
    """
    if await _has_begun(service):
        say("[bold]Continuing the demonstration of an earlier run.[/]")
        return
    await service.imports.load(sample_document(), actor=AGENT, source="the sample data")
    for scene in SCENES:
        if isinstance(scene, CancellationScene) and scene.data is not DataChoice.NONE:
            await service.tenants.sample(OWNERS[scene.name], rows=ROWS)
    say("[bold]Seven cases at once:[/]")


async def _has_begun(service: Offramp) -> bool:
    for scene in SCENES:
        if isinstance(scene, CancellationScene):
            with suppress(CancellationUnknown):
                if (await service.cancellations.status(scene.name)).request_id == ONCE:
                    return True
    return False


class _Demo:
    def __init__(self, service: Offramp) -> None:
        self._service = service
        self._now: dict[str, Shown] = {}
        self._live: Live | None = None

    async def play(self) -> None:
        with self._shown():
            # A scene that is refused does not keep the others from their goals.
            outcomes = await asyncio.gather(*(self._play(scene) for scene in SCENES), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _play(self, scene: Scene) -> None:
        while True:
            shown = await self._steadily(lambda: scene.take_next_step(self._service))
            self._show(scene, shown)
            if shown.arrived:
                return
            await asyncio.sleep(REFRESH_SECONDS)

    async def _steadily(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask until there is an answer: the audience may have killed any part, which is then restarted."""
        while True:
            try:
                return await ask()
            except (StillWaiting, TemporalUnavailable, DatabaseUnavailable):
                await asyncio.sleep(REFRESH_SECONDS)

    @contextmanager
    def _shown(self) -> Iterator[None]:
        """Show a table that changes in place at a terminal, and a line for each change everywhere else."""
        if not console.is_terminal:
            yield
            return
        with Live(self._table(), console=console, refresh_per_second=4) as self._live:
            yield

    def _show(self, scene: Scene, shown: Shown) -> None:
        before = self._now.get(scene.name)
        self._now[scene.name] = shown
        if self._live is not None:
            self._live.update(self._table())
        elif before is None or before.stage != shown.stage or (shown.arrived and not before.arrived):
            next_ = f" ({escape(shown.next)})" if shown.next else ""
            say(f"{scene.name}  {shown.stage}{next_}", first="  ")

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("Case", no_wrap=True)
        table.add_column("Stage", no_wrap=True, min_width=len(Stage.SCHEDULED))
        table.add_column("What it shows, and what is next", ratio=1)
        for scene in SCENES:
            shown = self._now.get(scene.name)
            if shown is None:
                table.add_row(scene.name, "…", scene.about)
                continue
            style = "green" if shown.arrived else "yellow"
            text = f"{scene.about}\n[dim]{escape(shown.next)}[/]" if shown.next else scene.about
            table.add_row(scene.name, f"[{style}]{shown.stage}[/]", text)
        return table


def _show_what_to_try(web_ui: str) -> None:
    say()
    say("[bold]Each is a workflow in the Temporal Web UI:[/]")
    for scene in SCENES:
        # Never wrapped: a terminal makes a link of what stands on one line.
        workflow_id = quote(scene.workflow_id, safe=":")
        console.print(f"  {web_ui}/namespaces/{NAMESPACE}/workflows/{workflow_id}", soft_wrap=True)
    say()
    say("[bold]Try, in another terminal:[/]")
    for command in (
        "offramp cancellations show SUB-1003",
        "offramp cancellations history SUB-1015         # exported, closed, erased",
        "offramp cancellations answer SUB-1004 --data none --send-code",
        "offramp mails                                  # there is the code",
        "offramp cancellations answer SUB-1004 --code CODE",
        "offramp migrations show SUB-1016",
        "offramp quote SUB-1004 --received-on 2027-01-15",
    ):
        say(f"[cyan]{command}[/]", first="  ")
    say()
