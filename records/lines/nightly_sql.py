"""The statements of the nightly update; `records.lines.nightly` explains them, and runs them in order."""

# ruff: noqa: S608 - the statements are put together from constants of this module; values are always parameters

from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from domain.lines.runs import RunDays, Scope
from domain.webhooks import CONFIGURED

LINES_PER_MESSAGE = 1_000
"""The number of lines in one message: some 200 kB, which receivers still take."""

KEY = ("key_as_of", "key_start", "key_term_until", "key_deadline", "key_subsequent", "key_notice")
"""The columns that decide the outcome of a roll: the day, the dates and the terms. The start date counts only where there is
no term until yet."""

# A chunk is a hundredth of the table and found through indexes; a plan for all values of the parameters, or for a
# temporary table that nobody has analysed, may think otherwise.
SETTINGS = (
    "SET LOCAL enable_seqscan = off",
    "SET LOCAL plan_cache_mode = force_custom_plan",
    # -infinity stands for "not set": nulls join with nothing.
    """CREATE TEMPORARY TABLE IF NOT EXISTS due_lines (
        id text NOT NULL, subscription text NOT NULL, partner text NOT NULL, due_after date NOT NULL,
        closes boolean NOT NULL, end_date date, key_as_of date NOT NULL, key_start date NOT NULL, key_term_until date NOT NULL,
        key_deadline date NOT NULL, key_subsequent text, key_notice text
    ) ON COMMIT DELETE ROWS""",
    # Those of another chunk, where a caller does several in one transaction.
    "DELETE FROM due_lines",
)

LOCK_RUN = "SELECT * FROM line_dates_runs WHERE id = :run FOR UPDATE"

# The zones in use, one probe of the index for each, however many organizations there are.
ZONES = """
    WITH RECURSIVE zone AS (
        (SELECT time_zone FROM organizations ORDER BY time_zone LIMIT 1)
        UNION ALL
        SELECT (SELECT o.time_zone FROM organizations o WHERE o.time_zone > zone.time_zone ORDER BY o.time_zone LIMIT 1)
        FROM zone WHERE zone.time_zone IS NOT NULL
    )
    SELECT time_zone FROM zone WHERE time_zone IS NOT NULL
"""

# The zone of a line is that of its organization. Looked up line by line: a join would read every subscription for each chunk.
_ZONE = """(SELECT o.time_zone FROM subscriptions s JOIN organizations o ON o.id = s.organization WHERE s.id = picked.subscription)"""

_DAY_IN_ITS_ZONE = """(
            SELECT COALESCE(z.day, CAST(:otherwise AS date))
            FROM subscriptions s JOIN organizations o ON o.id = s.organization
            LEFT JOIN unnest(CAST(:zones AS text[]), CAST(:days AS date[])) AS z(time_zone, day) ON z.time_zone = o.time_zone
            WHERE s.id = l.subscription
        )"""
_DAY_EVERYWHERE = "CAST(:otherwise AS date)"

# The index finds what is due by the last of all days, and only what is not due by the first needs a look at its own.
_DUE = """l.due_after < CAST(:last_day AS date)
        AND (l.due_after < CAST(:first_day AS date) OR l.due_after < {day})"""

# NO KEY UPDATE: a row that merely refers to the line, as a new invoice does, neither waits nor is waited for.
_PICK = """
    WITH picked AS MATERIALIZED (
        SELECT l.* FROM subscription_lines l
        WHERE {due} AND (l.due_after, l.id) > (CAST(:after_day AS date), :after_line) {scope}
        ORDER BY l.due_after, l.id LIMIT :limit FOR NO KEY UPDATE OF l SKIP LOCKED
    ), of_a_day AS (
        SELECT picked.*, COALESCE(z.day, CAST(:otherwise AS date)) AS day
        FROM (SELECT picked.*, {zone} AS time_zone FROM picked OFFSET 0) picked
        LEFT JOIN unnest(CAST(:zones AS text[]), CAST(:days AS date[])) AS z(time_zone, day) USING (time_zone)
    )
    INSERT INTO due_lines
    SELECT id, subscription, partner, due_after,
        COALESCE(end_date = next_billing_date - 1 AND NOT open_billing_line AND end_date < day, false),
        end_date, day,
        CASE WHEN term_until IS NULL THEN start_date ELSE '-infinity' END, COALESCE(term_until, '-infinity'),
        COALESCE(cancellation_possible_until, '-infinity'), subsequent_term, notice_period
    FROM of_a_day
"""

