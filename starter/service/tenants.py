"""The organizations' own data: its schemas, their sizes, and samples."""

import asyncio
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from starter.service.area import AreaClient
from storage.tenants.catalog import exists, tables_of
from storage.tenants.organizations import data_schema_of, organizations_with_data
from storage.tenants.sample import Sample, generate


class TenantSchema(BaseModel):
    """The schema with an organization's data."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    organization: str
    # A field named `schema` would hide a method of pydantic's.
    name: str = Field(serialization_alias="schema")
    exists: bool
    tables: int
    estimated_rows: int
    bytes: int
    """On disk."""


class TenantSample(BaseModel):
    """Sample data of an organization."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    organization: str
    name: str = Field(serialization_alias="schema")
    rows: int
    """Of its largest table."""
    seed: int
    created: bool
    """True if it was made now; otherwise it existed, and was left as it is."""


class TenantClient(AreaClient):
    """The area of the organizations' data, in a database of its own; the records name its schemas.

    Raises:
        TenantDatabaseNotConfigured, TenantDatabaseUnavailable.

    """

    async def list(self) -> Sequence[TenantSchema]:
        """Return the schemas of the organizations that have data."""
        schemas = await self._read(organizations_with_data)
        tenants = self._tenants

        def measured() -> Sequence[TenantSchema]:
            found = []
            with tenants.writing() as connection:
                for organization, schema in schemas.items():
                    tables = tables_of(connection, schema)
                    found.append(
                        TenantSchema(
                            organization=organization,
                            name=schema,
                            exists=exists(connection, schema),
                            tables=len(tables),
                            estimated_rows=sum(table.estimated_rows for table in tables),
                            bytes=sum(table.bytes for table in tables),
                        )
                    )
            return found

        return await asyncio.to_thread(measured)

    async def sample(self, organization: str, *, rows: int, seed: int = 1) -> TenantSample:
        """Fill the schema of an organization with sample data, unless it has been filled before.

        Raises:
            OrganizationNotFound, OrganizationWithoutData, TenantSchemaNotSample, TenantSchemaNotWritable.

        """
        schema = await self._read(lambda session: data_schema_of(session, organization))
        tenants = self._tenants

        def made() -> Sample:
            with tenants.writing() as connection:
                return generate(connection, schema, rows=rows, seed=seed, role=tenants.reader_role)

        found = await asyncio.to_thread(made)
        return TenantSample(
            organization=organization, name=schema, rows=found.rows, seed=found.seed, created=found.created
        )
