"""The on-premises migration of an organization's data: names, workflow id, messages and status."""

from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from temporalio.common import SearchAttributeKey

from contract.common import Message, Request
from domain.migration import MigrationStage
from domain.refusals import RefusalDetails
from domain.vocabulary import CancellationId, EmailAddress, Identifier, Platform, Reason

ON_PREMISES_MIGRATION = "OnPremisesMigration"
UPDATE_ACCEPT = "accept"
UPDATE_CORRECT = "correct"
UPDATE_SEND_MIGRATION_LINK = "send_migration_link"
UPDATE_ACKNOWLEDGE_DOWNLOAD = "acknowledge_download"
UPDATE_REPORT_COMPLETED = "report_completed"

SIGNAL_MIGRATION_MOVED = "migration_moved"
"""From OnPremisesMigration to its cancellation."""

MIGRATION_STAGE = SearchAttributeKey.for_keyword("MigrationStage")


def migration_workflow_id(subscription: str) -> str:
    """Return the one workflow id under which a subscription's data can be migrated."""
    return f"migration:{subscription}"


class RequestMigration(Request):
    """Input of OnPremisesMigration, which its cancellation starts."""

    cancellation: CancellationId


class AboutMigration(Request):
    """Base of what is said to a migration: which cancellation it is about, so that nobody answers for another case."""

    cancellation: CancellationId


class AcceptMigration(AboutMigration):
    """The support queue takes the request on."""

    contact: EmailAddress
    """The IT department's address, which is notified and downloads the data."""
    transfer_at: datetime
    """When to transfer: an instant with its offset, or a civil date and time in the organization's zone without one."""


class CorrectMigration(AboutMigration):
    """Something is put right; what is left out stays. At least one of the three is there."""

    reason: Reason
    contact: EmailAddress | None = None
    """The right address: it is told at once what the wrong one was told."""
    transfer_at: datetime | None = None
    """Another time, before the transfer begins, or for the transfer that is asked for again."""
    transfer_again: bool = False
    """What was transferred is removed, and transferred anew as the data is then."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.contact is None and self.transfer_at is None and not self.transfer_again:
            raise ValueError("one of contact, transfer_at and transfer_again is needed")
        return self


class SendMigrationLink(AboutMigration):
    """The IT department needs a fresh link."""


class AcknowledgeMigration(AboutMigration):
    """The IT department has downloaded the data."""

    transfer: int = Field(ge=1)
    """Which transfer, as the mail says: an acknowledgement of one that was replaced meanwhile is refused."""


class ReportMigrationCompleted(AboutMigration):
    """The data is in use on premises: the cancellation may go on."""


class MigrationMoved(Message):
    """Where a migration stands, for the cancellation that waits for it."""

    stage: MigrationStage
    waiting_for: str
    deadline: AwareDatetime | None = None


class MigrationStatus(BaseModel):
    """Where one migration stands: the answer of its query ``status``, of its updates, and of the workflow itself."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    subscription: Identifier
    organization: Identifier
    time_zone: str
    platform: Platform
    queue: str
    stage: MigrationStage
    waiting_for: str
    """What happens next, and who has to do something for it; empty in a final stage."""
    stage_deadline: datetime | None = None
    """When it is given up (UTC)."""
    requested_at: datetime
    transfer_at: datetime | None = None
    transfer: int = 0
    """Which transfer it is, counted from 1; 0 before the first."""
    tables: int | None = None
    rows: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    """Of the dump."""
    undelivered: tuple[str, ...] = ()
    last_refusal: RefusalDetails | None = None
    ended_because: str = ""
    """Why it ended without being completed, if it did."""
    held_up_because: str = ""
    """Why the transfer is being tried again, if it is; only the client fills it in."""
