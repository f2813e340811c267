"""Migrations on premises: their hand-overs, and links to the transferred data."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from contract import MigrationStatus
from domain.migration import MigrationStage
from domain.permissions import Operation
from domain.vocabulary import CaseId, Identifier
from records.migration.lists import MigrationSummary
from starter.api import bodies
from starter.api.callers import AskedOnce, Service, Visible
from starter.api.routes import MORE, Number, Subscription, named, operation
from starter.service.downloads import FileLink
from starter.service.migration import MigrationView

router = APIRouter(tags=["migrations"])


@operation(router, Operation.LIST_MIGRATIONS, of_several=True)
async def list_migrations(
    organizations: Visible,
    service: Service,
    cancellation: Annotated[list[CaseId] | None, Query(max_length=100, description="those of these alone")] = None,
    stage: MigrationStage | None = None,
    queue: Annotated[Identifier | None, Query(description="the support queue that it was requested from")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Sequence[MigrationSummary]:
    """Return migrations, the last requested first."""
    return await service.migrations.list(
        cancellations=cancellation, stage=stage, queue=queue, organizations=organizations, limit=limit
    )


@operation(router, Operation.SHOW_MIGRATION, 404)
async def show(subscription: Subscription, service: Service) -> MigrationView:
    """Return the state of a subscription's newest migration, live while its workflow runs."""
    return await service.migrations.status(subscription)


@operation(router, Operation.GET_MIGRATION, 404)
async def get(subscription: Subscription, number: Number, service: Service) -> MigrationSummary:
    """Return the migration of one cancellation, as recorded."""
    case = named(subscription, number)
    return await service.migrations.get(case) if case else (await service.migrations.status(subscription)).migration


@operation(router, Operation.ACCEPT_MIGRATION, *MORE)
async def accept(
    subscription: Subscription, number: Number, body: bodies.AcceptMigration, asked: AskedOnce, service: Service
) -> MigrationStatus:
    """Accept a request, with the IT department's address and the time of the transfer."""
    return await service.migrations.accept(
        subscription,
        contact=body.contact,
        transfer_at=body.transfer_at,
        cancellation=named(subscription, number),
        **asked,
    )


@operation(router, Operation.CORRECT_MIGRATION, *MORE)
async def correct(
    subscription: Subscription, number: Number, body: bodies.CorrectMigration, asked: AskedOnce, service: Service
) -> MigrationStatus:
    """Correct the address or the time, or have the data transferred again."""
    return await service.migrations.correct(
        subscription,
        reason=body.reason,
        contact=body.contact,
        transfer_at=body.transfer_at,
        transfer_again=body.transfer_again,
        cancellation=named(subscription, number),
        **asked,
    )


@operation(router, Operation.RENEW_MIGRATION_LINK, *MORE)
async def renew_link(
    subscription: Subscription, number: Number, body: bodies.RenewMigrationLink, asked: AskedOnce, service: Service
) -> MigrationStatus:
    """Have a fresh link mailed to the IT department."""
    return await service.migrations.renew_link(
        subscription, transfer=body.transfer, cancellation=named(subscription, number), **asked
    )


@operation(router, Operation.ACKNOWLEDGE_MIGRATION_DOWNLOAD, *MORE)
async def acknowledge_download(
    subscription: Subscription, number: Number, body: bodies.AcknowledgeDownload, asked: AskedOnce, service: Service
) -> MigrationStatus:
    """Acknowledge that the IT department has the data."""
    return await service.migrations.acknowledge_download(
        subscription,
        receipt=bodies.stated(body.receipt),
        transfer=body.transfer,
        cancellation=named(subscription, number),
        **asked,
    )


@operation(router, Operation.REPORT_MIGRATION_COMPLETED, *MORE)
async def report_completed(
    subscription: Subscription, number: Number, asked: AskedOnce, service: Service
) -> MigrationStatus:
    """Report that the data is in use on premises: the cancellation continues."""
    return await service.migrations.report_completed(subscription, cancellation=named(subscription, number), **asked)


@operation(router, Operation.FETCH_MIGRATION, 404, 409, 410)
async def files(
    subscription: Subscription,
    number: Number,
    service: Service,
    transfer: Annotated[int | None, Query(ge=1, description="the newest transfer, if not given")] = None,
) -> Sequence[FileLink]:
    """Return links to the transferred files. Each works for 15 minutes, for anyone who has it."""
    case = named(subscription, number)
    return await service.migrations.links(subscription, cancellation=case, transfer=transfer)
