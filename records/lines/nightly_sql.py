"""The statements of the nightly update; `records.lines.nightly` explains them, and runs them in order."""

# ruff: noqa: S608 - the statements are put together from constants of this module; values are always parameters

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from domain.lines.runs import Scope

LINES_PER_MESSAGE = 1_000
"""The number of lines in one message: some 200 kB, which receivers still take."""

KEY = ("key_start", "key_term_until", "key_deadline", "key_subsequent", "key_notice")
"""The columns that decide the outcome of a roll. The start date counts only where there is no term until yet."""

# A chunk is a hundredth of the table and found through indexes; a plan for all values of the parameters, or for a
# temporary table that nobody has analysed, may think otherwise.
SETTINGS = (
    "SET LOCAL enable_seqscan = off",
    "SET LOCAL plan_cache_mode = force_custom_plan",
    # -infinity stands for "not set": nulls join with nothing.
    """CREATE TEMPORARY TABLE IF NOT EXISTS due_lines (
        id text NOT NULL, subscription text NOT NULL, partner text NOT NULL, due_after date NOT NULL,
        closes boolean NOT NULL, end_date date, key_start date NOT NULL, key_term_until date NOT NULL,
        key_deadline date NOT NULL, key_subsequent text, key_notice text
    ) ON COMMIT DELETE ROWS""",
)

LOCK_RUN = "SELECT * FROM line_dates_runs WHERE id = :run FOR UPDATE"

_DUE = "l.due_after < CAST(:as_of AS date)"

# NO KEY UPDATE: a row that merely refers to the line, as a new invoice does, neither waits nor is waited for.
_PICK = f"""
    INSERT INTO due_lines
    SELECT l.id, l.subscription, l.partner, l.due_after,
        COALESCE(l.end_date = l.next_billing_date - 1 AND NOT l.open_billing_line AND l.end_date < :as_of, false),
        l.end_date,
        CASE WHEN l.term_until IS NULL THEN l.start_date ELSE '-infinity' END,
        COALESCE(l.term_until, '-infinity'), COALESCE(l.cancellation_possible_until, '-infinity'),
        l.subsequent_term, l.notice_period
    FROM subscription_lines l
    WHERE {_DUE} AND (l.due_after, l.id) > (CAST(:after_day AS date), :after_line) {{scope}}
    ORDER BY l.due_after, l.id LIMIT :limit
    FOR NO KEY UPDATE OF l SKIP LOCKED
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
    SELECT DISTINCT NULLIF(key_start, '-infinity'), NULLIF(key_term_until, '-infinity'),
        NULLIF(key_deadline, '-infinity'), key_subsequent, key_notice
    FROM due_lines WHERE NOT closes
"""

_KEYS_AS_ROWS = """
    unnest(CAST(:key_start AS date[]), CAST(:key_term_until AS date[]), CAST(:key_deadline AS date[]),
        CAST(:key_subsequent AS text[]), CAST(:key_notice AS text[])"""

_SAME_KEY = """d.key_start = COALESCE(r.key_start, '-infinity')
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
            CASE WHEN closes THEN 'ended on ' || to_char(end_date, 'YYYY-MM-DD') || ' and fully invoiced'
            ELSE to_char(due_after, 'YYYY-MM-DD') || ' is past, extended by ' || key_subsequent END
                || ' (rules, section 5)',
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
        SELECT changed.*, c.contract, (row_number() OVER (PARTITION BY closes ORDER BY id) - 1) / {LINES_PER_MESSAGE} AS part
        FROM changed LEFT JOIN contract_lines c ON c.subscription_line = changed.id
    ), batched AS (
        SELECT CASE WHEN closes THEN 'line.closed' ELSE 'line.term_rolled' END AS event, part,
            jsonb_agg(jsonb_build_object('id', id, 'subscription', subscription, 'partner', partner,
                'contract', contract, 'term_until', term_until, 'cancellation_possible_until', deadline,
                'end_date', end_date) ORDER BY id) AS lines
        FROM numbered GROUP BY closes, part
    ), notices AS (
        INSERT INTO messages (id, event, channel, recipient, content, created_at, run)
        SELECT :run || '/' || event || '/' || (CAST(:messages AS bigint) + row_number() OVER (ORDER BY event, part))
                || '/webhook',
            event, 'webhook', 'webhook',
            jsonb_build_object('run', CAST(:run AS text), 'as_of', CAST(:as_of AS date), 'lines', lines),
            CAST(:at AS timestamptz), :run
        FROM batched
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
            SELECT l.subscription, max(l.end_date) AS last_day FROM subscription_lines l
            WHERE l.subscription IN (SELECT d.subscription FROM due_lines d WHERE d.closes)
            GROUP BY l.subscription HAVING bool_and(l.closed)
        ) over
        WHERE s.id = over.subscription AND s.provision_end_date IS DISTINCT FROM over.last_day
        RETURNING s.id, s.provision_end_date
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


def pick(scope: Scope) -> str:
    """Return the statement that locks the next due lines and copies them into ``due_lines``."""
    return _PICK.format(scope=within(scope))


def change(*, audit: bool, notify: bool) -> str:
    """Return the statement that closes and rolls the picked lines, audits the reasons, and records the notices."""
    notices = "(SELECT count(*) FROM notices)" if notify else "0"
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
        INSERT INTO audit_trail (at, actor, action, why, subscription, after, run)
        SELECT CAST(:at AS timestamptz), :actor, 'subscription.provision_ended',
            'every line is closed (rules, section 5)', id, jsonb_build_object('provision_end_date', provision_end_date),
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


def count_due(scope: Scope) -> str:
    """Return the statement that counts the due lines."""
    return f"SELECT count(*) FROM subscription_lines l WHERE {_DUE} {within(scope)}"


def count_open(scope: Scope) -> str:
    """Return the statement that counts the open lines."""
    return f"SELECT count(*) FROM subscription_lines l WHERE NOT l.closed {within(scope)}"


ESTIMATE_OPEN = "EXPLAIN (FORMAT JSON) SELECT FROM subscription_lines l WHERE NOT l.closed"
