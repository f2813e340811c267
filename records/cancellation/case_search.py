"""Search of cancellations by a part of a text: the newest that have it, however many do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import StringConstraints
from sqlalchemy import ColumnElement, func, or_, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.tables import CancellationRow, OrganizationRow, SubscriptionRow

SearchedText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00]*[^\W_][^\x00]*$"),
]
"""A text with at least one letter or digit: no index knows one without."""

FEW = 12_000
"""So many are found by the indexes of texts and sorted in the time in which five thousand are looked at in their order."""
_FIRST_LOOK = 500
_MANY_OF_FIRST_LOOK = 10
_LONGEST_LOOK = 64_000
_SHORTEST_PART = 3

Condition = ColumnElement[bool]

NEWEST_FIRST = (CancellationRow.received_at.desc(), CancellationRow.id.desc())
"""The order of every list of cancellations."""


def beyond(received_at: datetime, cancellation: str) -> Condition:
    """Return the condition for the cancellations that follow one in that order."""
    return tuple_(CancellationRow.received_at, CancellationRow.id) < (received_at, cancellation)


def has_text(searched: str) -> Condition:
    """Return the condition for a cancellation that is joined with its subscription and organization: that one of its texts has this."""
    return _in_any(searched, CancellationRow.id)


def newest_with_text(session: Session, searched: str, conditions: Sequence[Condition], limit: int) -> list[str]:
    """Return the ids of the newest cancellations that have a text and meet the conditions, the last received first.

    What many have is soon found by looking at the newest one after the other, and what few have by the indexes of texts.
    """
    found, last = _looked_at(session, searched, conditions, _FIRST_LOOK)
    if last is not None and len(found) < min(limit, _MANY_OF_FIRST_LOOK):
        few = _by_index(session, searched, conditions, limit)
        if few is not None:
            return few
    look = _FIRST_LOOK
    while last is not None and len(found) < limit:
        look = min(look * 4, _LONGEST_LOOK)
        more, last = _looked_at(session, searched, [*conditions, beyond(*last)], look)
        found += more
    return found[:limit]


def _by_index(session: Session, searched: str, conditions: Sequence[Condition], limit: int) -> list[str] | None:
    """Return the ids by the indexes of texts; None where many have it."""
    row = CancellationRow
    cases = select(row.id, row.received_at).where(*conditions)
    of_subscription = cases.join(SubscriptionRow, SubscriptionRow.id == row.subscription)
    of_organization = or_(_has(searched, OrganizationRow.id), _has(searched, OrganizationRow.unique_name))
    organizations = select(OrganizationRow.id).where(of_organization)
    found = union_all(
        cases.where(_has(searched, row.id)),
        of_subscription.where(_has(searched, SubscriptionRow.description)),
        of_subscription.where(SubscriptionRow.organization.in_(organizations)),
    )
    each = found.limit(FEW + 1).subquery()
    number = func.sum(func.count()).over()
    once = select(each.c.id, number).group_by(each.c.id, each.c.received_at)
    ids = session.execute(once.order_by(each.c.received_at.desc(), each.c.id.desc()).limit(limit)).all()
    return None if ids and ids[0][1] > FEW else [id_ for id_, _ in ids]


def _looked_at(
    session: Session, searched: str, conditions: Sequence[Condition], look: int
) -> tuple[list[str], tuple[datetime, str] | None]:
    """Return the ids with the text among the next so many, and the last of these; None where there are no more.

    More than a page can be among them: they are ids alone.
    """
    place = func.row_number().over(order_by=NEWEST_FIRST).label("place")
    row = CancellationRow
    next_ones = select(row.id, row.received_at, row.subscription, place).where(*conditions).order_by(*NEWEST_FIRST)
    looked_at = next_ones.limit(look).subquery()
    has = _in_any(searched, looked_at.c.id)
    rows = session.execute(
        select(looked_at.c.id, looked_at.c.received_at, looked_at.c.place, has)
        .join(SubscriptionRow, SubscriptionRow.id == looked_at.c.subscription)
        .join(OrganizationRow, OrganizationRow.id == SubscriptionRow.organization)
        .where(or_(has, looked_at.c.place == look))
        .order_by(looked_at.c.place)
    ).all()
    ids = [id_ for id_, _, _, is_found in rows if is_found]
    last = next(((received_at, id_) for id_, received_at, at, _ in rows if at == look), None)
    return ids, last


def _in_any(searched: str, case_id: ColumnElement[str] | InstrumentedAttribute[str]) -> Condition:
    texts = (case_id, SubscriptionRow.description, OrganizationRow.id, OrganizationRow.unique_name)
    return or_(*(_has(searched, column) for column in texts))


def _has(searched: str, column: ColumnElement[Any] | InstrumentedAttribute[Any]) -> Condition:
    """Return the condition for one text: what is too short for an index of parts is looked for at its beginning."""
    if len(searched) < _SHORTEST_PART:
        return column.istartswith(searched, autoescape=True)
    return column.icontains(searched, autoescape=True)
