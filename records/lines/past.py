"""Subscription lines as they were on the day of receipt, from the audit trail (`domain.lines.past`)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Text, and_, bindparam, cast, exists, or_, select
from sqlalchemy.orm import Session

from domain.civil_dates import plus_days
from domain.civil_time import start_of_day
from domain.lines.line import SubscriptionLine
from domain.lines.past import TERM_DATES, TERMS, RecordedChange, as_received, with_end_set_since
from domain.vocabulary import Stage
from records.lines.rows import as_domain
from storage.tables import AuditRow, CancellationRow, SubscriptionLineRow

_ROLLED, _IMPORTED = "line.term_rolled", "line.imported"

# A row without a field leaves it as it is; an unset one is a null of JSON, which is a value.
_CHANGES: ColumnElement[bool] = or_(
    *(
        and_(AuditRow.before.has_key(name), cast(AuditRow.before[name], Text) != cast(AuditRow.after[name], Text))
        for name in (*TERM_DATES, "end_date", *TERMS)
    )
)


_UNDONE_CASE = exists().where(
    CancellationRow.id == AuditRow.cancellation,
    CancellationRow.subscription_line.is_not(None),
    CancellationRow.stage.in_([Stage.REVERSED.value, Stage.WITHDRAWN.value, Stage.ABANDONED.value]),
)
_CHANGES_OF_LINES = (
    select(AuditRow, _UNDONE_CASE.label("is_undone"))
    .where(AuditRow.subscription_line.in_(bindparam("lines", expanding=True)), _CHANGES)
    .order_by(AuditRow.id.desc())
)


def lines_as_received(
    session: Session,
    rows: Sequence[SubscriptionLineRow],
    *,
    received_on: date,
    zone: str,
    wished_on: date | None = None,
    case: str | None = None,
    changes: Mapping[str, Sequence[RecordedChange]] | None = None,
) -> list[SubscriptionLine]:
    """Return lines with the terms and dates that they had on the day of receipt, a civil day in ``zone``, in the same order.

    An end date that was set since stays where the decision would postpone it. What ``case`` itself did to them is undone, and
    so is what a case of one line did that was undone itself: it counts as never asked for. ``changes`` are the recorded ones of
    the lines, where they are known already (`changes_of`).

    Raises:
        LineUnknownOnDay, and what `domain.lines.decision.decide` raises.

    """
    day_ends = start_of_day(plus_days(received_on, 1), zone)
    if changes is None:
        changes = changes_of(session, [row.id for row in rows if not row.closed], day_ends, case)
    found = []
    for row in rows:
        present = as_domain(row)
        past = as_received(present, changes.get(row.id, ()), received_on, is_known=row.known_since < day_ends)
        if case is not None and row.frozen_by == case:
            present = present.model_copy(update={"end_date": None})
        found.append(with_end_set_since(past, present, received_on, wished_on))
    return found


def changes_of(
    session: Session, lines: Sequence[str], day_ends: datetime, case: str | None = None
) -> Mapping[str, Sequence[RecordedChange]]:
    """Return the recorded changes of each line that has any, newest first; ``day_ends`` is the end of the day of receipt."""
    changes: dict[str, list[RecordedChange]] = defaultdict(list)
    if not lines:
        return changes
    session.flush()
    for row, is_undone in session.execute(_CHANGES_OF_LINES, {"lines": list(lines)}):
        assert row.subscription_line is not None  # noqa: S101 - the query says so
        changes[row.subscription_line].append(
            RecordedChange(
                is_later=row.at >= day_ends,
                is_roll=row.action == _ROLLED,
                is_of_case=is_undone or (case is not None and row.cancellation == case),
                is_import=row.action == _IMPORTED,
                before=row.before or {},
                after=row.after or {},
            )
        )
    return changes
