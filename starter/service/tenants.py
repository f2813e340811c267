"""The organizations' own data: its schemas, their sizes, logins and code, and samples."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from contract.clean import refuse_unclean_words
from domain.actors import THE_SERVICE
from records.tenants import TenantCodeReview, record_review, reviewed_digests
from starter.service.area import AreaClient
from storage.tenants.catalog import exists, extent_of
from storage.tenants.code import code_of
from storage.tenants.code_refusals import TenantCodeChanged
from storage.tenants.logins import Tenant
from storage.tenants.organizations import data_schema_of, organizations_with_data
from storage.tenants.preparation import prepare
from storage.tenants.refusals import TenantSchemaBusy, TenantSchemaUnknown
from storage.tenants.sample import Sample, generate

_SCHEMA: Any = Field(validation_alias=AliasChoices("name", "schema"), serialization_alias="schema")


class TenantSchema(BaseModel):
    """The schema with an organization's data."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    organization: str
    # A field named `schema` would hide a method of pydantic's.
    name: str = _SCHEMA
    exists: bool
    busy: bool = False
    """True if somebody has locked something in it, so that nothing is known of its extent."""
    tables: int = 0
    estimated_rows: int = 0
    bytes: int = 0
    """On disk."""


class TenantSample(BaseModel):
    """Sample data of an organization."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    organization: str
    name: str = _SCHEMA
    rows: int
    """Of its largest table."""
    seed: int
    created: bool
    """True if it was made now; otherwise it existed, and was left as it is."""


class TenantLogin(BaseModel):
    """The login as which an organization's data is read and erased."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    organization: str
    name: str = _SCHEMA
    login: str
    owners: tuple[str, ...]
    """The roles that own the schema and all that is in it, and nothing else."""


class TenantCodeFound(BaseModel):
    """The code of its own that an organization's schema calls."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    organization: str
    name: str = _SCHEMA
    calls: tuple[str, ...]
    """Each place that calls a function which is not PostgreSQL's own, in words, with its definition."""
    functions: dict[str, str]
    """The definition of each function by its name: its arguments and their defaults, its settings and its source."""
    digest: str
    reviewed: bool


class TenantClient(AreaClient):
    """The area of the organizations' data, in a database of its own; the records name its schemas.

    Raises:
        TenantDatabaseNotConfigured, TenantLoginSecretUnusable, TenantLoginTooPowerful, TenantDatabaseUnavailable.

    """

    async def list(self) -> Sequence[TenantSchema]:
        """Return the schemas of the organizations that have data."""
        schemas = await self._read(organizations_with_data)
        tenants = self._tenants

        def measured(organization: str, schema: str) -> TenantSchema:
            try:
                with tenants.looking_at(schema) as connection:
                    return TenantSchema(
                        organization=organization,
                        name=schema,
                        exists=exists(connection, schema),
                        **asdict(extent_of(connection, schema)),
                    )
            except TenantSchemaBusy:
                return TenantSchema(organization=organization, name=schema, exists=True, busy=True)

        return [await asyncio.to_thread(measured, *each) for each in schemas.items()]

    async def prepare(self, organization: str) -> TenantLogin:
        """Make the login of an organization, and give what superusers own in its schema to a role made for it.

        Run again it sets the login's password anew, as after a change of the secret.

        Raises:
            OrganizationNotFound, OrganizationWithoutData, TenantAdministratorNotConfigured, TenantSchemaUnknown,
            TenantSchemaNotWritable.

        """
        tenant, tenants = await self._tenant(organization), self._tenants

        def made() -> Sequence[str]:
            with tenants.administering() as connection:
                return prepare(connection, tenant, tenants.password(tenant))

        owners = await asyncio.to_thread(made)
        return TenantLogin(organization=organization, name=tenant.schema, login=tenant.login, owners=tuple(owners))

    async def code(self, organization: str) -> TenantCodeFound:
        """Return the code of its own that an organization's schema calls, and whether it was reviewed.

        Raises OrganizationNotFound, OrganizationWithoutData, TenantSchemaUnknown, TenantSchemaBusy, TenantSchemaTooLarge.
        """
        tenant, reviewed = await self._tenant(organization), await self._read(reviewed_digests)
        tenants = self._tenants

        def found() -> TenantCodeFound:
            with tenants.looking_at(tenant.schema) as connection:
                if not exists(connection, tenant.schema):
                    raise TenantSchemaUnknown(tenant.schema)
                code = code_of(connection, tenant.schema)
            return TenantCodeFound(
                organization=organization,
                name=tenant.schema,
                calls=tuple(call.whole for call in code.calls),
                functions=dict(code.bodies),
                digest=code.digest,
                reviewed=not code.calls or code.digest in reviewed,
            )

        return await asyncio.to_thread(found)

    async def review(self, organization: str, digest: str, *, actor: str, reason: str) -> TenantCodeReview:
        """Record that a person has reviewed the code of an organization's schema, which from now on may run.

        It counts for the same code in any schema. Raises as `code` does, and TenantCodeChanged.
        """
        refuse_unclean_words(actor=actor, reason=reason)
        found = await self.code(organization)
        if found.digest != digest:
            raise TenantCodeChanged(organization, found.digest)
        at = datetime.now(UTC)
        return await self._write(
            lambda write: record_review(write, organization, digest, actor=actor, at=at, reason=reason)
        )

    async def sample(self, organization: str, *, rows: int, seed: int = 1) -> TenantSample:
        """Fill the schema of an organization with sample data, unless it has been filled before.

        Raises:
            OrganizationNotFound, OrganizationWithoutData, TenantAdministratorNotConfigured, TenantSchemaNotSample,
            TenantSchemaNotWritable.

        """
        tenant, tenants = await self._tenant(organization), self._tenants

        def made() -> tuple[Sample, str]:
            with tenants.administering() as connection:
                sample = generate(connection, tenant, tenants.password(tenant), rows=rows, seed=seed)
            with tenants.looking_at(tenant.schema) as connection:
                return sample, code_of(connection, tenant.schema).digest

        found, digest = await asyncio.to_thread(made)
        if found.created:  # this very code made it a moment ago
            await self._write(
                lambda write: record_review(
                    write,
                    organization,
                    digest,
                    actor=THE_SERVICE,
                    at=datetime.now(UTC),
                    reason="sample data of Offramp",
                )
            )
        return TenantSample(
            organization=organization, name=tenant.schema, rows=found.rows, seed=found.seed, created=found.created
        )

    async def _tenant(self, organization: str) -> Tenant:
        return Tenant(organization, await self._read(lambda session: data_schema_of(session, organization)))