LAST_PICKED = "SELECT due_after, id FROM due_lines ORDER BY due_after DESC, id DESC LIMIT 1"

# Closing a line closes its contract line and may end the subscription, so those rows are locked too, before anything is
# changed; lines whose rows another transaction has locked are left for the next pass.
SKIP_LOCKED_ELSEWHERE = """
    WITH subscription AS MATERIALIZED (
        SELECT s.id FROM subscriptions s WHERE s.id IN (SELECT d.subscription FROM due_lines d WHERE d.closes)
        FOR NO KEY UPDATE OF s SKIP LOCKED
    ), contract_line AS MATERIALIZED (
        SELECT c.subscription_line FROM contract_lines c
        WHERE c.subscription_line IN (SELECT d.id FROM due_lines d WHERE d.closes)
        FOR NO KEY UPDATE OF c SKIP LOCKED
    )
    DELETE FROM due_lines d WHERE d.closes AND (
        NOT EXISTS (SELECT FROM subscription s WHERE s.id = d.subscription)
        OR EXISTS (SELECT FROM contract_lines c WHERE c.subscription_line = d.id)
        AND NOT EXISTS (SELECT FROM contract_line c WHERE c.subscription_line = d.id)
    )
"""

DISTINCT_KEYS = """
    SELECT DISTINCT key_as_of, NULLIF(key_start, '-infinity'), NULLIF(key_term_until, '-infinity'),
        NULLIF(key_deadline, '-infinity'), key_subsequent, key_notice
    FROM due_lines WHERE NOT closes
"""

_KEYS_AS_ROWS = """
    unnest(CAST(:key_as_of AS date[]), CAST(:key_start AS date[]), CAST(:key_term_until AS date[]), CAST(:key_deadline AS date[]),
        CAST(:key_subsequent AS text[]), CAST(:key_notice AS text[])"""

# No notice period is a value like any other here; the equal columns before it find the row.
_SAME_KEY = """d.key_as_of = r.key_as_of AND d.key_start = COALESCE(r.key_start, '-infinity')
        AND d.key_term_until = COALESCE(r.key_term_until, '-infinity')
        AND d.key_deadline = COALESCE(r.key_deadline, '-infinity')
        AND d.key_subsequent = r.key_subsequent
        AND COALESCE(d.key_notice, '') = COALESCE(r.key_notice, '')"""

_CHANGE = f"""
    WITH changed AS (
        UPDATE subscription_lines l
        SET closed = d.closes, term_until = r.term_until, cancellation_possible_until = r.deadline
        FROM due_lines d LEFT JOIN {_KEYS_AS_ROWS}, CAST(:new_term_until AS date[]), CAST(:new_deadline AS date[]))
            AS r({", ".join(KEY)}, term_until, deadline)
            ON NOT d.closes AND {_SAME_KEY}
        WHERE l.id = d.id AND (d.closes OR r.term_until IS NOT NULL)
        RETURNING d.*, r.term_until, r.deadline
    )
"""

