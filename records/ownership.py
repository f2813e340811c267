"""Ownership: the organization to which whatever a request is about belongs."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from domain.permissions import SubjectKind
from storage.tables import (
    BillingDocumentRow,
    CampaignRow,
    HoldRow,
    OrganizationRow,
    SubscriptionLineRow,
    SubscriptionRow,
)

_DIGITS = 19
"""The digits of a number that is too large for an id."""

_OF_LINE = select(SubscriptionRow.organization).join(
    SubscriptionLineRow, SubscriptionLineRow.subscription == SubscriptionRow.id
)


def organization_of(session: Session, kind: SubjectKind, subject: str) -> str | None:
    """Return the organization that a subject belongs to; None if nobody knows the subject."""
    id_: str | int = subject
    if kind is SubjectKind.HOLD:
        if not (subject.isascii() and subject.isdecimal() and len(subject) < _DIGITS):
            return None
        id_ = int(subject)
    found: str | None = session.scalar(_ORGANIZATION[kind].where(_ID[kind] == id_))
    return found


def subscription_of_line(session: Session, line: str) -> str | None:
    """Return the subscription that a line belongs to; None if nobody knows the line."""
    return session.scalar(select(SubscriptionLineRow.subscription).where(SubscriptionLineRow.id == line))


_ORGANIZATION: Mapping[SubjectKind, Select[Any]] = {
    SubjectKind.ORGANIZATION: select(OrganizationRow.id),
    SubjectKind.SUBSCRIPTION: select(SubscriptionRow.organization),
    SubjectKind.LINE: _OF_LINE,
    SubjectKind.INVOICE: _OF_LINE.join(
        BillingDocumentRow, BillingDocumentRow.subscription_line == SubscriptionLineRow.id
    ),
    SubjectKind.CAMPAIGN: select(CampaignRow.organization),
    SubjectKind.HOLD: select(HoldRow.organization),
}
_ID: Mapping[SubjectKind, InstrumentedAttribute[str] | InstrumentedAttribute[int]] = {
    SubjectKind.ORGANIZATION: OrganizationRow.id,
    SubjectKind.SUBSCRIPTION: SubscriptionRow.id,
    SubjectKind.LINE: SubscriptionLineRow.id,
    SubjectKind.INVOICE: BillingDocumentRow.number,
    SubjectKind.CAMPAIGN: CampaignRow.id,
    SubjectKind.HOLD: HoldRow.id,
}
