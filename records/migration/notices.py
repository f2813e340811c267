"""Notices of a migration: their parties, addresses and facts."""

from contract.steps import Step
from domain.link_lifetime import next_expiry
from domain.messaging import MigrationFacts
from domain.migration import HAND_OVERS, HandOver, Party, patience
from domain.vocabulary import Event, Platform
from records.addressees import BILLING_ADMINISTRATOR, Addressee, Role
from records.cancellation.notices import notify
from records.migration.locked_migration import LockedMigration
from records.transaction import Transaction


def notify_available(transaction: Transaction, migration: LockedMigration, step: Step) -> None:
    """Record that the IT department is to be mailed a fresh link to the data, which ends those before it."""
    row = migration.row
    row.links += 1
    row.link_expires_at = next_expiry(step.at, migration.case.policy.download_link_lifetime, row.link_expires_at)
    notify_party(transaction, migration, Event.MIGRATION_DATA_AVAILABLE, step, Party.IT_DEPARTMENT)


def notify_party(transaction: Transaction, migration: LockedMigration, event: Event, step: Step, party: Party) -> None:
    """Record a notice of an event to a party, with the present facts; without an address, to systems alone."""
    migration.row.told += 1
    notify(
        transaction,
        migration.case,
        event,
        step,
        occasion=f"{event}-{migration.row.told}",
        migration=_facts(migration, party),
        mail_to=_addressee(migration, party),
    )


def _addressee(migration: LockedMigration, party: Party) -> Addressee:
    match party:
        case Party.IT_DEPARTMENT:
            return Addressee(Role.IT_DEPARTMENT)
        case Party.BILLING_ADMINISTRATOR:
            return BILLING_ADMINISTRATOR
        case Party.QUEUE:
            return Addressee(Role.QUEUE, migration.row.queue)
        case Party.ESCALATION:
            return Addressee(Role.QUEUE, migration.case.policy.migration_escalation_queue)


def _facts(migration: LockedMigration, party: Party) -> MigrationFacts:
    case, row, stage = migration.case, migration.row, migration.stage
    hand_over: HandOver | None = HAND_OVERS.get(stage)
    return MigrationFacts(
        stage=stage,
        platform=Platform(case.organization.platform),
        queue=case.policy.migration_escalation_queue if party is Party.ESCALATION else row.queue,
        told=party,
        hand_over=hand_over,
        since=row.stage_since,
        deadline=row.stage_since + patience(case.policy, hand_over).limit if hand_over else None,
        transfer_at=row.transfer_at,
        transfer=row.transfers,
        tables=row.tables,
        rows=row.rows,
        bytes=row.bytes,
        sha256=row.sha256,
        link_expires_at=row.link_expires_at,
    )
