"""Refusals to read, fill or erase the data of an organization. They name schemas and tables, never people."""

from collections.abc import Sequence

import psycopg
from psycopg import errors, sql

from domain.clean_text import escaped
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

    def __init__(self, schema: str, what: str = "", holders: Sequence[str] = ()) -> None:
        locked = (
            f"{what[:1].upper()}{what[1:]} of schema {quoted(schema)}"
            if what
            else f"Something in schema {quoted(schema)}"
        )
        users = ", ".join(map(quoted, holders))
        super().__init__(
            f"{locked} is being used by {users or 'somebody else'} in a way that conflicts with this.",
            remedy=Remedy.of(RemedyKind.RETRY_WHEN, when="that export, backup or change is over"),
            schema=schema,
            what=what or None,
            holders=users or None,
        )


class TenantWorkWaits(TenantDatabaseNotNow):
    """Work on an organization's data that waits until other work on it has ended."""

    code = "tenant_work_waits"

    def __init__(self, organization: str, at_once: int) -> None:
        super().__init__(
            f"This worker reads or erases data of organization {organization} {at_once} times at once already; places "
            "beside that are for other organizations.",
            remedy=Remedy.of(RemedyKind.RETRY_WHEN, when="one of these has ended"),
            organization=organization,
            at_once=at_once,
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


def said(error: psycopg.Error) -> list[str]:
    """Return what PostgreSQL itself says of an error, by lines; nothing of one that code has raised.

    Whoever raises an error chooses its text and its SQLSTATE, and not the place in PostgreSQL's source that it comes from.
    """
    if error.diag.source_file not in ("aclchk.c", "dependency.c", "user.c"):
        return []
    needs = isinstance(
        error, errors.DependentObjectsStillExist
    )  # the details say what; of a right, whose administrator has which
    text = (error.diag.message_detail if needs else None) or error.diag.message_primary or ""
    return [escaped(line) for line in text.splitlines()[:_LINES]]


_LINES = 20


class TenantSchemaNotWritable(Refusal):
    """A user of the tenant database without the rights that are needed on an organization's schema."""

    code = "tenant_schema_not_writable"

    def __init__(self, schema: str, why: str = "") -> None:
        super().__init__(
            f"This user of the database may not change schema {quoted(schema)}{f': {why}' if why else ''}.",
            remedy=Remedy.of(
                RemedyKind.ASK_DATABASE_ADMINISTRATOR,
                request="grant what is missing, or give the thing to the role that owns the schema; nothing was changed.",
            ),
            schema=schema,
        )


class TenantSchemaNeededElsewhere(Refusal):
    """An object outside an organization's schema that depends on something in it."""

    code = "tenant_schema_needed_elsewhere"

    def __init__(self, schema: str, by: Sequence[str]) -> None:
        named = first_of(by)
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
    """A login that cannot read all of an organization's data: a part of it would not be a copy."""

    code = "tenant_schema_not_readable"

    def __init__(self, schema: str, login: str, reason: str, remedy: str) -> None:
        super().__init__(
            f"Schema {quoted(schema)} cannot be read completely: {reason}.",
            remedy=Remedy.of(RemedyKind.ASK_DATABASE_ADMINISTRATOR, request=f"run: {remedy}"),
            schema=schema,
            login=login,
        )

    @classmethod
    def without_select(cls, schema: str, login: str, tables: Sequence[str]) -> "TenantSchemaNotReadable":
        """Return the refusal for a login that may not read some tables."""
        remedy = f"GRANT SELECT ON ALL TABLES IN SCHEMA {quoted(schema)} TO {quoted(login)};"
        return cls(schema, login, f"the login {quoted(login)} may not read {in_words(tables)}", remedy)

    @classmethod
    def with_row_security(cls, schema: str, login: str, tables: Sequence[str]) -> "TenantSchemaNotReadable":
        """Return the refusal for policies that would hide rows, which would be missing silently."""
        reason = f"row security hides rows of {in_words(tables)} from the login {quoted(login)}"
        return cls(schema, login, reason, f"ALTER ROLE {quoted(login)} BYPASSRLS;")


class TenantSchemaTooLarge(Refusal):
    """A schema with more of something than a worker has memory for."""

    code = "tenant_schema_too_large"

    def __init__(self, schema: str, what: str, limit: int) -> None:
        super().__init__(
            f"Schema {quoted(schema)} has more than {limit:,} {what}.",
            remedy=Remedy.of(
                RemedyKind.ASK_DATABASE_ADMINISTRATOR,
                request="have the organization remove what its data does not need.",
            ),
            schema=schema,
            what=what,
            limit=limit,
        )


class TenantLoginSecretUnusable(Refusal):
    """A secret of the organizations' logins that is missing, given twice, unreadable or too short."""

    code = "tenant_login_secret_unusable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The secret of the organizations' logins cannot be used: {reason}.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE,
                variable="OFFRAMP_TENANT_LOGIN_SECRET_FILE",
                expected="a file with a random text of 32 characters or more, or OFFRAMP_TENANT_LOGIN_SECRET to the text",
            ),
        )


