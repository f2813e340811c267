"""Who a mail is for, and the address on record of that person or party: looked up when the mail is recorded, and when it is sent.

A mail may wait for days, for a mail server or behind another one. An address that is corrected meanwhile gets it; only the contact of a
migration does not, who is written to anew when it is corrected, and whose links are for one address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.tables import (
    MarketingServiceRow,
    MessageRow,
    MigrationRow,
    OrganizationRow,
    SupportQueueRow,
    WebhookEndpointRow,
)


class Role(StrEnum):
    """What somebody is to whom mail is written."""

    BILLING_ADMINISTRATOR = "billing_administrator"
    MARKETING_ADMINISTRATOR = "marketing_administrator"
    """The billing administrator of the organization's marketing service."""
    IT_DEPARTMENT = "it_department"
    """The contact of the migration of this cancellation."""
    QUEUE = "queue"
    SYSTEM_OWNER = "system_owner"


@dataclass(frozen=True)
class Addressee:
    """The person or party that a mail is for; written ``role`` or ``role/name``."""

    role: Role
    name: str = ""
    """The name of a queue, or of the webhook endpoint of a system."""

    def __str__(self) -> str:
        """Write it as the records keep it."""
        return f"{self.role}/{self.name}" if self.name else self.role

    @classmethod
    def parse(cls, written: str) -> "Addressee":
        """Read what was written; raises ValueError."""
        role, _, name = written.partition("/")
        return cls(Role(role), name)


BILLING_ADMINISTRATOR = Addressee(Role.BILLING_ADMINISTRATOR)
MARKETING_ADMINISTRATOR = Addressee(Role.MARKETING_ADMINISTRATOR)


def address_of(session: Session, addressee: Addressee, *, organization: str, cancellation: str) -> str | None:
    """Return the present address on record of the addressee of a mail about a case; None without one."""
    match addressee.role:
        case Role.BILLING_ADMINISTRATOR:
            query = select(OrganizationRow.billing_administrator).where(OrganizationRow.id == organization)
            return session.scalar(query)
        case Role.MARKETING_ADMINISTRATOR:
            service = MarketingServiceRow
            return session.scalar(select(service.billing_administrator).where(service.organization == organization))
        case Role.IT_DEPARTMENT:
            return session.scalar(select(MigrationRow.contact).where(MigrationRow.cancellation == cancellation))
        case Role.QUEUE:
            return session.scalar(select(SupportQueueRow.mail).where(SupportQueueRow.name == addressee.name))
        case Role.SYSTEM_OWNER:
            return session.scalar(select(WebhookEndpointRow.owner).where(WebhookEndpointRow.name == addressee.name))


def readdress(session: Session, letter: Sequence[MessageRow]) -> None:
    """Address the mails of a letter, which is about to be sent, as of now; without an address it goes to the former one.

    What another mailbox has put off is not held against the new one.
    """
    first = letter[0]
    written = first.addressee or (str(BILLING_ADMINISTRATOR) if first.bulk else None)
    if written is None:  # recorded by a former version
        return
    addressee = Addressee.parse(written)
    if (
        addressee.role is Role.IT_DEPARTMENT
    ):  # who is told of a correction by a mail of its own, within the limits for mail
        return
    about = {key: str(first.content[key]) for key in ("organization", "cancellation")}
    present = address_of(session, addressee, **about) or first.recipient
    for message in letter:
        if message.recipient != present:
            message.recipient, message.put_off, message.put_off_since = present, 0, None
    session.flush()
