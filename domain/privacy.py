"""What is kept about a person, where and until when."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

REMOVED = "(removed)"
"""Stands where an address, a name or somebody's own words were, until their time was over."""


class Place(StrEnum):
    """A place where personal data is kept. The names are part of the JSON of ``offramp privacy find``: they never change."""

    ORGANIZATION = "organization"
    """The administrator on record, as imported; kept until another import replaces it."""
    MARKETING_SERVICE = "marketing_service"
    """The same of a marketing service."""
    SUPPORT_QUEUE = "support_queue"
    """The address of a queue, as imported."""
    CHECKLIST = "checklist"
    """An answer to a checklist."""
    REASON = "reason"
    """The customer's own words, or those of goodwill."""
    LETTER = "letter"
    """Messages that were sent to the address, or speak of it."""
    BULK = "bulk"
    """A bulk: the name of its file and the reasons for it; of its rows, what they are to be started with, until they are settled,
    and the words in which they were refused."""
    WEBHOOK_ENDPOINT = "webhook_endpoint"
    """The owner of a webhook endpoint, until it is removed, and why it is paused."""
    CONTACT = "contact"
    """The IT department's address of a migration."""
    AUDIT_TRAIL = "audit_trail"
    """Words in the audit trail."""
    REFUSAL = "refusal"
    """Words in which a request was refused."""


class Kept(BaseModel):
    """Something that is kept about a person in one place, about one case or one entry of the import."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    place: Place
    about: str
    """The case, organization, bulk, queue or endpoint."""
    number: int
    """The answers, letters or entries."""
    until: datetime | None
    """The instant from which it is removed; null while the case or bulk runs, for what is imported, and for endpoints."""
    held: bool
    """True under a legal hold, which keeps it for longer."""
