"""Exports of organizations' data, each part of a cancellation."""

from collections.abc import Sequence

from fastapi import APIRouter

from contract import CancellationStatus
from domain.permissions import Operation
from records.export import DescribedExport
from starter.api import bodies
from starter.api.callers import AskedOnce, Service
from starter.api.routes import MORE, Number, Subscription, named, operation
from starter.service.downloads import FileLink
from starter.service.export import ExportView

router = APIRouter(tags=["exports"])


@operation(router, Operation.SHOW_EXPORT, 404)
async def show(subscription: Subscription, service: Service) -> ExportView:
    """Return the state of the newest cancellation's export, live while it is under way."""
    return await service.exports.status(subscription)


@operation(router, Operation.DESCRIBE_EXPORT, 404)
async def describe(subscription: Subscription, number: Number, service: Service) -> DescribedExport:
    """Return the contents of the finished export of a cancellation."""
    case = named(subscription, number) or (await service.exports.status(subscription)).cancellation
    return await service.exports.describe(case)


@operation(router, Operation.FETCH_EXPORT, 404, 409, 410)
async def files(subscription: Subscription, number: Number, service: Service) -> Sequence[FileLink]:
    """Return links to the files of a finished export, the manifest first. Each works for 15 minutes, for anyone who has it."""
    return await service.exports.links(subscription, export=named(subscription, number))


@operation(router, Operation.ACKNOWLEDGE_EXPORT, *MORE)
async def acknowledge(
    subscription: Subscription, number: Number, body: bodies.Received, asked: AskedOnce, service: Service
) -> CancellationStatus:
    """Acknowledge that an export was downloaded: from now on the data may be erased."""
    return await service.exports.acknowledge(
        subscription, receipt=bodies.stated(body.receipt), export=named(subscription, number), **asked
    )


@operation(router, Operation.RENEW_EXPORT_LINK, *MORE)
async def renew_link(
    subscription: Subscription, number: Number, asked: AskedOnce, service: Service
) -> CancellationStatus:
    """Have a fresh link mailed to the billing administrator on record."""
    return await service.exports.renew_link(subscription, export=named(subscription, number), **asked)
