"""Lists of a hundred from a million cancellations, with each filter: ``make bench-lists``.

What PostgreSQL takes for each, and whether it reads a whole table, against one cancellation by its id. Published are ratios; the
absolute figures are those of this machine.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import Session

from domain.cancellation.waiting import Awaited
from domain.vocabulary import Stage
from records.cancellation.case_list import CaseFilter, list_cases
from starter.local.postgres import PostgresCluster
from storage.database import create_database_engine
from storage.schema.migrate import upgrade
from storage.tables import CancellationRow
from tests.support.servers import open_directory, running

PAGE = 100
ROUNDS = 5
SINCE = date(2024, 1, 1)
CASES_OF_A_SUBSCRIPTION = 4
"""Three that have ended, and one that has ended in 49 of 50."""
SUBSCRIPTIONS_OF_AN_ORGANIZATION = 12

_FILL = """
    INSERT INTO organizations (id, url, unique_name, time_zone, platform, purpose, billing_administrator)
    SELECT 'ORG-' || n, 'https://o.example/' || n, 'contoso-' || n, 'Europe/Berlin', 'commerce_transaction', 'production', 'a@o.example'
    FROM generate_series(0, {organizations} - 1) n;
    INSERT INTO subscriptions (id, organization, description)
    SELECT 'SUB-' || n, 'ORG-' || n % {organizations}, 'Sales, ' || n % 1000 || ' seats'
    FROM generate_series(0, {subscriptions} - 1) n;
    INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, received_at, received_on,
        time_zone, termination, termination_date, data, campaigns, verified_by, reason_code, access_ended_on, reversal_deadline, ended_at,
        goodwill_reason)
    SELECT 'SUB-' || s || '/' || k, 'SUB-' || s, k, 'r' || s || '/' || k, 'cancellation:SUB-' || s, 'agent', stage, received,
        received::date, 'Europe/Berlin',
        CASE WHEN stage <> 'intake' THEN 'on_date' END, CASE WHEN stage <> 'intake' THEN received::date + 40 END,
        CASE WHEN stage <> 'intake' THEN 'none' END, CASE WHEN stage <> 'intake' THEN 'no_campaigns' END,
        CASE WHEN stage <> 'intake' THEN 'attestation' END,
        (ARRAY['too_expensive', 'unused', 'missing_features', 'customer_service', 'switched_service', 'too_complex', 'low_quality',
               'other'])[1 + (s + k) % 8],
        CASE WHEN stage IN ('canceled', 'closed', 'reversed') THEN received::date + 40 END,
        CASE WHEN stage IN ('canceled', 'closed', 'reversed') THEN received + interval '71 days' END,
        CASE WHEN stage IN ('closed', 'withdrawn', 'reversed') THEN received + interval '80 days' END,
        CASE WHEN stage = 'preparing' AND s % 4 = 0 THEN 'a loyal customer' END
    FROM (
        SELECT s, k, TIMESTAMPTZ '{since} 08:00Z' + (hashint8(s * 4 + k)::bigint & 2147483647) % 60000000 * interval '1 second' AS received,
            CASE WHEN k = {cases} AND s % 50 = 0 THEN (ARRAY['intake', 'preparing', 'scheduled', 'canceled'])[1 + s / 50 % 4]
                 ELSE (ARRAY['closed', 'closed', 'withdrawn', 'reversed'])[1 + (s + k) % 4] END AS stage
        FROM generate_series(0, {subscriptions} - 1) s, generate_series(1, {cases}) k
    ) AS made
"""

FILTERS: Mapping[str, CaseFilter] = {
    "none": CaseFilter(),
    "stage intake": CaseFilter(stages=frozenset({Stage.INTAKE})),
    "stage closed": CaseFilter(stages=frozenset({Stage.CLOSED})),
    "two stages": CaseFilter(stages=frozenset({Stage.SCHEDULED, Stage.CANCELED})),
    "an organization": CaseFilter(organization="ORG-77"),
    "the organizations of a token": CaseFilter(organizations=frozenset(f"ORG-{n}" for n in range(20))),
    "a deadline": CaseFilter(deadline_until=datetime(2024, 3, 1, tzinfo=UTC)),
    "a deadline far ahead": CaseFilter(deadline_until=datetime(2030, 1, 1, tzinfo=UTC)),
    **{f"waiting for {awaited.value}": CaseFilter(waits_for=awaited) for awaited in Awaited},
    "a reason": CaseFilter(reason_code="too_complex"),
    "a reason that nobody gave": CaseFilter(reason_code="bored"),
    "received in a week": CaseFilter(
        received_from=SINCE + timedelta(days=300), received_until=SINCE + timedelta(days=307)
    ),
    "received long ago": CaseFilter(received_until=SINCE + timedelta(days=3)),
    "text that one has": CaseFilter(text="SUB-7777/2"),
    "text of an organization": CaseFilter(text="contoso-777"),
    "text of five thousand cases": CaseFilter(text="contoso-77"),
    "text of ten thousand cases": CaseFilter(text="77 seats"),
    "text of fifty thousand cases": CaseFilter(text="contoso-7"),
    "text of two letters": CaseFilter(text="77"),
    "text that all have": CaseFilter(text="SUB"),
    "text that none has": CaseFilter(text="nothing like it"),
    "stage and reason": CaseFilter(stages=frozenset({Stage.CLOSED}), reason_code="unused"),
}


def main() -> None:
    """Fill a database, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path, help="where the database is kept for another run")
    options = parser.parse_args()
    with open_directory() as temporary, database(options.directory or temporary) as engine:
        fill(engine, options.cases)
        measure(engine)


