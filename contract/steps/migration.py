"""The steps of an on-premises migration."""

from datetime import datetime

from contract.migration import FetchedFile
from contract.steps.common import Recorded, Step, StepData
from domain.migration import HandOver, MigrationStage
from domain.policy import CancellationPolicy
from domain.vocabulary import Event, Platform


class MigrationState(StepData):
    """A migration as it is recorded: everything that the workflow needs, also to start in the middle."""

    cancellation: str
    organization: str
    time_zone: str
    platform: Platform
    queue: str
    policy: CancellationPolicy
    stage: MigrationStage
    stage_since: datetime
    requested_at: datetime
    transfer_at: datetime | None = None
    transfers: int = 0
    tables: int | None = None
    rows: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    links: int = 0
    fetched: tuple[FetchedFile, ...] = ()
    """What was fetched by links before; after a correction alone."""


class Moved(Recorded):
    """The outcome of a step of a migration: its state afterwards."""

    migration: MigrationState


class Accepted(StepData):
    """The queue's acceptance of a migration."""

    step: Step
    contact: str
    transfer_at: datetime


class Correction(StepData):
    """The values to correct; those that are not set stay."""

    contact: str | None = None
    transfer_at: datetime | None = None
    again: bool = False
    """True to go back to `scheduled`: the transferred copy no longer counts."""


class Corrected(StepData):
    """A correction of a migration."""

    step: Step
    correction: Correction


class MigrationReminder(StepData):
    """A reminder or an escalation; the step's name is its occasion."""

    step: Step
    event: Event
    hand_over: HandOver


class MigrationEnd(StepData):
    """The end of a migration that was not completed."""

    step: Step
    stage: MigrationStage


class Transfer(StepData):
    """A transfer to make, by its number in the migration, from 1. Every attempt has the same step."""

    step: Step
    number: int
