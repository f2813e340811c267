"""The fault run: ``make soak-faults``, or ``python -m tests.faults --lives 300 --seed 1``."""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from contract import ReconciliationReport
from tests.faults.board import Board
from tests.faults.caller import Caller, Tally
from tests.faults.figures import Durations, show
from tests.faults.lives import LIVES
from tests.faults.mails import Mails
from tests.faults.people import People
from tests.faults.site import Site, site
from tests.faults.storm import Storm
from tests.faults.verdict import verdict_on
from tests.support.outcomes import eventually
from tests.support.servers import open_directory

RUNNING = "ExecutionStatus = 'Running' AND TemporalNamespaceDivision IS NULL"
"""All but what Temporal itself runs for schedules."""

KINDS = ("kill", "stop", "drop", "refuse", "hang", "terminate", "lock")


async def run(options: argparse.Namespace, directory: Path) -> bool:
    """Live all lives in a storm, let everything heal, and print what was seen; return true if nothing was wrong."""
    chance = random.Random(options.seed)  # noqa: S311 - faults need no secrecy
    kinds = [*LIVES]
    weights = [weight for _, weight in LIVES.values()]
    chosen = [*kinds, *chance.choices(kinds, weights, k=max(0, options.lives - len(kinds)))][: options.lives]
    chance.shuffle(chosen)
    began = time.monotonic()
    # As many as may wait for a database or a lock at once: on a small machine asyncio has six.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * options.at_once + 20))
    async with site(directory) as place:
        board, mails, tally = Board(place.engine), Mails(place.data.mails), Tally()
        people = [
            People(place, board, mails, Caller(tally, random.Random(f"{options.seed}/{number}")),  # noqa: S311
                   random.Random(f"{options.seed}/{number}/people"), f"{life}-{number}")  # noqa: S311
            for number, life in enumerate(chosen)
        ]  # fmt: skip
        storm = Storm(place, chance, options.faults)
        set_up = time.monotonic()
        async with board.watching(), place.kept_running() as ended_alone, _progress(board, tally):
            gate = asyncio.Semaphore(options.at_once)
            lives = [asyncio.create_task(_lived(each, gate)) for each in people]
            raging = asyncio.create_task(storm.rage())
            await asyncio.wait(lives, timeout=options.minutes * 60)
            raging.cancel()
            with suppress(asyncio.CancelledError):
                await raging
            stormed = time.monotonic()
            _, unfinished = await asyncio.wait(lives, timeout=options.healing * 60)
            healed = await _quiet(place, timedelta(minutes=options.healing))
            report = await _reconciled(place)
            if not healed or unfinished:
                _, unfinished = await asyncio.wait(lives, timeout=60)
                await _quiet(place, timedelta(minutes=2))
        for life in unfinished:
            life.cancel()
        failed = [str(life.exception()) for life in lives if not life.cancelled() and life.done() and life.exception()]
        ended = time.monotonic()
        verdict = await verdict_on(place, people, mails)
        verdict.check(
            "every life was lived", not unfinished and not failed, f"{len(unfinished)} unfinished, {failed[:5]}"
        )
        again = await place.service.reconciliation.reconcile(dry_run=True)
        verdict.check(
            "a second reconciliation finds nothing", again.found == 0, str([each.words for each in again.findings])
        )
        durations = Durations(set_up - began, stormed - set_up, ended - stormed, time.monotonic() - ended)
        show(options.seed, len(people), storm, ended_alone, tally, report, verdict, durations)
        return not any(verdict.wrong.values()) and not tally.broken


async def _lived(people: People, gate: asyncio.Semaphore) -> None:
    async with gate:
        life, _ = LIVES[people.life.rpartition("-")[0]]
        await life(people)
        await people.ended()


@asynccontextmanager
async def _progress(board: Board, tally: Tally) -> AsyncIterator[None]:
    """Print every half minute how far the run is."""

    async def report() -> None:
        before: Counter[str] = Counter()
        while True:
            await asyncio.sleep(30)
            stages = Counter(seen.stage for seen in board.cases.values())
            shown = ", ".join(f"{number} {stage}" for stage, number in sorted(stages.items()))
            new = tally.unavailable - before
            before = Counter(tally.unavailable)
            print(f"{time.strftime('%H:%M:%S')} {tally.answered} requests accepted; {shown}; {dict(new)}", flush=True)

    reporting = asyncio.create_task(report())
    try:
        yield
    finally:
        reporting.cancel()


async def _quiet(place: Site, within: timedelta) -> bool:
    """Wait until no workflow runs; return False if one still does."""

    async def nothing_runs() -> bool:
        return not [found async for found in place.temporal.list_workflows(RUNNING)]

    with suppress(TimeoutError):
        await eventually(nothing_runs, within=within.total_seconds())
        return True
    return False


async def _reconciled(place: Site) -> ReconciliationReport:
    return await place.service.reconciliation.reconcile()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Hundreds of lives of cases while parts of the service fail.")
    parser.add_argument("--lives", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=40, help="lives")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--minutes", type=float, default=25, help="the longest duration of the faults")
    parser.add_argument("--healing", type=float, default=12, help="minutes until everything must have ended after them")
    parser.add_argument("--faults", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--keep", type=Path, help="a new directory in which data and logs stay")
    return parser.parse_args(arguments)


def main() -> None:
    """Read the command line, run, and exit with 1 if anything was wrong."""
    options = _options(sys.argv[1:])
    quiet = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=quiet)))
    print(f"seed {options.seed}, {options.lives} lives, {options.at_once} at once", flush=True)
    if options.keep is not None:
        raise SystemExit(0 if asyncio.run(run(options, options.keep)) else 1)
    with open_directory() as directory:
        well = asyncio.run(run(options, directory / "site"))
    raise SystemExit(0 if well else 1)


if __name__ == "__main__":
    main()
