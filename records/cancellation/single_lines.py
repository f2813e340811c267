"""The line of a cancellation that ends alone: whether it may, and what a cancellation of its whole subscription does to it."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from domain.cancellation.single_lines import (
    LastCustomerLine,
    LineEndsAlready,
    LineUnknown,
    SubscriptionBeingCancelled,
)
from domain.lines.line import Partner
from domain.vocabulary import FINAL_STAGES, Stage
from records.cancellation.locked_case import LockedCase, newest_case
from records.cancellation.open_lines import SETTLED_STAGES
from storage.tables import CancellationRow, SubscriptionLineRow


def subscription_of(session: Session, line: str) -> str:
    """Return the subscription of a line. Raises LineUnknown."""
    found = session.scalar(select(SubscriptionLineRow.subscription).where(SubscriptionLineRow.id == line))
    if found is None:
        raise LineUnknown(line)
    return found


def check_line_can_end_alone(session: Session, line: str, *, today: date, goodwill: bool) -> None:
    """Check that a line can be cancelled while its subscription goes on; the caller has locked that.

    ``today`` is the day of receipt or of its entry, the later one, in the organization's zone.

    Raises:
        SubscriptionBeingCancelled, LineEndsAlready, LastCustomerLine.

    """
    row = session.get_one(SubscriptionLineRow, line, populate_existing=True)
    whole = newest_case(session, row.subscription)
    if whole is not None and whole.stage not in FINAL_STAGES:
        raise SubscriptionBeingCancelled(line, row.subscription, whole.id)
    brings_forward = goodwill and row.partner == Partner.CUSTOMER and row.frozen_by is None
    if row.closed or (row.end_date is not None and not brings_forward) or row.frozen_by is not None:
        raise LineEndsAlready(line, row.end_date, closed=row.closed)
    if row.partner == Partner.CUSTOMER and not _another_goes_on(session, row, today):
        raise LastCustomerLine(line, row.subscription)


def unsettled_line_cases(session: Session, subscription: str) -> Sequence[str]:
    """Return the cancellations of single lines of a subscription that have not fixed the ends of these."""
    query = select(CancellationRow.id).where(
        CancellationRow.subscription == subscription,
        CancellationRow.subscription_line.is_not(None),
        CancellationRow.stage.in_([Stage.INTAKE.value, Stage.PREPARING.value]),
    )
    return session.scalars(query.order_by(CancellationRow.id)).all()


def is_overtaken(session: Session, case: CancellationRow) -> bool:
    """Return true if the line of a case ends otherwise already: with its subscription, or because it is closed."""
    if case.subscription_line is None:
        return False
    line = session.get_one(SubscriptionLineRow, case.subscription_line, populate_existing=True)
    return line.closed or line.frozen_by not in (None, case.id)


def whole_settled(session: Session, case: LockedCase) -> CancellationRow | None:
    """Return the cancellation of the whole subscription that has fixed the ends of its lines, beside a case of one line."""
    if case.row.subscription_line is None:
        return None
    newest = newest_case(session, case.row.subscription)
    return newest if newest is not None and newest.stage in SETTLED_STAGES else None


def taken_over_by(session: Session, undone: LockedCase) -> str | None:
    """Return the workflow of the cancellation of the whole subscription that ends the line of an undone case, if one does.

    That may have been taken back to its preparation for it.
    """
    if undone.row.subscription_line is None:
        return None
    whole = newest_case(session, undone.row.subscription)
    return whole.workflow_id if whole is not None and whole.stage in {*SETTLED_STAGES, Stage.PREPARING} else None


def _another_goes_on(session: Session, line: SubscriptionLineRow, today: date) -> bool:
    """Return true if the customer keeps another line of the subscription: not over, and not under a cancellation of its own."""
    other = SubscriptionLineRow
    cancelled = exists().where(
        CancellationRow.subscription_line == other.id,
        CancellationRow.stage.not_in([Stage.REVERSED.value, Stage.WITHDRAWN.value, Stage.ABANDONED.value]),
    )
    query = select(
        exists().where(
            other.subscription == line.subscription,
            other.id != line.id,
            other.partner == Partner.CUSTOMER.value,
            other.closed.is_(False),
            or_(other.end_date.is_(None), other.end_date >= today),
            ~cancelled,
        )
    )
    return bool(session.scalar(query))
