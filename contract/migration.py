"""The on-premises migration of an organization's data: names, workflow id, messages and status."""

from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from temporalio.common import SearchAttributeKey

from contract.common import AboutCase, Message, ReceivedRequest, Request
from domain.migration import MigrationStage
from domain.refusals import RefusalDetails
from domain.vocabulary import CancellationId, EmailAddress, Identifier, Platform, Reason

ON_PREMISES_MIGRATION = "OnPremisesMigration"
"""The type of the workflow that migrates data on premises: takes `RequestMigration`, returns `MigrationStatus`."""

UPDATE_ACCEPT = "accept"
"""Update of OnPremisesMigration: takes `AcceptMigration`, returns `MigrationStatus`."""

UPDATE_CORRECT = "correct"
"""Update of OnPremisesMigration: takes `CorrectMigration`, returns `MigrationStatus`. Update of SubscriptionCancellation: takes
`Correct`, returns `CancellationStatus`."""

UPDATE_SEND_MIGRATION_LINK = "send_migration_link"
"""Update of OnPremisesMigration: takes `SendMigrationLink`, returns `MigrationStatus`."""

UPDATE_ACKNOWLEDGE_DOWNLOAD = "acknowledge_download"
"""Update of OnPremisesMigration: takes `AcknowledgeMigration`, returns `MigrationStatus`."""

UPDATE_REPORT_COMPLETED = "report_completed"
"""Update of OnPremisesMigration: takes `ReportMigrationCompleted`, returns `MigrationStatus`."""

SIGNAL_MIGRATION_MOVED = "migration_moved"
"""Signal from OnPremisesMigration to its SubscriptionCancellation: takes `MigrationMoved`."""

MIGRATION_STAGE = SearchAttributeKey.for_keyword("MigrationStage")
"""Search attribute of OnPremisesMigration: its stage."""


def migration_workflow_id(subscription: str) -> str:
    """Return the only workflow id under which a subscription's data can be migrated."""
    return f"migration:{subscription}"


class RequestMigration(Request):
    """Input of OnPremisesMigration, which only its cancellation starts."""

    cancellation: CancellationId


class AboutMigration(AboutCase):
    """Base of the requests to a migration; they name its cancellation, so that none is answered for another case."""

    cancellation: CancellationId


class AcceptMigration(AboutMigration):
    """The support queue's acceptance of the request."""

    contact: EmailAddress
    """The IT department's address, which is notified and downloads the data."""
    transfer_at: datetime
    """The time of the transfer: an instant with an offset, or without one a civil time in the organization's zone."""


class CorrectMigration(AboutMigration):
    """A correction; fields that are left out stay as they are. At least one of the last three is needed."""

    reason: Reason
    contact: EmailAddress | None = None
    """The correct address: it is notified at once of everything that was sent to the wrong one."""
    transfer_at: datetime | None = None
    """Another time, before the transfer begins, or for the transfer that is requested again."""
    transfer_again: bool = False
    """True to remove the transferred copy, and to transfer the data again as it is then."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.contact is None and self.transfer_at is None and not self.transfer_again:
            raise ValueError("one of contact, transfer_at and transfer_again is needed")
        return self


class SendMigrationLink(AboutMigration):
    """A request to mail the IT department a fresh link."""

    transfer: int | None = Field(default=None, ge=1)
    """The number of the transfer that the caller knows of: the wish for a link to one that was replaced is refused."""


class AcknowledgeMigration(AboutMigration, ReceivedRequest):
    """Acknowledgement that the IT department has downloaded the data."""

    transfer: int = Field(ge=1)
    """The number of the transfer, as in the mail: an acknowledgement of one that was replaced meanwhile is refused."""


class ReportMigrationCompleted(AboutMigration):
    """Report that the data is in use on premises: the cancellation may continue."""


class MigrationMoved(Message):
    """The state of a migration, for the cancellation that waits for it."""

    stage: MigrationStage
    waiting_for: str
    deadline: AwareDatetime | None = None
    cancellation: CancellationId | None = None
    """The cancellation that the migration is part of; every other one ignores the message."""


class FetchedFile(BaseModel):
    """A file that the holder of a link has fetched, at an instant (UTC)."""

    model_config = ConfigDict(frozen=True)

    name: str
    by: str
    at: datetime


class MigrationStatus(BaseModel):
    """The status of one migration: the result of its query ``status``, of its updates, and of the workflow itself."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    subscription: Identifier
    organization: Identifier
    time_zone: str
    platform: Platform
    queue: str
    stage: MigrationStage
    waiting_for: str
    """The next event, and the party that must act for it; empty in a final stage."""
    stage_deadline: datetime | None = None
    """The instant (UTC) of the transfer, or at which the hand-over is given up."""
    requested_at: datetime
    transfer_at: datetime | None = None
    transfer: int = 0
    """The number of the transfer, from 1; 0 before the first."""
    tables: int | None = None
    rows: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    """The checksum of the dump."""
    undelivered: tuple[str, ...] = ()
    last_refusal: RefusalDetails | None = None
    ended_because: str = ""
    """The reason why it ended without being completed, if it did."""
    held_up_because: str = ""
    """The reason why a step is refused, or the transfer is being retried, if so; only the client fills in the latter."""
    fetched: tuple[FetchedFile, ...] = ()
    """In the answer to a correction: what was fetched by links before, which may have gone to the wrong address."""
