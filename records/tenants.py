"""The reviews of code that organizations have defined in their schemas."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from records import audit
from records.transaction import Transaction
from storage.tables import OrganizationRow, TenantCodeReviewRow
from storage.tenants.organizations import OrganizationNotFound


class TenantCodeReview(BaseModel):
    """One review: who has looked at which code, when and why it may run."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    digest: str
    organization: str
    reviewed_by: str
    reviewed_at: datetime
    reason: str


def reviewed_digests(session: Session) -> frozenset[str]:
    """Return the digests of all code that was reviewed."""
    return frozenset(session.scalars(select(TenantCodeReviewRow.digest)))


def record_review(
    transaction: Transaction, organization: str, digest: str, *, actor: str, at: datetime, reason: str
) -> TenantCodeReview:
    """Record that code may run; the first review of the same code stands. Raises OrganizationNotFound."""
    session = transaction.session
    if session.get(OrganizationRow, organization) is None:
        raise OrganizationNotFound(organization)
    after = {"organization": organization, "digest": digest}
    step = f"tenant-code/{digest}"
    if (known := session.get(TenantCodeReviewRow, digest)) is not None:
        return TenantCodeReview.model_validate(known)
    if audit.record(transaction, "tenant_code.reviewed", actor=actor, at=at, step=step, why=reason, after=after):
        session.add(
            TenantCodeReviewRow(
                digest=digest, organization=organization, reviewed_by=actor, reviewed_at=at, reason=reason
            )
        )
        session.flush()
    return TenantCodeReview.model_validate(session.get_one(TenantCodeReviewRow, digest))
