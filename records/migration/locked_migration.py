"""An on-premises migration under the lock of its cancellation."""

from dataclasses import dataclass

from contract.steps import MigrationState, Step
from domain.migration import MigrationStage
from domain.vocabulary import Platform
from records.cancellation.locked_case import LockedCase, lock_case
from records.transaction import Transaction
from storage.tables import MigrationRow


@dataclass(frozen=True)
class LockedMigration:
    """A migration with the cancellation that waits for it; both are locked until the transaction ends."""

    case: LockedCase
    row: MigrationRow

    @property
    def stage(self) -> MigrationStage:
        """The recorded stage."""
        return MigrationStage(self.row.stage)

    @property
    def state(self) -> MigrationState:
        """The migration as its workflow sees it."""
        case, row = self.case, self.row
        return MigrationState(
            cancellation=row.cancellation,
            organization=row.organization,
            time_zone=case.zone,
            platform=Platform(case.organization.platform),
            queue=row.queue,
            policy=case.policy,
            stage=MigrationStage(row.stage),
            stage_since=row.stage_since,
            requested_at=row.requested_at,
            transfer_at=row.transfer_at,
            transfers=row.transfers,
            tables=row.tables,
            rows=row.rows,
            bytes=row.bytes,
            sha256=row.sha256,
            links=row.links,
        )

    def enter(self, stage: MigrationStage, step: Step) -> None:
        """Move the migration to a stage."""
        self.row.stage, self.row.stage_since = stage.value, step.at

    def clear_transfer(self) -> None:
        """Clear the result of the last transfer, to make room for another one."""
        row = self.row
        row.transferred_at = row.prefix = row.sha256 = row.link_expires_at = None
        row.tables = row.rows = row.bytes = None
        row.downloaded_by = row.downloaded_at = None


def lock_migration(transaction: Transaction, step: Step) -> LockedMigration:
    """Lock the migration that a step belongs to until the transaction ends."""
    case = lock_case(transaction, step.cancellation)
    row = transaction.session.get_one(MigrationRow, step.cancellation, populate_existing=True)
    return LockedMigration(case, row)
