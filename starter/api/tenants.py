"""The organizations' own data: its schemas, their logins and code. Only where the API is given the database with it."""

from collections.abc import Sequence

from fastapi import APIRouter

from domain.permissions import Operation
from records.tenants import TenantCodeReview
from starter.api import bodies
from starter.api.callers import AskedOnce, Service
from starter.api.routes import Organization, operation
from starter.service.tenants import TenantCodeFound, TenantLogin, TenantSample, TenantSchema

router = APIRouter(tags=["organizations' data"])


@operation(router, Operation.LIST_TENANTS, 404)
async def list_tenants(service: Service) -> Sequence[TenantSchema]:
    """Return the schemas of the organizations that have data."""
    return await service.tenants.list()


@operation(router, Operation.PREPARE_TENANT, 404, 409)
async def prepare(organization: Organization, asked: AskedOnce, service: Service) -> TenantLogin:
    """Make the login of an organization, or set its password anew."""
    await service.access.claim(Operation.PREPARE_TENANT, **asked, organization=organization)
    return await service.tenants.prepare(organization)


@operation(router, Operation.SHOW_TENANT_CODE, 404, 409)
async def code(organization: Organization, service: Service) -> TenantCodeFound:
    """Return the code of its own that an organization's schema calls, and whether it was reviewed."""
    return await service.tenants.code(organization)


@operation(router, Operation.REVIEW_TENANT_CODE, 404, 409)
async def review(
    organization: Organization, body: bodies.ReviewCode, asked: AskedOnce, service: Service
) -> TenantCodeReview:
    """Record that a person has reviewed the code of an organization's schema, which from now on may run."""
    await service.access.claim(
        Operation.REVIEW_TENANT_CODE, **asked, organization=organization, digest=body.digest, reason=body.reason
    )
    return await service.tenants.review(organization, body.digest, actor=asked["actor"], reason=body.reason)


@operation(router, Operation.SAMPLE_TENANT, 404, 409)
async def sample(
    organization: Organization, body: bodies.SampleData, asked: AskedOnce, service: Service
) -> TenantSample:
    """Fill the schema of an organization with sample data, unless it has been filled before."""
    await service.access.claim(
        Operation.SAMPLE_TENANT, **asked, organization=organization, rows=body.rows, seed=body.seed
    )
    return await service.tenants.sample(organization, rows=body.rows, seed=body.seed)
