"""The stages of an on-premises migration, their parties and time limits, and the refusals (rules, section 10)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from domain.policy import CancellationPolicy
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from domain.vocabulary import Platform


class MigrationStage(StrEnum):
    """The stage of a migration (rules, section 10)."""

    REQUESTED = "requested"
    SCHEDULED = "scheduled"
    TRANSFERRING = "transferring"
    AVAILABLE = "available"
    DOWNLOADED = "downloaded"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"
    ABANDONED = "abandoned"

    @property
    def is_final(self) -> bool:
        """True if nothing follows."""
        return self in FINAL_MIGRATION_STAGES


FINAL_MIGRATION_STAGES = frozenset({MigrationStage.COMPLETED, MigrationStage.WITHDRAWN, MigrationStage.ABANDONED})


QUEUES = {
    Platform.MICROSOFT_ONLINE_SERVICES: "technical_support",
    Platform.COMMERCE_TRANSACTION: "billing_support",
}
"""The support queue that carries out the migrations of each platform."""


class Party(StrEnum):
    """A recipient of messages about a migration."""

    QUEUE = "queue"
    """The support team that carries it out."""
    IT_DEPARTMENT = "it_department"
    """The contact that the queue named when it accepted."""
    ESCALATION = "escalation"
    """The queue that is notified when something takes too long."""
    BILLING_ADMINISTRATOR = "billing_administrator"


class HandOver(StrEnum):
    """A hand-over from one party to the next, which may take too long."""

    ACCEPTANCE = "acceptance"
    TRANSFER = "transfer"
    DOWNLOAD = "download"
    COMPLETION = "completion"

    @property
    def must_act(self) -> Party:
        """The party that has to act for it, and is reminded."""
        return Party.IT_DEPARTMENT if self is HandOver.DOWNLOAD else Party.QUEUE


HAND_OVERS = {
    MigrationStage.REQUESTED: HandOver.ACCEPTANCE,
    MigrationStage.TRANSFERRING: HandOver.TRANSFER,
    MigrationStage.AVAILABLE: HandOver.DOWNLOAD,
    MigrationStage.DOWNLOADED: HandOver.COMPLETION,
}
"""The hand-over that each stage waits for; `scheduled` waits for the clock alone."""


NOT_DONE = {
    HandOver.ACCEPTANCE: "nobody accepted the request",
    HandOver.TRANSFER: "the data could not be transferred",
    HandOver.DOWNLOAD: "the IT department did not acknowledge the download",
    HandOver.COMPLETION: "the migration was not reported complete",
}


def transfer_id(cancellation: str, transfer: int) -> str:
    """Return the id of one transfer, from 1, of a cancellation's migration: ``SUB-1001/1/2``. Links name it."""
    return f"{cancellation}/{transfer}"


@dataclass(frozen=True)
class Patience:
    """The times from the beginning of a hand-over to its reminder, to its escalation, and until it is given up."""

    reminder: timedelta
    escalation: timedelta
    limit: timedelta


def patience(policy: CancellationPolicy, hand_over: HandOver) -> Patience:
    """Return a policy's patience with a hand-over; the transfer is the service's own work, and late after hours."""
    if hand_over is HandOver.TRANSFER:
        return Patience(policy.transfer_reminder, policy.transfer_escalation, policy.migration_limit)
    return Patience(policy.migration_reminder, policy.migration_escalation, policy.migration_limit)


class MigrationUnknown(Refusal):
    """A subscription without a migration."""

    code = "migration_unknown"

    def __init__(self, subscription: str) -> None:
        super().__init__(
            f"There is no migration of {subscription!r}.",
            remedy=Remedy.of(RemedyKind.ASK_FOR_MIGRATION),
            subscription=subscription,
        )


class MigrationRunning(Refusal):
    """A second migration of the same data at once."""

    code = "migration_running"

    def __init__(self, organization: str, cancellation: str) -> None:
        super().__init__(
            f"The data of {organization} is already being migrated, for {cancellation}.",
            remedy=Remedy.of(RemedyKind.WAIT_FOR_MIGRATION, cancellation=cancellation),
            organization=organization,
            cancellation=cancellation,
        )


class NothingToMigrate(Refusal):
    """A migration that no cancellation waits for, or of an organization without configured data."""

    code = "nothing_to_migrate"

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(
            f"There is nothing to migrate for {subject}: {reason}.",
            remedy=Remedy.of(RemedyKind.ASK_FOR_MIGRATION),
            subject=subject,
        )


class MigrationEnded(Refusal):
    """A request to a migration that has ended."""

    code = "migration_ended"

    def __init__(self, cancellation: str, stage: MigrationStage) -> None:
        super().__init__(
            f"The migration of {cancellation} has ended as {stage.value!r}.",
            remedy=Remedy.of(RemedyKind.NOTHING_TO_DO)
            if stage is MigrationStage.COMPLETED
            else Remedy.of(RemedyKind.START_ANEW, cancellation=cancellation),
            cancellation=cancellation,
            stage=stage.value,
        )


class MigrationStepNotAwaited(Refusal):
    """An acceptance, an acknowledgement, a report or a correction at a stage that does not wait for it."""

    code = "migration_step_not_awaited"

    def __init__(self, cancellation: str, step: str, stage: MigrationStage) -> None:
        super().__init__(
            f"The migration of {cancellation} does not wait for {step} ({stage.value}).",
            remedy=Remedy.of(_WAITS_FOR[stage], cancellation=cancellation),
            cancellation=cancellation,
            step=step,
            stage=stage.value,
        )


_WAITS_FOR = {
    MigrationStage.REQUESTED: RemedyKind.ACCEPT_MIGRATION,
    MigrationStage.SCHEDULED: RemedyKind.CHANGE_TRANSFER_TIME,
    MigrationStage.TRANSFERRING: RemedyKind.TRANSFER_AGAIN,
    MigrationStage.AVAILABLE: RemedyKind.ACKNOWLEDGE_DOWNLOAD,
    MigrationStage.DOWNLOADED: RemedyKind.CONFIRM_MIGRATION,
}
"""The event that a migration waits for at each stage; one that has ended waits for nothing."""


class MigrationOfAnotherCase(Refusal):
    """An acknowledgement, or another request, that names another cancellation or another transfer."""

    code = "migration_of_another_case"

    def __init__(self, expected: str, named: str) -> None:
        super().__init__(
            f"The request is about {named}, but this is {expected}.",
            remedy=Remedy.of(RemedyKind.NAME_CASE, expected=expected),
            expected=expected,
            named=named,
        )


class NothingToDownload(Refusal):
    """A link to migrated data that is not there yet, or no longer."""

    code = "nothing_to_download"

    def __init__(self, cancellation: str, stage: MigrationStage) -> None:
        super().__init__(
            f"The migration of {cancellation} has nothing to download ({stage.value}).",
            remedy=Remedy.of(RemedyKind.AWAIT_DATA),
            cancellation=cancellation,
            stage=stage.value,
        )


def check_step(cancellation: str, stage: MigrationStage, step: str, awaited: frozenset[MigrationStage]) -> None:
    """Raise unless a migration waits for this step at its stage.

    Raises:
        MigrationEnded, MigrationStepNotAwaited.

    """
    if stage.is_final:
        raise MigrationEnded(cancellation, stage)
    if stage not in awaited:
        raise MigrationStepNotAwaited(cancellation, step, stage)
