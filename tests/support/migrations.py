"""Organizations with data of their own to migrate, and hands on their migrations."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy.orm import Session
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from contract import (
    AcceptMigration,
    AcknowledgeMigration,
    CorrectMigration,
    MigrationStatus,
    ReportMigrationCompleted,
    SendMigrationLink,
    migration_workflow_id,
)
from domain.migration import MigrationStage
from starter.service.queries import has_no_task
from storage.objects import Objects
from storage.tables import MigrationRow, OrganizationRow, SubscriptionRow, SupportQueueRow
from storage.tenants.database import TenantDatabase
from storage.tenants.logins import Tenant
from storage.tenants.preparation import prepare
from tests.support.world import World, eventually

QUEUE_AGENT = "support-3"
CONTACT = "it@contoso.example"
QUEUE_MAIL = "technical-support@offramp.example"
ESCALATION_MAIL = "escalation@offramp.example"


class Migrations:
    """Migrations in a world whose worker reaches a tenants' database and an object store."""

    def __init__(self, world: World, owner_url: str) -> None:
        self.world = world
        self.tenants: TenantDatabase = world.the_data.tenants
        self.objects: Objects = world.the_data.objects
        self.client = world.offramp.migrations
        self.owner_url = owner_url

    def organization(self, *, rows: int = 20, prepared: bool = True, **fields: Any) -> str:
        """A subscription of an organization with a schema of its own; return the subscription's id."""
        schema = f'Data of "{uuid4().hex[:8]}"'
        with self.owner() as connection:
            name = sql.Identifier(schema)
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
            connection.execute(
                sql.SQL(
                    "CREATE TABLE {}.accounts AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, {}) n"
                ).format(name, rows)
            )
        subscription = self.world.subscription(data_schema=schema, **fields)
        if prepared:
            self.prepare(subscription)
        return subscription

    def prepare(self, subscription: str) -> None:
        """Prepare the schema of a subscription's organization, as its administrator does."""
        tenant = Tenant(self.world.organization(subscription), self.schema(subscription))
        with self.tenants.administering() as connection:
            prepare(connection, tenant, self.tenants.password(tenant))

    @contextmanager
    def owner(self) -> Iterator[psycopg.Connection[Any]]:
        """Act as the organization does."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            yield connection

    @contextmanager
    def entries_held(self, subscription: str) -> Iterator[None]:
        """Hold what every step of the subscription's cancellation and migration locks."""
        with Session(self.world.engine) as session, session.begin():
            session.get_one(SubscriptionRow, subscription, with_for_update=True)
            yield

    def schema(self, subscription: str) -> str:
        """The schema of the subscription's organization."""
        with Session(self.world.engine) as session:
            return str(session.get_one(OrganizationRow, self.world.organization(subscription)).data_schema)

    async def requested(self, subscription: str, **fields: Any) -> None:
        """Start the cancellation and wait for its migration to be requested."""
        answers = self.world.answers(subscription, data="migrate")
        await self.world.start(subscription, answers=answers, **fields)
        await self.reached(subscription, MigrationStage.REQUESTED)

    async def accepted(self, subscription: str, *, after: timedelta = timedelta(hours=1)) -> MigrationStatus:
        """Have the queue accept, with a transfer some time from now on the migration's clock."""
        at = await self.now(subscription) + after
        return await self.update(
            subscription, "accept", AcceptMigration(**self.about(subscription), contact=CONTACT, transfer_at=at)
        )

    async def begun(self, subscription: str) -> None:
        """Go on until the transfer begins, which may take its time."""
        await self.accepted(subscription, after=timedelta(minutes=1))
        await self.pass_time(subscription, timedelta(minutes=1, seconds=1))

    async def available(self, subscription: str) -> None:
        """Go on from the acceptance until the data can be downloaded."""
        await self.accepted(subscription)
        await self.pass_time(subscription, timedelta(hours=1, minutes=1))
        await self.reached(subscription, MigrationStage.AVAILABLE)

    async def acknowledged(self, subscription: str, *, transfer: int = 1) -> MigrationStatus:
        message = AcknowledgeMigration(**self.about(subscription), transfer=transfer)
        return await self.update(subscription, "acknowledge_download", message)

    async def reported(self, subscription: str) -> MigrationStatus:
        return await self.update(subscription, "report_completed", ReportMigrationCompleted(**self.about(subscription)))

    async def corrected(self, subscription: str, **fields: Any) -> MigrationStatus:
        message = CorrectMigration(**self.about(subscription), reason="that was wrong", **fields)
        return await self.update(subscription, "correct", message)

    async def link_sent(self, subscription: str) -> MigrationStatus:
        return await self.update(subscription, "send_migration_link", SendMigrationLink(**self.about(subscription)))

    def about(self, subscription: str) -> dict[str, str]:
        return {"actor": QUEUE_AGENT, "cancellation": f"{subscription}/1"}

    async def update(self, subscription: str, name: str, *messages: Any, id: str | None = None) -> MigrationStatus:  # noqa: A002
        """Send an update as a foreign system does: whatever the message is."""
        with self.world.environment.with_time_skipping_disabled():
            answer: MigrationStatus = await self.handle(subscription).execute_update(
                name, args=messages, id=id or str(uuid4()), result_type=MigrationStatus
            )
        return answer

    def handle(self, subscription: str) -> WorkflowHandle[Any, Any]:
        return self.world.environment.client.get_workflow_handle(migration_workflow_id(subscription))

    async def status(self, subscription: str) -> MigrationStatus:
        found = await self._shown(subscription)
        assert found is not None
        return found

    async def now(self, subscription: str) -> datetime:
        return await self.world.environment.get_current_time(self.handle(subscription))

    async def pass_time(self, subscription: str, duration: timedelta) -> None:
        """Let time pass for a migration and for the cancellation that waits for it."""
        await self.world.environment.fast_forward(self.handle(subscription), duration)

    async def reached(self, subscription: str, *stages: MigrationStage) -> None:
        """Wait until the records say that the migration is at one of these stages."""

        async def is_there() -> bool:
            row = self.row(subscription)
            return row is not None and row.stage in stages and await self._shows(subscription, stages)

        await eventually(is_there)

    async def transferred(self, subscription: str, number: int) -> None:
        """Wait until this many transfers have succeeded, and the workflow knows."""

        async def are_done() -> bool:
            status = await self._shown(subscription)
            return status is not None and status.transfer == number and status.stage is MigrationStage.AVAILABLE

        await eventually(are_done)

    async def _shows(self, subscription: str, stages: Sequence[MigrationStage]) -> bool:
        # A workflow that has only just begun shows nothing yet.
        found = await self._shown(subscription)
        return found is not None and found.stage in stages

    async def _shown(self, subscription: str) -> MigrationStatus | None:
        """Return what the workflow shows; None before its case is open, which a run that was continued opens anew."""
        try:
            found = await self.handle(subscription).query("status", result_type=MigrationStatus)
        except RPCError as error:
            if not has_no_task(error):
                raise
            return None
        return found if isinstance(found, MigrationStatus) else None

    async def held_up(self, subscription: str, code: str) -> None:
        """Wait until the transfer has failed with this code, and is to be tried again."""

        async def is_held_up() -> bool:
            description = await self.handle(subscription).describe()
            return any(
                pending.last_failure.application_failure_info.type == code
                for pending in description.raw_description.pending_activities
                if pending.state != PendingActivityState.PENDING_ACTIVITY_STATE_UNSPECIFIED
            )

        await eventually(is_held_up, within=60)

    def row(self, subscription: str) -> MigrationRow | None:
        with Session(self.world.engine, expire_on_commit=False) as session:
            return session.get(MigrationRow, f"{subscription}/1")

    def keys(self, subscription: str) -> list[str]:
        """The objects of the migration in the store, by the ends of their keys."""
        prefix = f"cancellations/{subscription}/1/migration"
        return sorted(found.key.removeprefix(f"{prefix}/") for found in self.objects.list(prefix))

    def mails(self, subscription: str, to: str) -> list[str]:
        """The subjects of what was mailed about a subscription to somebody, oldest first."""
        return [str(mail["Subject"]) for mail in self.world.mailbox.of(subscription) if mail["To"] == to]

    def queues(self, **addresses: str | None) -> None:
        """Name the support queues, unless they are named."""
        with Session(self.world.engine) as session, session.begin():
            for name, mail in addresses.items():
                session.merge(SupportQueueRow(name=name, mail=mail))

    def actions(self, subscription: str) -> list[str]:
        return [action for action in self.world.actions(subscription) if action.startswith("migration")]


def on_site(data_world: World) -> Migrations:
    """Migrations in a world with a real object store, and the support queues as they are in the sample."""
    administrator = data_world.the_data.tenants.administrator
    assert administrator is not None
    migrations = Migrations(data_world, administrator.render_as_string(hide_password=False))
    migrations.queues(technical_support=QUEUE_MAIL, billing_support=None, escalation=ESCALATION_MAIL)
    return migrations