_AUDIT = """, audited AS (
        INSERT INTO audit_trail (at, actor, action, why, subscription, subscription_line, before, after, run)
        SELECT CAST(:at AS timestamptz), :actor,
            CASE WHEN closes THEN 'line.closed' ELSE 'line.term_rolled' END,
            CASE WHEN closes THEN 'ended on ' || to_char(end_date, 'YYYY-MM-DD') || ' and fully invoiced, as of '
                || to_char(key_as_of, 'YYYY-MM-DD')
            ELSE to_char(due_after, 'YYYY-MM-DD') || ' is past on ' || to_char(key_as_of, 'YYYY-MM-DD')
                || ', extended by ' || key_subsequent END || ' (rules, section 5)',
            subscription, id,
            jsonb_build_object('term_until', NULLIF(key_term_until, '-infinity'), 'cancellation_possible_until',
                NULLIF(key_deadline, '-infinity'), 'end_date', end_date, 'closed', false),
            jsonb_build_object('term_until', term_until, 'cancellation_possible_until', deadline,
                'end_date', end_date, 'closed', closes),
            :run
        FROM changed
    )
"""

_NOTICES = f""", numbered AS (
        SELECT changed.*, c.contract,
            (row_number() OVER (PARTITION BY closes, key_as_of ORDER BY id) - 1) / {LINES_PER_MESSAGE} AS part
        FROM changed LEFT JOIN contract_lines c ON c.subscription_line = changed.id
    ), batched AS (
        SELECT CASE WHEN closes THEN 'line.closed' ELSE 'line.term_rolled' END AS event, key_as_of, part,
            jsonb_agg(jsonb_build_object('id', id, 'subscription', subscription, 'partner', partner,
                'contract', contract, 'term_until', term_until, 'cancellation_possible_until', deadline,
                'end_date', end_date) ORDER BY id) AS lines
        FROM numbered GROUP BY closes, key_as_of, part
    ), told AS (
        SELECT batched.*, row_number() OVER (ORDER BY event, key_as_of, part) AS number FROM batched
    ), notices AS (
        INSERT INTO messages (id, event, channel, recipient, content, created_at, run)
        SELECT :run || '/' || event || '/' || (CAST(:messages AS bigint) + number) || '/webhook'
                || CASE WHEN e.name = '{CONFIGURED}' THEN '' ELSE '/' || e.name END,
            event, 'webhook', e.name,
            jsonb_build_object('run', CAST(:run AS text), 'as_of', key_as_of, 'lines', lines),
            CAST(:at AS timestamptz), :run
        FROM told JOIN webhook_endpoints e ON e.state <> 'removed'
            AND (e.events = '{{}}' OR event = ANY (e.events) OR 'line.*' = ANY (e.events))
        RETURNING id
    )
"""

CLOSE_CONTRACT_LINES = """
    UPDATE contract_lines c SET closed = true FROM due_lines d
    WHERE d.closes AND c.subscription_line = d.id AND NOT c.closed
"""

_END_PROVISION = """
    WITH ended AS (
        UPDATE subscriptions s SET provision_end_date = over.last_day
        FROM (
            SELECT l.subscription, max(l.end_date) AS last_day,
                (SELECT was.provision_end_date FROM subscriptions was WHERE was.id = l.subscription) AS before
            FROM subscription_lines l
            WHERE l.subscription IN (SELECT d.subscription FROM due_lines d WHERE d.closes)
            GROUP BY l.subscription HAVING bool_and(l.closed)
        ) over
        WHERE s.id = over.subscription AND s.provision_end_date IS DISTINCT FROM over.last_day
        RETURNING s.id, s.provision_end_date, over.before
    )
"""

REFUSED_LINES = f"""
    SELECT d.id, d.subscription, r.refusal, count(*) OVER () AS total
    FROM due_lines d JOIN {_KEYS_AS_ROWS}) WITH ORDINALITY AS r({", ".join(KEY)}, refusal) ON {_SAME_KEY}
    WHERE NOT d.closes ORDER BY d.due_after, d.id LIMIT :limit
"""

_PROGRESS = """
    UPDATE line_dates_runs SET closed = closed + :closed, rolled = rolled + :rolled, messages = messages + :notices,
        failed = :failed, failures = :failures
"""
_FAILURES = bindparam("failures", type_=JSONB)

