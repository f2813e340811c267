"""The cost of the nightly update of line dates, against a bare UPDATE of the same rows: ``make bench-dates``.

Every figure is of one PostgreSQL, as embedded and with its own settings, in one run: the update, the bare UPDATE, and the
shape of the reference (one subscription after another, one commit each) take turns on the same lines, which are put back
between rounds. Published are ratios; seconds depend on the machine.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from bench import dates_data as data
from bench.dates_equality import check_equality
from bench.servers import postgres
from domain.civil_time import day_of
from domain.lines.line import SubscriptionLine
from domain.lines.runs import Scope
from domain.lines.terms import update_as_of
from domain.vocabulary import Channel
from records.lines.nightly import update_chunk
from records.lines.runs import finish_run, open_run
from records.transaction import Transaction
from storage.database import create_database_engine
from storage.schema.migrate import upgrade

WEBHOOKS = frozenset({Channel.WEBHOOK})
NOBODY: frozenset[Channel] = frozenset()


def main() -> None:
    """Measure, and print what was found."""
    options = _options()
    if options.run_on is not None:
        _print_memory_of_a_run(options.run_on, options.as_of)
        return
    with postgres() as (cluster, port):
        for name in ("offramp", "equality"):
            cluster.ensure_database(port, name)
            upgrade(cluster.url(port, name))
        if not options.memory_only:
            check_equality(cluster.url(port, "equality"), options.random_lines)
        _measure(cluster.url(port, "offramp"), options)


def _measure(url: str, options: argparse.Namespace) -> None:
    engine = create_database_engine(url)
    began = time.perf_counter()
    data.fill(engine, options.lines, options.due)
    _say(f"{options.lines:,} lines in {time.perf_counter() - began:.0f} s; rounds: {options.rounds}")
    if not options.memory_only:
        _measure_time(engine, options)
    for share in (10, 1):
        as_of = data.as_of_with_due(engine, options.lines // share)
        _say(f"memory of a worker process with about {options.lines // share:,} lines due: {_memory(url, as_of)}")
    engine.dispose()


def _measure_time(engine: Engine, options: argparse.Namespace) -> None:
    nothing_due, sequential_scans = _nothing_due(engine, options.rounds)
    _say(f"none due: {nothing_due * 1000:.1f} ms, {sequential_scans} sequential scans of the lines")
    for spread, what in ((7, "of the last week"), (1000, "of the last 1,000 days")):
        data.make_due(engine, options.due, spread)
        _against_bare(engine, options.rounds, f"{options.due:,} due, deadlines {what}")
    data.make_due(engine, options.due, 7)
    _against_reference(engine, min(options.subscriptions, options.lines // data.LINES_PER_SUBSCRIPTION))


def _nothing_due(engine: Engine, rounds: int) -> tuple[float, int]:
    """Median seconds of a whole run, and how often it read the table from end to end."""
    took, scans = [], 0
    for number in range(rounds):
        with engine.connect() as connection, connection.begin():
            before = _sequential_scans(connection)
            began = time.perf_counter()
            _run_on(Transaction(Session(connection), WEBHOOKS), f"none-{number}", data.NOTHING_DUE)
            took.append(time.perf_counter() - began)
            scans += _sequential_scans(connection) - before
    return statistics.median(took), scans


def _sequential_scans(connection: Connection) -> int:
    """The number that this connection has made, of those that PostgreSQL has not summed up yet."""
    counted = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'subscription_lines'"
    return connection.scalar(text(counted)) or 0


def _against_bare(engine: Engine, rounds: int, what: str) -> None:
    data.plan(engine)
    ways: dict[str, Callable[[str], None]] = {
        "bare UPDATE": lambda _: data.bare_update(engine, audit=False),
        "update": lambda name: _run(engine, name, audit=False),
        "bare UPDATE + audit rows": lambda _: data.bare_update(engine, audit=True),
        "update + audit rows": lambda name: _run(engine, name),
        "update + audit rows + events": lambda name: _run(engine, name, channels=WEBHOOKS),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            data.put_back(engine)
            began = time.perf_counter()
            way(f"{what} {name} {number}")
            took[name].append(time.perf_counter() - began)
            data.check_done(engine)
    data.put_back(engine)
    medians = {name: statistics.median(seconds) for name, seconds in took.items()}
    _say(f"\n{what} (seconds: median, and each round)")
    for name, seconds in took.items():
        _say(f"  {name:<30} {medians[name]:6.2f}   {'  '.join(f'{one:.2f}' for one in seconds)}")
    _say(f"  update / bare UPDATE: {medians['update'] / medians['bare UPDATE']:.2f}")
    with_audit = medians["update + audit rows"] / medians["bare UPDATE + audit rows"]
    _say(f"  both with audit rows: {with_audit:.2f}")
    _say(
        f"  update with audit rows and events / bare UPDATE: {medians['update + audit rows + events'] / medians['bare UPDATE']:.2f}"
    )


def _against_reference(engine: Engine, subscriptions: int) -> None:
    """One subscription after another, one commit each, without audit rows; the update of all the lines for comparison."""
    data.put_back(engine)
    began = time.perf_counter()
    changed = sum(_one_subscription(engine, f"S{number}") for number in range(subscriptions))
    one_by_one = time.perf_counter() - began
    _say(f"\none after another: {subscriptions:,} subscriptions, {changed:,} lines changed, in {one_by_one:.1f} s")
    data.put_back(engine)
    with engine.connect() as connection:
        due = connection.scalar(text("SELECT count(*) FROM planned")) or 0
        every = connection.scalar(text("SELECT count(*) FROM subscriptions")) or 0
    began = time.perf_counter()
    _run(engine, "for-comparison", audit=False)
    at_once = time.perf_counter() - began
    _say(f"update: {every:,} subscriptions, {due:,} lines changed, in {at_once:.1f} s")
    _say(f"factor per subscription: {(one_by_one / subscriptions) / (at_once / every):.0f}")
    data.put_back(engine)


def _one_subscription(engine: Engine, subscription: str) -> int:
    changed = 0
    with engine.begin() as connection:
        rows = connection.execute(
            text(
                "SELECT l.*, o.time_zone FROM subscription_lines l JOIN subscriptions s ON s.id = l.subscription "
                "JOIN organizations o ON o.id = s.organization WHERE l.subscription = :id AND NOT l.closed "
                "ORDER BY l.id FOR UPDATE OF l"
            ),
            {"id": subscription},
        ).mappings()
        for row in rows.all():
            today = day_of(data.night(data.AS_OF), row["time_zone"])
            outcome = update_as_of(SubscriptionLine.read({**row, "frozen": row["frozen_by"] is not None}), today)
            if outcome.action == "unchanged":
                continue
            changed += 1
            connection.execute(
                text(
                    "UPDATE subscription_lines SET closed = :closed, term_until = :term_until, "
                    "cancellation_possible_until = :cancellation_possible_until WHERE id = :id"
                ),
                outcome.line.model_dump(include={"id", "closed", "term_until", "cancellation_possible_until"}),
            )
            if outcome.action == "closed":
                connection.execute(
                    text("UPDATE contract_lines SET closed = true WHERE subscription_line = :id"), {"id": row["id"]}
                )
    return changed


def _run(engine: Engine, name: str, *, audit: bool = True, channels: frozenset[Channel] = NOBODY) -> None:
    """A whole run: one transaction for each chunk, as the activity does it."""
    with Transaction.begin(engine) as transaction:
        _open(transaction, name, data.AS_OF)
    while True:
        with Transaction.begin(engine, channels) as transaction:
            if update_chunk(transaction, name, at=datetime.now(UTC), audit=audit).pass_ended:
                return


def _run_on(transaction: Transaction, name: str, as_of: date) -> None:
    _open(transaction, name, as_of)
    while not update_chunk(transaction, name, at=datetime.now(UTC)).pass_ended:
        pass
    finish_run(transaction, name, datetime.now(UTC))


def _open(transaction: Transaction, name: str, as_of: date) -> None:
    open_run(
        transaction,
        name,
        as_of=as_of,
        instant=data.night(as_of),
        zone="UTC",
        scope=Scope(),
        actor="bench",
        at=datetime.now(UTC),
    )


def _memory(url: str, as_of: date) -> str:
    """The figures of a process of its own for a run, of which the operating system has seen nothing else."""
    command = [sys.executable, "-m", "bench.dates", "--run-on", url, "--as-of", as_of.isoformat()]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _print_memory_of_a_run(url: str, as_of: date) -> None:
    engine = create_database_engine(url)
    name = f"memory as of {as_of}"
    with Transaction.begin(engine) as transaction:
        _open(transaction, name, as_of)
    ended, lines, began = False, 0, time.perf_counter()
    while not ended:
        with Transaction.begin(engine, WEBHOOKS) as transaction:
            chunk = update_chunk(transaction, name, at=datetime.now(UTC))
        ended, lines = chunk.pass_ended, lines + chunk.closed + chunk.rolled
    print(f"{lines:,} changed in {time.perf_counter() - began:.0f} s, peak {_peak_mebibytes():.0f} MiB")


def _peak_mebibytes() -> float:
    """The most this process has held; not getrusage, whose figure for a child begins with its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _say(line: str) -> None:
    print(line, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--due", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--subscriptions", type=int, default=20_000, help="for the shape of the reference")
    parser.add_argument("--random-lines", type=int, default=100_000, help="for the equality with the rule")
    parser.add_argument("--memory-only", action="store_true", help="leave out everything but the memory of a worker")
    parser.add_argument("--run-on", help=argparse.SUPPRESS)
    parser.add_argument("--as-of", type=date.fromisoformat, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
