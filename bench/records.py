"""What every step of a case reads, at a million cases: ``make bench-records``.

As many cancellations as in `bench.lists`, ten entries of the audit trail and four messages each, one case in two hundred running and one message in
a thousand pending. What PostgreSQL takes for the statements of a case, of deliveries, of the measurements and of the reconciliation, and
whether it reads a table whole, against one cancellation by its id.
"""

import argparse
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from bench.lists import database, execute_all, explained, fill, statements
from domain.cases import CaseKind
from domain.vocabulary import Channel
from records import audit, outbox
from records.cancellation.locked_case import case_record
from records.measurements import measure
from records.reconciliation.cases import unfinished_cases
from records.transaction import Transaction
from tests.support.servers import open_directory

_FILL = """
    SET session_replication_role = replica;
    INSERT INTO audit_trail (at, actor, action, subscription, cancellation, before, after, step)
    SELECT c.received_at + n * interval '1 day', 'worker', 'cancellation.step_' || n, c.subscription, c.id, '{"stage": "intake"}',
        '{"stage": "scheduled", "termination_date": "2026-11-30"}', 'worker:' || c.id || '/' || n
    FROM cancellations c, generate_series(1, 10) n;
    INSERT INTO messages (id, cancellation, event, channel, recipient, content, created_at, delivered_at)
    SELECT c.id || '/' || n || '/mail', c.id, 'cancellation.received', 'mail', 'a@o.example', '{"cancellation": "x"}',
        c.received_at, CASE WHEN hashtext(c.id || n) % 1000 = 0 THEN NULL ELSE c.received_at + interval '1 minute' END
    FROM cancellations c, generate_series(1, 4) n;
    SET session_replication_role = origin
"""


def main() -> None:
    """Fill a database, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path, help="where the database is kept for another run")
    options = parser.parse_args()
    with open_directory() as temporary, database(options.directory or temporary) as engine:
        fill(engine, options.cases)
        _fill(engine)
        _measure(engine)


def _fill(engine: Engine) -> None:
    with Session(engine) as session:
        if session.scalar(text("SELECT count(*) FROM (SELECT 1 FROM audit_trail LIMIT 1) AS one")):
            return
    execute_all(engine, _FILL)


def _measure(engine: Engine) -> None:
    with Session(engine) as session:
        case, subscription = session.execute(
            text("SELECT id, subscription FROM cancellations ORDER BY id LIMIT 1 OFFSET 1000")
        ).one()
        for table, rows, size in session.execute(
            text(
                "SELECT relname, reltuples::bigint, pg_total_relation_size(oid) / 1048576 FROM pg_class "
                "WHERE relname IN ('cancellations', 'audit_trail', 'messages') ORDER BY 1"
            )
        ):
            print(f"{table:36}{rows:12,} rows{size:8,} MiB")
    now = datetime.now(UTC)
    reads: Mapping[str, Callable[[Session], object]] = {
        "its record, for the workflow": lambda session: case_record(session, case),
        "the history of a subscription": lambda session: audit.trail_of(session, subscription, most=500),
        "a step of the trail, by its key": lambda session: session.execute(
            text("SELECT after FROM audit_trail WHERE step = :step"), {"step": f"worker:{case}/3"}
        ),
        "its newest messages": lambda session: outbox.last_of(session, case),
        "its pending mails": lambda session: outbox.mails_of(session, case),
        "its next mail, locked": lambda session: outbox.claim_next(Transaction(session), case, Channel.MAIL),
        "the measurements of all": lambda session: measure(session, at=now, zone="Europe/Berlin"),
        "a hundred to reconcile": lambda session: unfinished_cases(session, CaseKind.SUBSCRIPTION, after="", limit=100),
    }
    reference, _ = explained(engine, [("SELECT * FROM cancellations WHERE id = %(id)s", {"id": case})])
    print(f"{'one by its id':36}{reference:9.3f} ms")
    for name, read in reads.items():
        took, whole = explained(engine, statements(engine, read))
        print(f"{name:36}{took:9.3f} ms  {took / reference:8.0f}x  {', '.join(sorted(whole))}")


if __name__ == "__main__":
    main()
