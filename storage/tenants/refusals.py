"""Why the data of an organization cannot be read, filled or erased. Schemas and tables are named, people never."""

from collections.abc import Sequence

from psycopg import sql

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input

_NAMED = 5


class TenantDatabaseNotNow(Refusal):
    """Base of what passes by itself: whoever can wait tries again later, and nothing was changed."""


class TenantDatabaseUnavailable(TenantDatabaseNotNow):
    """The database with the organizations' data does not answer, or lets nobody in."""

    code = "tenant_database_unavailable"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"The database {database}, which holds the organizations' data, does not answer: {reason}.",
            remedy=Remedy.of(RemedyKind.CHECK_DATABASE, variable="OFFRAMP_TENANT_DATABASE_URL"),
            database=database,
        )


class TenantSchemaBusy(TenantDatabaseNotNow):
    """Somebody else holds what is needed of an organization's data."""

    code = "tenant_schema_busy"

    def __init__(self, schema: str, what: str = "") -> None:
        held = (
            f"{what[:1].upper()}{what[1:]} of schema {quoted(schema)}"
            if what
            else f"Something in schema {quoted(schema)}"
        )
        super().__init__(
            f"{held} is being used by somebody else in a way that does not go together with this.",
            remedy=Remedy.of(RemedyKind.RETRY_WHEN, when="that export, backup or change is over"),
            schema=schema,
            what=what or None,
        )


class TenantDatabaseNotConfigured(Refusal):
    """Nothing says where the data of the organizations is."""

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
    """The schema of an organization's data is not there."""

    code = "tenant_schema_unknown"

    def __init__(self, schema: str) -> None:
        super().__init__(
            f"The database with the organizations' data has no schema {quoted(schema)}.",
            remedy=Remedy.of(RemedyKind.CHECK_DATA_SCHEMA, variable="OFFRAMP_TENANT_DATABASE_URL"),
            schema=schema,
        )


class TenantSchemaNotSample(Refusal):
    """A schema that exists and holds something else than sample data."""

    code = "tenant_schema_not_sample"

    def __init__(self, schema: str) -> None:
        super().__init__(
            f"Schema {quoted(schema)} exists and was not made as a sample; what is in it stays as it is.",
            remedy=correct_input("Give the organization another data_schema, which does not exist yet."),
            schema=schema,
        )


class TenantSchemaNotWritable(Refusal):
    """The user of the tenant database may not do what is needed with an organization's schema."""

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
    """Something that is not of the organization's schema depends on something in it."""

    code = "tenant_schema_needed_elsewhere"

    def __init__(self, schema: str, by: Sequence[str]) -> None:
        named = "; ".join(by[:_NAMED]) + (f"; and {len(by) - _NAMED} more" if len(by) > _NAMED else "")
        super().__init__(
            f"Schema {quoted(schema)} cannot be erased, because others need what is in it: {named}.",
            remedy=Remedy.of(
                RemedyKind.ASK_DATABASE_ADMINISTRATOR,
                request="drop or change these first. Nothing outside the schema is ever erased with it.",
            ),
            schema=schema,
            needed_by=named,
        )


class TenantSchemaNotReadable(Refusal):
    """The reader role cannot read all of an organization's data, and a part of it would not be a copy."""

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
        """The role is missing, or our user may not take it."""
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
        """The role may not enter the schema."""
        return cls(schema, role, f"the role {quoted(role)} may not use it", _grants(schema, role))

    @classmethod
    def without_select(cls, schema: str, role: str, tables: Sequence[str]) -> "TenantSchemaNotReadable":
        """The role may not read some tables."""
        return cls(schema, role, f"the role {quoted(role)} may not read {in_words(tables)}", _grants(schema, role))

    @classmethod
    def with_row_security(cls, schema: str, role: str, tables: Sequence[str]) -> "TenantSchemaNotReadable":
        """Policies would hide rows, which would be missing without a word."""
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
    """Name the first few, and count the others."""
    named = ", ".join(quoted(name) for name in names[:_NAMED])
    return f"{named} and {len(names) - _NAMED} more" if len(names) > _NAMED else named


def _grants(schema: str, role: str) -> str:
    place, to = quoted(schema), quoted(role)
    return (
        f"GRANT USAGE ON SCHEMA {place} TO {to}; GRANT SELECT ON ALL TABLES IN SCHEMA {place} TO {to}; "
        f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA {place} TO {to};"
    )
