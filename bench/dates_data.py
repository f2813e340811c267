"""The lines that `bench.dates` measures with, and the bare UPDATE that it measures against."""

# ruff: noqa: S608 - statements of constants

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, Engine, text

from domain.civil_time import day_of
from domain.lines.line import SubscriptionLine
from domain.lines.terms import update_as_of

LINES_PER_SUBSCRIPTION = 10
AS_OF = date(2026, 10, 1)
NOTHING_DUE = date(2020, 1, 1)
ZONES = (
    "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Pacific/Honolulu", "Europe/London", "America/Sao_Paulo",
    "Australia/Sydney", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Pago_Pago", "Pacific/Kiritimati", "America/Chicago",
)  # fmt: skip
"""The zones of the organizations: where a night begins it is the day as of which it is in half of them, and the day before
in the others."""
ORGANIZATIONS = 1_000

TERMS = (
    ("1Y", "3M"), ("1Y", "1M"), ("1M", "14D"), ("1M", "1M"), ("1Q", "1M"), ("6M", "3M"), ("2Y", "6M"), ("3M", "2W"),
    ("1Y", "90D"), ("1M+CM", "1M"), ("1Q", "CM"), ("12M", "1Q"),
)  # fmt: skip
"""Mixed terms: months, quarters, years, days, weeks, and moves to the end of a period."""

_FILL = """
    INSERT INTO organizations (id, url, unique_name, time_zone, platform, purpose, billing_administrator)
    SELECT 'O' || n, 'https://o.example/' || n, 'o' || n, zones[1 + n / 2 % {kinds_of_zones}], 'commerce_transaction', 'production',
        'a@o.example'
    FROM generate_series(0, {organizations} - 1) n, (SELECT ARRAY[{zones}] zones) kinds;
    INSERT INTO subscriptions (id, organization, description)
    SELECT 'S' || n, 'O' || n % {organizations}, 'bench' FROM generate_series(0, {subscriptions} - 1) n;
    INSERT INTO contracts (number, partner) SELECT 'CC-' || n, 'customer' FROM generate_series(0, 999) n;
    INSERT INTO contracts (number, partner) SELECT 'VC-' || n, 'vendor' FROM generate_series(0, 999) n;
    INSERT INTO subscription_lines (id, subscription, partner, start_date, subsequent_term, notice_period, billing_rhythm,
        next_billing_date, term_until, cancellation_possible_until)
    SELECT 'L' || n, 'S' || n / {per_subscription}, CASE WHEN n % 5 = 0 THEN 'vendor' ELSE 'customer' END, '2024-01-01',
        terms[1 + n % {kinds}], notices[1 + n % {kinds}], '1M', '2026-10-01',
        DATE '{as_of}' + n % 700 + 30, DATE '{as_of}' + n % 700
    FROM generate_series(0, {lines} - 1) n, (SELECT ARRAY[{terms}] terms, ARRAY[{notices}] notices) kinds
    ORDER BY hashint8(n);
    INSERT INTO contract_lines (contract, line_number, subscription_line)
    SELECT CASE WHEN n % 5 = 0 THEN 'VC-' ELSE 'CC-' END || n % 1000, n, 'L' || n FROM generate_series(0, {lines} - 1) n;
"""

# Due lines lie everywhere in the table. One in twenty is to be closed, the others are to be rolled.
_MAKE_DUE = """
    UPDATE subscription_lines SET term_until = DATE '{as_of}' - 1 - k % {spread} + 30,
        cancellation_possible_until = DATE '{as_of}' - 1 - k % {spread},
        end_date = CASE WHEN k % 20 = 0 THEN DATE '{as_of}' - 1 - k % 7 END,
        next_billing_date = CASE WHEN k % 20 = 0 THEN DATE '{as_of}' - k % 7 ELSE '2026-10-01' END
    FROM (SELECT 'L' || k * {every} AS id, k FROM generate_series(0, {due} - 1) k) due
    WHERE subscription_lines.id = due.id
"""

_BARE = """
    WITH updated AS (
        UPDATE subscription_lines l
        SET closed = p.closed, term_until = p.term_until, cancellation_possible_until = p.deadline
        FROM planned p WHERE l.id = p.id
        RETURNING p.*, l.subscription
    )
"""

_BARE_AUDIT = """
    INSERT INTO audit_trail (at, actor, action, why, subscription, subscription_line, before, after, run)
    SELECT now(), 'bench', 'line.term_rolled', '2026-09-30 is past, extended by 1Y (rules, section 5)', subscription, id,
        jsonb_build_object('term_until', old_term_until, 'cancellation_possible_until', old_deadline,
            'end_date', old_term_until, 'closed', false),
        jsonb_build_object('term_until', term_until, 'cancellation_possible_until', deadline,
            'end_date', old_term_until, 'closed', closed),
        'bench'
    FROM updated
"""


def night(day: date) -> datetime:
    """Return the instant of a night: 02:00 in UTC, 04:00 in a Berlin summer."""
    return datetime.combine(day, time(2), tzinfo=UTC)


