"""Refusals to read, fill or erase the data of an organization. They name schemas and tables, never people."""

from collections.abc import Sequence

from psycopg import sql

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input

_NAMED = 5


class TenantDatabaseNotNow(Refusal):
    """Base of the refusals that pass by themselves: a caller that can wait tries again later; nothing was changed."""


class TenantDatabaseUnavailable(TenantDatabaseNotNow):
    """A database with the organizations' data that does not answer, or refuses the login."""

    code = "tenant_database_unavailable"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"The database {database}, which holds the organizations' data, does not answer: {reason}.",
            remedy=Remedy.of(RemedyKind.CHECK_DATABASE, variable="OFFRAMP_TENANT_DATABASE_URL"),
            database=database,
        )


class TenantSchemaBusy(TenantDatabaseNotNow):
    """Data of an organization that others have locked."""

    code = "tenant_schema_busy"

    def __init__(self, schema: str, what: str = "") -> None:
        locked = (
            f"{what[:1].upper()}{what[1:]} of schema {quoted(schema)}"
            if what
            else f"Something in schema {quoted(schema)}"
        )
        super().__init__(
            f"{locked} is being used by somebody else in a way that conflicts with this.",
            remedy=Remedy.of(RemedyKind.RETRY_WHEN, when="that export, backup or change is over"),
            schema=schema,
            what=what or None,
        )


class TenantDatabaseNotConfigured(Refusal):
    """An installation without a database for the organizations' data."""

    code = "tenant_database_not_configured"

    def __init__(self) -> None:
        super().__init__(
            "This installation has no database with the organizations' data.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE,
                variable="OFFRAMP_TENANT_DATABASE_URL",
                expected="postgresql://user:password@host:port/database",
            ),
        )


class TenantSchemaUnknown(Refusal):
    """A schema of an organization's data that does not exist."""

    code = "tenant_schema_unknown"

    def __init__(self, schema: str) -> None:
        super().__init__(
            f"The database with the organizations' data has no schema {quoted(schema)}.",
            remedy=Remedy.of(RemedyKind.CHECK_DATA_SCHEMA, variable="OFFRAMP_TENANT_DATABASE_URL"),
            schema=schema,
        )


class TenantSchemaNotSample(Refusal):
    """A schema that exists and contains something other than sample data."""

    code = "tenant_schema_not_sample"

    def __init__(self, schema: str) -> None:
        super().__init__(
            f"Schema {quoted(schema)} exists and was not created as a sample; its content stays as it is.",
            remedy=correct_input("Give the organization another data_schema, which does not exist yet."),
            schema=schema,
        )


class TenantSchemaNotWritable(Refusal):
    """A user of the tenant database without the rights that are needed on an organization's schema."""

    code = "tenant_schema_not_writable"

    def __init__(self, schema: str, said: str) -> None:
        super().__init__(
            f"The service's user may not change schema {quoted(schema)}: {said}.",
            remedy=Remedy.of(
                RemedyKind.ASK_DATABASE_ADMINISTRATOR,
                request="grant the service's user the role that owns the schema and all that is in it; nothing was changed.",
            ),
            schema=schema,
        )


class TenantSchemaNeededElsewhere(Refusal):
    """An object outside an organization's schema that depends on something in it."""

    code = "tenant_schema_needed_elsewhere"

    def __init__(self, schema: str, by: Sequence[str]) -> None:
        named = "; ".join(by[:_NAMED]) + (f"; and {len(by) - _NAMED} more" if len(by) > _NAMED else "")
        super().__init__(
            f"Schema {quoted(schema)} cannot be erased, because other objects depend on its content: {named}.",
            remedy=Remedy.of(
                RemedyKind.ASK_DATABASE_ADMINISTRATOR,
                request="drop or change these first. Nothing outside the schema is ever erased with it.",
            ),
            schema=schema,
            needed_by=named,
        )


class TenantSchemaNotReadable(Refusal):
    """A reader role that cannot read all of an organization's data: a part of it would not be a copy."""

    code = "tenant_schema_not_readable"

    def __init__(self, schema: str, role: str, reason: str, remedy: str) -> None:
        super().__init__(
            f"Schema {quoted(schema)} cannot be read completely: {reason}.",
            remedy=Remedy.of(RemedyKind.ASK_DATABASE_ADMINISTRATOR, request=f"run: {remedy}"),
            schema=schema,
            role=role,
        )

    @classmethod
    def without_role(cls, schema: str, role: str) -> "TenantSchemaNotReadable":
        """Return the refusal for a role that is missing, or that the service's user may not assume."""
        named = quoted(role)
        return cls(
            schema,
            role,
            f"the role {named} (OFFRAMP_TENANT_READER_ROLE) does not exist, or the user of OFFRAMP_TENANT_DATABASE_URL is "
            "not its member",
            f"CREATE ROLE {named} NOLOGIN; and GRANT {named} TO the user of OFFRAMP_TENANT_DATABASE_URL;",
        )

    @classmethod
    def without_usage(cls, schema: str, role: str) -> "TenantSchemaNotReadable":
        """Return the refusal for a role that may not use the schema."""
        return cls(schema, role, f"the role {quoted(role)} may not use it", _grants(schema, role))

    @classmethod
    def without_select(cls, schema: str, role: str, tables: Sequence[str]) -> "TenantSchemaNotReadable":
        """Return the refusal for a role that may not read some tables."""
        return cls(schema, role, f"the role {quoted(role)} may not read {in_words(tables)}", _grants(schema, role))

    @classmethod
    def with_row_security(cls, schema: str, role: str, tables: Sequence[str]) -> "TenantSchemaNotReadable":
        """Return the refusal for policies that would hide rows, which would be missing silently."""
        return cls(
            schema,
            role,
            f"row security hides rows of {in_words(tables)} from the role {quoted(role)}",
            f"ALTER ROLE {quoted(role)} BYPASSRLS;",
        )


def quoted(name: str) -> str:
    """Return a name as SQL has it, in quotation marks, so that people see where it begins and ends."""
    return sql.Identifier(name).as_string(None)


def in_words(names: Sequence[str]) -> str:
    """Return the first few names, and the number of the others."""
    named = ", ".join(quoted(name) for name in names[:_NAMED])
    return f"{named} and {len(names) - _NAMED} more" if len(names) > _NAMED else named


def _grants(schema: str, role: str) -> str:
    place, to = quoted(schema), quoted(role)
    return (
        f"GRANT USAGE ON SCHEMA {place} TO {to}; GRANT SELECT ON ALL TABLES IN SCHEMA {place} TO {to}; "
        f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA {place} TO {to};"
    )