@contextmanager
def database(directory: Path) -> Iterator[Engine]:
    """Yield a migrated database in a directory."""
    directory.mkdir(exist_ok=True)
    directory.chmod(0o711)
    cluster = PostgresCluster(directory / "postgres")
    cluster.create()
    (directory / "run").mkdir(exist_ok=True)
    with running(cluster, directory / "run") as port:
        cluster.ensure_database(port, "bench")
        upgrade(cluster.url(port, "bench"))
        engine = create_database_engine(cluster.url(port, "bench"))
        yield engine
        engine.dispose()


def fill(engine: Engine, cases: int) -> None:
    """Add the cases, unless they are there."""
    with Session(engine) as session:
        if session.scalar(text("SELECT count(*) FROM cancellations")) or cases <= 0:
            return
    subscriptions = cases // CASES_OF_A_SUBSCRIPTION
    values = {
        "subscriptions": subscriptions,
        "organizations": max(subscriptions // SUBSCRIPTIONS_OF_AN_ORGANIZATION, 100),
        "cases": CASES_OF_A_SUBSCRIPTION,
        "since": SINCE,
    }
    execute_all(engine, _FILL.format(**values))


def execute_all(engine: Engine, script: str) -> None:
    """Execute the statements of a script in one transaction, and have PostgreSQL look at what the tables hold then."""
    with engine.begin() as connection:
        for statement in script.split(";\n"):
            connection.execute(text(statement))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def measure(engine: Engine) -> None:
    """Print what each list takes, and what reads a whole table for it."""
    with Session(engine) as session:
        some = session.query(CancellationRow.id).limit(1).scalar()
    reference, _ = explained(engine, [("SELECT * FROM cancellations WHERE id = %(id)s", {"id": some})])
    print(f"{'one by its id':<32} {reference:8.3f} ms")
    for name, wanted in FILTERS.items():
        took, whole = explained(
            engine, statements(engine, partial(list_cases, wanted=wanted, limit=PAGE, counted=False))
        )
        print(f"{name:<32} {took:8.3f} ms  {took / reference:8.0f}x  {', '.join(sorted(whole))}")


def statements(engine: Engine, read: Callable[[Session], object]) -> list[tuple[str, Any]]:
    """Return the statements of what is read, with their parameters."""
    found: list[tuple[str, Any]] = []

    def keep(_: Connection, __: Any, statement: str, parameters: Any, ___: Any, ____: bool) -> None:
        found.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", keep)
    try:
        with Session(engine) as session:
            read(session)
    finally:
        event.remove(engine, "before_cursor_execute", keep)
    return found


def explained(engine: Engine, asked: list[tuple[str, Any]]) -> tuple[float, set[str]]:
    """Return the milliseconds that statements take in the database, and the tables that are read whole."""
    whole: set[str] = set()

    def look(node: Mapping[str, Any]) -> None:
        removed = node.get("Rows Removed by Filter", 0)
        if node["Node Type"] == "Seq Scan" and node.get("Actual Rows", 0) + removed > 1000:
            whole.add(f"reads all of {node['Relation Name']}")
        elif removed > 100_000:
            whole.add(f"looks at {removed:,.0f} rows of {node['Relation Name']}")
        for child in node.get("Plans", ()):
            look(child)

    took = []
    with engine.connect() as connection:
        for _ in range(ROUNDS):
            total = 0.0
            for statement, parameters in asked:
                rows = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
                found = rows.scalar_one()
                [plan] = found if isinstance(found, list) else json.loads(found)
                look(plan["Plan"])
                total += plan["Execution Time"]
            took.append(total)
    return statistics.median(took), whole


if __name__ == "__main__":
    main()
