"""The equality of the job's dates with the pure rule's, on many random lines."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.dates_data import ZONES, night
from domain.civil_dates import DateOutOfRange
from domain.civil_time import day_of
from domain.lines.runs import Scope
from domain.lines.terms import update_as_of
from records.lines.nightly import update_chunk
from records.lines.rows import as_domain
from records.lines.runs import open_run, progress_of
from records.transaction import Transaction
from storage.database import create_database_engine
from storage.tables import SubscriptionLineRow

_AS_OF = date(2026, 10, 1)
_SETUP = """
    INSERT INTO organizations (id, url, unique_name, time_zone, platform, purpose, billing_administrator)
    SELECT 'O' || n, 'https://o.example/' || n, 'o' || n, zones[n], 'commerce_transaction', 'production', 'a@o.example'
    FROM (SELECT ARRAY[{zones}] zones) kinds, generate_series(1, {kinds_of_zones}) n;
    INSERT INTO subscriptions (id, organization, description)
    SELECT 'S' || n, 'O' || 1 + n % {kinds_of_zones}, 'd' FROM generate_series(0, 999) n;
    INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, received_at, received_on)
    VALUES ('S0/1', 'S0', 1, 'r', 'w', 'a', 'intake', now(), '2026-01-01');
"""
_CALENDAR = (date(1, 1, 1), date(1, 3, 1), date(9999, 12, 31), date(9999, 11, 30), date(9990, 2, 28))


def check_equality(url: str, lines: int, *, seed: int = 3) -> None:
    """Run the update on random lines and compare each with the rule; raise if any differs."""
    engine = create_database_engine(url)
    chance = random.Random(seed)  # noqa: S311 - for data
    with engine.begin() as connection:
        zones = ", ".join(f"'{zone}'" for zone in ZONES)
        connection.execute(text(_SETUP.format(zones=zones, kinds_of_zones=len(ZONES))))
    with Session(engine) as session, session.begin():
        for number in range(lines):
            session.add(SubscriptionLineRow(**_random_line(chance, number)))
            if number % 5000 == 4999:
                session.flush()
                session.expunge_all()
    days = [day_of(night(_AS_OF), zone) for zone in ZONES]
    expected, refused = {}, set()
    with Session(engine) as session:
        for row in session.query(SubscriptionLineRow).yield_per(5000):
            today = days[int(row.subscription[1:]) % len(ZONES)]
            try:
                updated = update_as_of(as_domain(row), today).line
                expected[row.id] = (updated.term_until, updated.cancellation_possible_until, updated.closed)
            except DateOutOfRange:
                refused.add(row.id)
                expected[row.id] = (row.term_until, row.cancellation_possible_until, row.closed)
    progress = _run(url)
    with engine.connect() as connection:
        columns = "id, term_until, cancellation_possible_until, closed"
        found = {
            row.id: (row.term_until, row.cancellation_possible_until, row.closed)
            for row in connection.execute(text(f"SELECT {columns} FROM subscription_lines"))  # noqa: S608 - constants
        }
    engine.dispose()
    different = [name for name, wanted in expected.items() if found[name] != wanted]
    print(
        f"equality: {lines:,} random lines, {progress.closed:,} closed, {progress.rolled:,} rolled, {progress.failed:,} "
        f"refused (by the rule: {len(refused):,}), {len(different)} different from the rule",
        flush=True,
    )
    if different or progress.failed != len(refused) or progress.busy:
        raise RuntimeError(f"the job and the rule disagree, for example about {different[:5]}")


def _run(url: str) -> Any:
    engine = create_database_engine(url)
    with Transaction.begin(engine) as transaction:
        open_run(
            transaction,
            "run",
            as_of=_AS_OF,
            instant=night(_AS_OF),
            zone="UTC",
            scope=Scope(),
            actor="bench",
            at=datetime.now(UTC),
        )
    ended = False
    while not ended:
        with Transaction.begin(engine) as transaction:
            ended = update_chunk(transaction, "run", at=datetime.now(UTC)).pass_ended
    with Session(engine) as session:
        progress = progress_of(session, "run")
    engine.dispose()
    return progress


def _random_line(chance: random.Random, number: int) -> dict[str, Any]:
    start = chance.choice(_CALENDAR[:2]) if chance.random() < 0.001 else _near(chance, date(2020, 1, 1), 3000)
    row: dict[str, Any] = {
        "id": f"L{number}",
        "subscription": f"S{number % 1000}",
        "partner": chance.choice(("customer", "vendor")),
        "start_date": start,
        "subsequent_term": _formula(chance, moves=True) if chance.random() < 0.85 else None,
        "notice_period": _formula(chance) if chance.random() < 0.85 else None,
        "billing_rhythm": "1M",
        "open_billing_line": chance.random() < 0.1,
        "frozen_by": "S0/1" if chance.random() < 0.1 else None,
    }
    for name in ("term_until", "cancellation_possible_until"):
        kind = chance.random()
        row[name] = None if kind < 0.2 else chance.choice(_CALENDAR) if kind < 0.21 else _near(chance, _AS_OF, 900)
    if chance.random() < 0.3:
        row["end_date"] = max(start, _near(chance, _AS_OF, 400))
        row["next_billing_date"] = max(start, row["end_date"] + timedelta(days=chance.choice((1, 1, 1, 0, -5))))
    else:
        row["end_date"] = None
        row["next_billing_date"] = start + timedelta(days=chance.randrange(4000)) if chance.random() < 0.5 else None
    return row


def _near(chance: random.Random, day: date, reach: int) -> date:
    near = day + timedelta(days=chance.randint(-reach, reach))
    if chance.random() < 0.2:  # the last day of a month more often than chance has it
        near = near.replace(day=1) - timedelta(days=1)
    return near


def _formula(chance: random.Random, *, moves: bool = False) -> str:
    terms = [
        chance.choice(
            (f"{chance.randint(1, 40)}D", f"{chance.randint(1, 9)}W", f"{chance.randint(1, 24)}M", "1Q", "1Y")
        )
        for _ in range(chance.choice((1, 1, 1, 1, 2, 3)))
    ]
    if chance.random() < 0.2:
        terms.insert(chance.randint(0, len(terms)), chance.choice(("CW", "CM", "CQ", "CY", "CD")))
    if not moves and chance.random() < 0.05:
        return chance.choice(("0D", "CM", "9999Y", "9999999D"))
    return "+".join(terms)