def fill(engine: Engine, lines: int, due: int) -> None:
    """Fill an empty database with lines of which ``due`` are due as of `AS_OF`."""
    values = {
        "lines": lines,
        "subscriptions": lines // LINES_PER_SUBSCRIPTION,
        "per_subscription": LINES_PER_SUBSCRIPTION,
        "kinds": len(TERMS),
        "organizations": ORGANIZATIONS,
        "kinds_of_zones": len(ZONES),
        "zones": ", ".join(f"'{zone}'" for zone in ZONES),
        "terms": ", ".join(f"'{term}'" for term, _ in TERMS),
        "notices": ", ".join(f"'{notice}'" for _, notice in TERMS),
        "as_of": AS_OF,
    }
    with engine.begin() as connection:
        _do(connection, _FILL.format(**values))
    make_due(engine, due, 7)


def make_due(engine: Engine, due: int, spread: int) -> None:
    """Give ``due`` lines deadlines on the last ``spread`` days before `AS_OF`, and remember them."""
    with engine.begin() as connection:
        lines = connection.scalar(text("SELECT count(*) FROM subscription_lines")) or 0
        days = ", ".join(f"('{zone}', DATE '{day_of(night(AS_OF), zone)}')" for zone in ZONES)
        _do(connection, _MAKE_DUE.format(as_of=AS_OF, spread=spread, due=due, every=max(1, lines // due)))
        _do(connection, "DROP TABLE IF EXISTS planned")
        _do(
            connection,
            "CREATE TABLE planned AS SELECT l.id, start_date, subsequent_term, notice_period, next_billing_date, end_date, "
            "term_until AS old_term_until, cancellation_possible_until AS old_deadline, closed, term_until, "
            "cancellation_possible_until AS deadline, z.day FROM subscription_lines l JOIN subscriptions s "
            "ON s.id = l.subscription JOIN organizations o ON o.id = s.organization "
            f"JOIN (VALUES {days}) AS z(zone, day) ON z.zone = o.time_zone WHERE due_after < z.day",
        )
        _do(connection, "ALTER TABLE planned ADD PRIMARY KEY (id)")
    _vacuum(engine)


def plan(engine: Engine) -> None:
    """Calculate beforehand what the bare UPDATE is to write."""
    with engine.begin() as connection:
        planned = []
        for row in connection.execute(text("SELECT * FROM planned")).mappings():
            line = SubscriptionLine.read(
                {
                    **{
                        name: row[name] for name in ("id", "start_date", "subsequent_term", "notice_period", "end_date")
                    },
                    "next_billing_date": row["next_billing_date"],
                    "term_until": row["old_term_until"],
                    "cancellation_possible_until": row["old_deadline"],
                    "billing_rhythm": "1M",
                }
            )
            planned.append(update_as_of(line, row["day"]).line)
        connection.execute(
            text(
                "UPDATE planned p SET closed = n.closed, term_until = n.term_until, deadline = n.deadline FROM unnest("
                "CAST(:ids AS text[]), CAST(:closed AS boolean[]), CAST(:term_until AS date[]), CAST(:deadline AS date[])"
                ") AS n(id, closed, term_until, deadline) WHERE p.id = n.id"
            ),
            {
                "ids": [line.id for line in planned],
                "closed": [line.closed for line in planned],
                "term_until": [line.term_until for line in planned],
                "deadline": [line.cancellation_possible_until for line in planned],
            },
        )
    _vacuum(engine)


def bare_update(engine: Engine, *, audit: bool) -> None:
    """Write the same columns of the same rows in one statement for each table."""
    with engine.begin() as connection:
        _do(connection, _BARE + (_BARE_AUDIT if audit else "SELECT count(*) FROM updated"))
        _do(
            connection,
            "UPDATE contract_lines c SET closed = true FROM planned p WHERE p.closed AND c.subscription_line = p.id",
        )


def check_done(engine: Engine) -> None:
    """Stop the measurement if a way has not done its work."""
    with engine.connect() as connection:
        different = connection.scalar(
            text(
                "SELECT count(*) FROM planned p JOIN subscription_lines l USING (id) WHERE (l.closed, l.term_until, "
                "l.cancellation_possible_until) IS DISTINCT FROM (p.closed, p.term_until, p.deadline)"
            )
        )
    if different:
        raise RuntimeError(f"{different} lines are not as the rule says")


def put_back(engine: Engine) -> None:
    """Make the lines what they were, and the table as fresh as before."""
    with engine.begin() as connection:
        _do(
            connection,
            "UPDATE subscription_lines l SET closed = false, term_until = p.old_term_until, "
            "cancellation_possible_until = p.old_deadline FROM planned p WHERE l.id = p.id",
        )
        _do(connection, "UPDATE contract_lines SET closed = false WHERE closed")
    _vacuum(engine)


def as_of_with_due(engine: Engine, wanted: int) -> date:
    """Return a day as of which about so many lines are due."""
    with engine.connect() as connection:
        day: date = connection.scalar(
            text(
                "SELECT COALESCE((SELECT due_after FROM subscription_lines WHERE due_after IS NOT NULL "
                "ORDER BY due_after OFFSET :n LIMIT 1), (SELECT max(due_after) FROM subscription_lines))"
            ),
            {"n": wanted - 1},
        )
        return day + timedelta(days=1)


def _do(connection: Connection, statements: str) -> None:
    connection.execute(text(statements))


def _vacuum(engine: Engine) -> None:
    """Vacuum, analyse and checkpoint, so that no round pays for the one before."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _do(connection, "VACUUM (ANALYZE) subscription_lines, contract_lines, planned, audit_trail")
        _do(connection, "CHECKPOINT")
