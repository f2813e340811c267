"""The nightly update of subscription lines, set-based: one chunk of due lines in one transaction (rules, section 5).

`domain.lines.terms.update_as_of` stays the one place that calculates dates. The lines that become due in a night differ in
few things, so the rule is asked once for each distinct combination of day, dates and terms, and its answers are joined back
to the lines. Which lines are due is known to the database: the generated column ``due_after``, held against the day of the
line's organization in its own zone.

The update never waits for another transaction's lock on a line, its contract line or its subscription: it skips such
lines, and a later pass returns to them. So it cannot be part of a deadlock, whatever the order in which others lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, text

from domain.lines.line import SubscriptionLine
from domain.lines.runs import DueDayDisagrees, FailedLine, RunDays, Scope
from domain.lines.terms import reference_date, update_as_of
from domain.refusals import Refusal
from domain.vocabulary import Channel
from records.lines import nightly_sql as sql
from records.transaction import Transaction

CHUNK_LINES = 10_000
"""The number of lines that one transaction changes: enough to spread its cost, and done within a second."""

FAILURES_KEPT = 100
"""The number of failed lines that a run names; it counts them all."""


class Chunk(BaseModel):
    """The result of one chunk."""

    model_config = ConfigDict(frozen=True)

    closed: int = 0
    rolled: int = 0
    pass_ended: bool = False


@dataclass
class _Answers:
    """The answers of the rule, column by column, as SQL takes them."""

    keys: list[tuple[Any, ...]] = field(default_factory=list)
    term_until: list[date | None] = field(default_factory=list)
    deadline: list[date | None] = field(default_factory=list)
    refused_keys: list[tuple[Any, ...]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def update_chunk(
    transaction: Transaction,
    run: str,
    *,
    at: datetime,
    limit: int = CHUNK_LINES,
    audit: bool = True,
) -> Chunk:
    """Close or roll the next ``limit`` due lines of a run, in the caller's transaction.

    The progress of the run is written in the same transaction, so the run continues where the last committed chunk ended,
    also after a crash; two processes with the same run take turns. ``at`` is the instant for the audit trail. Events are
    recorded where systems listen. ``audit=False`` is for measuring the cost of the audit trail.
    """
    connection = transaction.session.connection()
    for statement in sql.SETTINGS:
        connection.execute(text(statement))
    state = connection.execute(text(sql.LOCK_RUN), {"run": run}).mappings().one()
    scope = Scope.model_validate(state["scope"])
    days = days_of(connection, state["as_of"], state["instant"])
    picked = _pick(connection, state, scope, days, limit)
    cursor = connection.execute(text(sql.LAST_PICKED)).one_or_none()
    connection.execute(text(sql.SKIP_LOCKED_ELSEWHERE))
    keys = [tuple(key) for key in connection.execute(text(sql.DISTINCT_KEYS))]
    answers = _ask_the_rule(keys)
    common = {"run": run, "at": at, "actor": state["actor"]}
    changed = connection.execute(
        text(sql.change(audit=audit, notify=Channel.WEBHOOK in transaction.channels)),
        {
            **common,
            "messages": state["messages"],
            **_columns(answers.keys),
            "new_term_until": answers.term_until,
            "new_deadline": answers.deadline,
        },
    ).one()
    if changed.closed:
        connection.execute(text(sql.CLOSE_CONTRACT_LINES))
        connection.execute(text(sql.end_provision(audit=audit)), common)
    failed, failures = _failures(connection, answers)
    first_of_pass = state["cursor_due_after"] is None
    known = [] if first_of_pass else state["failures"]
    progress = {
        "run": run,
        "closed": changed.closed,
        "rolled": changed.rolled,
        "notices": changed.notices,
        "failed": failed + (0 if first_of_pass else state["failed"]),
        "failures": [*known, *failures][:FAILURES_KEPT],
    }
    if picked < limit or cursor is None:
        _end_pass(connection, scope, days, progress)
        return Chunk(closed=changed.closed, rolled=changed.rolled, pass_ended=True)
    connection.execute(sql.ADVANCE, {**progress, "cursor_due_after": cursor.due_after, "cursor_line": cursor.id})
    return Chunk(closed=changed.closed, rolled=changed.rolled)


def days_of(connection: Connection, as_of: date, instant: datetime | None) -> RunDays:
    """Return the day of each zone in use: that of the instant, or else ``as_of`` in all of them."""
    if instant is None:
        return RunDays(as_of)
    return RunDays.at(instant, connection.scalars(text(sql.ZONES)).all())


def _pick(connection: Connection, state: Mapping[Any, Any], scope: Scope, days: RunDays, limit: int) -> int:
    picked = connection.execute(
        text(sql.pick(scope, days)),
        {
            **sql.day_parameters(days),
            "after_day": state["cursor_due_after"] or date.min,
            "after_line": state["cursor_line"] or "",
            "limit": limit,
            **sql.scope_parameters(scope),
        },
    )
    return picked.rowcount


def _end_pass(connection: Connection, scope: Scope, days: RunDays, progress: dict[str, Any]) -> None:
    parameters = {**sql.day_parameters(days), **sql.scope_parameters(scope)}
    still_due = connection.scalar(text(sql.count_due(scope, days)), parameters) or 0
    connection.execute(sql.END_PASS, {**progress, "busy": max(0, still_due - progress["failed"])})


def _ask_the_rule(keys: Sequence[tuple[Any, ...]]) -> _Answers:
    answers = _Answers()
    rolled: dict[tuple[Any, ...], SubscriptionLine] = {}
    for key in sorted(keys, key=itemgetter(0)):
        as_of, *combination = key
        try:
            line = rolled.get(tuple(combination))
            # What a line was rolled to as of a day before holds as long as that is not due again.
            if line is None or as_of > reference_date(line):
                line = rolled[tuple(combination)] = _rolled(as_of, *combination)
        except Refusal as refusal:
            answers.refused_keys.append(key)
            answers.refusals.append(refusal)
        else:
            answers.keys.append(key)
            answers.term_until.append(line.term_until)
            answers.deadline.append(line.cancellation_possible_until)
    return answers


def _rolled(
    as_of: date,
    start_date: date | None,
    term_until: date | None,
    deadline: date | None,
    subsequent_term: str | None,
    notice_period: str | None,
) -> SubscriptionLine:
    """Return a line of this combination of dates and terms as the rule rolls it; raises the refusals of the rule."""
    # Of the fields that are left out, the rule reads none for a line that is not to be closed.
    line = SubscriptionLine.read(
        {
            "id": "any",
            "start_date": start_date or term_until,
            "subsequent_term": subsequent_term,
            "notice_period": notice_period,
            "billing_rhythm": "1M",
            "term_until": term_until,
            "cancellation_possible_until": deadline,
        }
    )
    updated = update_as_of(line, as_of)
    if updated.action != "rolled" or updated.line.term_until is None:
        raise DueDayDisagrees(as_of)
    return updated.line


def _columns(keys: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Return the keys as one array for each column."""
    return {name: [key[number] for key in keys] for number, name in enumerate(sql.KEY)}


def _failures(connection: Connection, answers: _Answers) -> tuple[int, list[dict[str, Any]]]:
    if not answers.refusals:
        return 0, []
    rows = connection.execute(text(sql.REFUSED_LINES), {**_columns(answers.refused_keys), "limit": FAILURES_KEPT}).all()
    named = [
        FailedLine(
            id=row.id,
            subscription=row.subscription,
            code=(refusal := answers.refusals[row.refusal - 1]).code,
            message=refusal.message,
        ).model_dump(mode="json")
        for row in rows
    ]
    return (rows[0].total if rows else 0), named