class TenantAdministratorNotConfigured(Refusal):
    """A command that needs a user who may create roles, in an installation that names none."""

    code = "tenant_administrator_not_configured"

    def __init__(self) -> None:
        super().__init__(
            "Logins and schemas of organizations are made by an administrator of their database, and none is configured.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE,
                variable="OFFRAMP_TENANT_ADMINISTRATOR_URL",
                expected="postgresql://user:password@host:port/database, for this command alone",
            ),
        )


class TenantLoginRefused(TenantDatabaseNotNow):
    """A login of an organization that does not exist, or has another password."""

    code = "tenant_login_refused"

    def __init__(self, organization: str, login: str) -> None:
        super().__init__(
            f"The database with the organizations' data does not let {quoted(login)} in, the login of organization "
            f"{organization}: it does not exist, or was made with another secret.",
            remedy=Remedy.of(RemedyKind.PREPARE_TENANT, organization=organization),
            organization=organization,
            login=login,
        )


class TenantSchemaNotOwned(Refusal):
    """A schema that does not belong to the login of the organization that names it as its data."""

    code = "tenant_schema_not_owned"

    def __init__(self, organization: str, schema: str, login: str) -> None:
        super().__init__(
            f"Schema {quoted(schema)} is not known to be the data of organization {organization}: its owner is not a role "
            f"of the login {quoted(login)}.",
            remedy=Remedy.of(RemedyKind.PREPARE_TENANT, organization=organization),
            organization=organization,
            schema=schema,
            login=login,
        )


class TenantLoginTooPowerful(Refusal):
    """A user of the tenant database that can do more than it is for: code of an organization could use it."""

    code = "tenant_login_too_powerful"

    def __init__(self, user: str, powers: Sequence[str]) -> None:
        named = first_of(powers)
        super().__init__(
            f"The user {quoted(user)} of the database with the organizations' data can do more than it may: {named}.",
            remedy=Remedy.of(
                RemedyKind.ASK_DATABASE_ADMINISTRATOR,
                request="take that away from it; an organization's schema has an owner of its own, which owns nothing else.",
            ),
            user=user,
            powers=named,
        )


def quoted(name: str) -> str:
    """Return a name as SQL has it, in quotation marks, so that people see where it begins and ends."""
    return sql.Identifier(name).as_string(None)


def in_words(names: Sequence[str]) -> str:
    """Return the first few names, and the number of the others."""
    named = ", ".join(quoted(name) for name in names[:_NAMED])
    return f"{named} and {len(names) - _NAMED} more" if len(names) > _NAMED else named


def first_of(things: Sequence[str]) -> str:
    """Return the first few things, which are phrases of their own, and the number of the others."""
    return "; ".join(things[:_NAMED]) + (f"; and {len(things) - _NAMED} more" if len(things) > _NAMED else "")
