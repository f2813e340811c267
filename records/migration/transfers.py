"""The transfers of a migration to the secure site: one transaction for each beginning and each end.

Every function is idempotent by its step, as those of `records.migration.steps` are.
"""

from pydantic import BaseModel, ConfigDict

from contract.steps import MigrationState, Step
from domain.migration import MigrationStage, NothingToMigrate
from records.audit import record_step
from records.migration.locked_migration import lock_migration
from records.migration.notices import notify_available
from records.transaction import Transaction


class Attempt(BaseModel):
    """One attempt at a transfer."""

    model_config = ConfigDict(frozen=True)

    number: int
    organization: str
    schema_name: str


class Transferred(BaseModel):
    """The data that a transfer brought to the secure site."""

    model_config = ConfigDict(frozen=True)

    prefix: str
    tables: int
    rows: int
    bytes: int
    sha256: str


def start_transfer(transaction: Transaction, step: Step) -> MigrationState:
    """Begin a transfer whose time has come; it may have been put off."""
    migration = lock_migration(transaction, step)
    row = migration.row
    after = {"stage": MigrationStage.TRANSFERRING.value, "transfer": str(row.transfers + 1)}
    is_due = row.stage == MigrationStage.SCHEDULED and row.transfer_at is not None and row.transfer_at <= step.at
    if is_due and record_step(transaction, "migration.transfer_started", step, after=after):
        row.transfers += 1
        migration.enter(MigrationStage.TRANSFERRING, step)
    return migration.state


def begin_attempt(transaction: Transaction, step: Step, *, transfer: int) -> Attempt | None:
    """Begin another attempt at a transfer; None if the transfer is cancelled or has succeeded."""
    migration = lock_migration(transaction, step)
    row = migration.row
    if row.stage != MigrationStage.TRANSFERRING or row.transfers != transfer:
        return None
    if not migration.case.organization.data_schema:
        raise NothingToMigrate(migration.case.organization.id, "the organization has no data_schema")
    row.attempts += 1
    organization = migration.case.organization
    return Attempt(number=row.attempts, organization=organization.id, schema_name=organization.data_schema)


def finish_attempt(
    transaction: Transaction, step: Step, *, transfer: int, attempt: int, transferred: Transferred
) -> bool:
    """Make an attempt count, and notify the contact; False if a newer attempt has begun or the transfer is cancelled."""
    migration = lock_migration(transaction, step)
    row = migration.row
    if row.stage != MigrationStage.TRANSFERRING or row.transfers != transfer or row.attempts != attempt:
        return False
    row.transferred_at = step.at
    row.prefix, row.sha256 = transferred.prefix, transferred.sha256
    row.tables, row.rows, row.bytes = transferred.tables, transferred.rows, transferred.bytes
    migration.enter(MigrationStage.AVAILABLE, step)
    after = {"stage": row.stage, "attempt": str(attempt), **transferred.model_dump(mode="json", exclude={"prefix"})}
    record_step(transaction, "migration.transferred", step, after=after)
    notify_available(transaction, migration, step)
    return True
