"""What the people who run an installation ask for: reconciliations, the audit trail, limits, what is kept about a person."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from domain.audit_seals import AuditVerification, SealedHead
from domain.permissions import Operation
from domain.privacy import Kept
from records.limit_settings import Limit, LimitRelease
from starter.api import bodies
from starter.api.callers import AskedOnce, Service
from starter.api.long_reads import LongRead
from starter.api.routes import ACCEPTED, accepted, operation
from starter.service.reconciliation import ReconciliationView

router = APIRouter(tags=["operations"])


@operation(router, Operation.BEGIN_RECONCILIATION, 409, status_code=202, responses=ACCEPTED)
async def begin_reconciliation(
    body: bodies.Reconcile, asked: AskedOnce, service: Service, request: Request, response: Response
) -> ReconciliationView:
    """Reconcile records, workflows and copies of data now; the answer says where the report will be."""
    await service.access.claim(Operation.BEGIN_RECONCILIATION, **asked, dry_run=body.dry_run)
    name = await service.reconciliation.begin(dry_run=body.dry_run, request_id=asked["request_id"])
    accepted(request, response, name)
    return await service.reconciliation.progress(name)


@operation(router, Operation.SHOW_RECONCILIATION, 404)
async def show_reconciliation(name: Annotated[str, Path(max_length=200)], service: Service) -> ReconciliationView:
    """Return how far a reconciliation is, and its report."""
    return await service.reconciliation.progress(name)


@operation(router, Operation.SHOW_AUDIT_HEAD)
async def audit_head(service: Service) -> SealedHead | None:
    """Return the head of the sealed audit trail, to be kept elsewhere; null before the first seal."""
    return await service.audit.head()


@operation(router, Operation.VERIFY_AUDIT, 429)
async def verify_audit(
    service: Service,
    _: LongRead,
    kept: Annotated[str | None, Query(max_length=100, description="a head from before, as it was published")] = None,
) -> AuditVerification:
    """Calculate every seal of the audit trail anew."""
    return await service.audit.verify(kept)


@operation(router, Operation.LIST_LIMITS)
async def limits(service: Service) -> Sequence[Limit]:
    """Return the limits across cases."""
    return await service.limits.list()


@operation(router, Operation.SET_LIMIT, 409)
async def set_limit(body: bodies.SetLimit, asked: AskedOnce, service: Service) -> Limit:
    """Set one limit for the whole installation."""
    limit = Limit(limited=body.limited, scope=body.scope, number=body.number)
    return await service.limits.set(limit, reason=body.reason, **asked)


@operation(router, Operation.RELEASE_LIMIT, 404, 409)
async def release_limit(body: bodies.ReleaseLimit, asked: AskedOnce, service: Service) -> LimitRelease:
    """Count nothing more of what was counted until now for a caller, or for an organization and its administrators."""
    return await service.limits.release(body.scope, body.subject, reason=body.reason, **asked)


@operation(router, Operation.FIND_PERSON, 429)
async def find_person(body: bodies.SearchPerson, service: Service, _: LongRead) -> Sequence[Kept]:
    """Return everything that is kept about a person, by an address of theirs, and until when."""
    return await service.privacy.find(body.address)