ADVANCE = text(f"""
    {_PROGRESS}, cursor_due_after = :cursor_due_after, cursor_line = :cursor_line WHERE id = :run
""").bindparams(_FAILURES)

END_PASS = text(f"""
    {_PROGRESS}, busy = :busy, passes = passes + 1, cursor_due_after = NULL, cursor_line = NULL WHERE id = :run
""").bindparams(_FAILURES)


def pick(scope: Scope, days: RunDays) -> str:
    """Return the statement that locks the next due lines and copies them into ``due_lines``."""
    return _PICK.format(zone=_ZONE if days.by_zone else "CAST(NULL AS text)", due=_due(days), scope=within(scope))


def change(*, audit: bool, notify: bool) -> str:
    """Return the statement that closes and rolls the picked lines, audits the reasons, and records the notices."""
    notices = "(SELECT COALESCE(max(number), 0) FROM told)" if notify else "0"
    return (
        f"{_CHANGE}{_AUDIT if audit else ''}{_NOTICES if notify else ''}"
        "SELECT count(*) FILTER (WHERE closes) AS closed, count(*) FILTER (WHERE NOT closes) AS rolled, "
        f"{notices} AS notices FROM changed"
    )


def end_provision(*, audit: bool) -> str:
    """Return the statement that sets the provision end date of subscriptions whose last line was closed."""
    if not audit:
        return f"{_END_PROVISION} SELECT count(*) FROM ended"
    return f"""{_END_PROVISION}
        INSERT INTO audit_trail (at, actor, action, why, subscription, before, after, run)
        SELECT CAST(:at AS timestamptz), :actor, 'subscription.provision_ended',
            'every line is closed (rules, section 5)', id, jsonb_build_object('provision_end_date', before),
            jsonb_build_object('provision_end_date', provision_end_date),
            :run
        FROM ended"""


def within(scope: Scope) -> str:
    """Return the condition for the lines of a scope."""
    if scope.subscription is not None:
        return "AND l.subscription = :scope"
    if scope.contract is not None:
        return "AND EXISTS (SELECT FROM contract_lines c WHERE c.subscription_line = l.id AND c.contract = :scope)"
    return ""


def scope_parameters(scope: Scope) -> dict[str, str]:
    """Return the parameters of `within`."""
    name = scope.subscription or (scope.contract[0] if scope.contract else None)
    return {} if name is None else {"scope": name}


def _day(days: RunDays) -> str:
    """Return the day of a line: without zones, the same for all."""
    return _DAY_IN_ITS_ZONE if days.by_zone else _DAY_EVERYWHERE


def _due(days: RunDays) -> str:
    return _DUE.format(day=_day(days))


def count_due(scope: Scope, days: RunDays) -> str:
    """Return the statement that counts the due lines."""
    return f"SELECT count(*) FROM subscription_lines l WHERE {_due(days)} {within(scope)}"


def never_billed(scope: Scope, days: RunDays) -> str:
    """Return the statement that finds lines past their end date without a next billing date, and counts them."""
    return f"""
        SELECT l.id, l.subscription, l.end_date, count(*) OVER () AS total
        FROM subscription_lines l
        WHERE NOT l.closed AND l.next_billing_date IS NULL AND l.end_date < CAST(:last_day AS date) AND l.end_date < {_day(days)}
            {within(scope)}
        ORDER BY l.end_date, l.id LIMIT :limit"""


def day_parameters(days: RunDays) -> dict[str, Any]:
    """Return the parameters that the day of each line is found by."""
    return {
        "zones": list(days.by_zone),
        "days": list(days.by_zone.values()),
        "otherwise": days.otherwise,
        "first_day": days.first,
        "last_day": days.last,
    }


def count_open(scope: Scope) -> str:
    """Return the statement that counts the open lines."""
    return f"SELECT count(*) FROM subscription_lines l WHERE NOT l.closed {within(scope)}"


ESTIMATE_OPEN = "EXPLAIN (FORMAT JSON) SELECT FROM subscription_lines l WHERE NOT l.closed"
