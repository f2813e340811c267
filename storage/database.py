"""The connection to the service's own PostgreSQL: settings, engine, and the refusals of both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind

_BUSY = frozenset({"55P03", "40P01", "40001"})  # lock timeout, deadlock, serialization
_URL_FORM = "postgresql://user:password@host:port/database"
_NOT_MIGRATED = frozenset({"42P01", "42703"})  # no such table, no such column


class DatabaseUrlMalformed(Refusal):
    """A text that is not a database URL. It is not repeated, because it may contain a password."""

    code = "database_url_malformed"

    def __init__(self, variable: str = "OFFRAMP_DATABASE_URL") -> None:
        super().__init__(
            "The configured URL of the database is malformed.",
            remedy=Remedy.of(RemedyKind.CONFIGURE, variable=variable, expected=_URL_FORM),
        )


class DatabasePasswordUnusable(Refusal):
    """A password file that gives no password to use, or not the only one."""

    code = "database_password_unusable"

    def __init__(self, reason: str, file: Path, variable: str = "OFFRAMP_DATABASE_PASSWORD_FILE") -> None:
        super().__init__(
            f"The database's password file cannot be used: {reason}.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE_DATABASE_LOGIN, file=file, variable=variable, url_variable=_url_variable(variable)
            ),
        )


class DatabaseUnavailable(Refusal):
    """A database that does not answer, or refuses the login."""

    code = "database_unavailable"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"The database {database} does not answer: {reason}.",
            remedy=Remedy.of(RemedyKind.CHECK_DATABASE, variable="OFFRAMP_DATABASE_URL"),
            database=database,
        )


class DatabaseBusy(Refusal):
    """Rows that others locked for too long."""

    code = "database_busy"

    def __init__(self, database: str) -> None:
        super().__init__(
            "The same entries in the database are being changed by somebody else.",
            remedy=Remedy.of(RemedyKind.RETRY),
            database=database,
        )


class DatabaseNotMigrated(Refusal):
    """A database without the tables of this version."""

    code = "database_not_migrated"

    def __init__(self, database: str) -> None:
        super().__init__(
            f"The database {database} does not have the tables that this version of Offramp needs.",
            remedy=Remedy.of(RemedyKind.UPGRADE_SCHEMA),
            database=database,
        )


class DatabaseSettings(BaseSettings):
    """The address of the database.

    ``OFFRAMP_DATABASE_URL``: ``postgresql://user:password@host:port/database``, PostgreSQL 15 or newer.
    ``OFFRAMP_DATABASE_PASSWORD_FILE``: a file with the password alone, as container platforms mount secrets; the URL
    then has none, and `database_url` has it filled in.

    Raises DatabaseUrlMalformed, DatabasePasswordUnusable.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", hide_input_in_errors=True)

    database_url: str = Field(repr=False)
    database_password_file: Path | None = None

    @field_validator("database_password_file", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def _with_password(self) -> Self:
        if self.database_password_file is not None:
            self.database_url = url_with_password(
                self.database_url, self.database_password_file, "OFFRAMP_DATABASE_PASSWORD_FILE"
            )
        return self


def url_with_password(url: str, file: Path, variable: str) -> str:
    """Return a database URL with the password from a file; ``variable`` is the setting that names the file.

    Raises DatabaseUrlMalformed, DatabasePasswordUnusable.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseUrlMalformed(_url_variable(variable)) from None
    if parsed.password is not None:
        reason = "the URL has a password too, and only one can be right"
        raise DatabasePasswordUnusable(reason, file, variable)
    try:
        password = file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = f"it cannot be read ({error.strerror if isinstance(error, OSError) else 'it is not text'})"
        raise DatabasePasswordUnusable(reason, file, variable) from None
    if not password:
        raise DatabasePasswordUnusable("it is empty", file, variable)
    return parsed.set(password=password).render_as_string(hide_password=False)


def _url_variable(password_variable: str) -> str:
    return password_variable.replace("_PASSWORD_FILE", "_URL")


def create_database_engine(url: str | URL, *, pool_size: int = 10) -> Engine:
    """Return a connection pool on the database.

    Connections are checked before use, so that a restart of the database costs a caller nothing but the reconnection,
    and no statement waits longer for a lock than a local activity may run. Raises DatabaseUrlMalformed.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseUrlMalformed from None
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,  # an error in a log or in the Web UI must not contain a customer's data
        connect_args={"connect_timeout": 5, "options": "-c lock_timeout=4s -c timezone=UTC"},
    )


@contextmanager
def refusing_when_unavailable(url: URL) -> Iterator[None]:
    """Turn the errors of a database that cannot be used into refusals that name it, without user and password.

    Raises:
        DatabaseUnavailable, DatabaseBusy, DatabaseNotMigrated.

    """
    database = database_in_words(url)
    try:
        yield
    except PoolTimeout:
        raise DatabaseUnavailable(database, "all connections are in use") from None
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state in _BUSY:
            raise DatabaseBusy(database) from None
        if state in _NOT_MIGRATED:
            raise DatabaseNotMigrated(database) from None
        never_connected = state is None and isinstance(error, OperationalError | InterfaceError)
        if error.connection_invalidated or never_connected or (state or "")[:2] in ("08", "28", "3D", "53", "57"):
            raise DatabaseUnavailable(database, reason_in_words(state, str(error.orig))) from None
        raise


def database_in_words(url: URL) -> str:
    """Return the name of a database for people: its place, but neither user nor password."""
    return f"{url.database} on {url.host or 'localhost'}:{url.port or 5432}"


def reason_in_words(state: str | None, said: str) -> str:
    """Return in a few words why a database cannot be used, from the SQLSTATE, if there is one, and the driver's text.

    The driver's own text names the host again and sometimes the user; these few words do not.
    """
    match state and state[:2]:
        case "28":
            return "it refuses the user or the password"
        case "3D":
            return "there is no database with that name"
        case "53":
            return "it has no connection or memory left"
        case "57":
            return "it is starting up or shutting down"
        case _:
            said = said.casefold()
            if "password authentication failed" in said or "no password supplied" in said:
                return "it refuses the user or the password"
            if "does not exist" in said:
                return "there is no database or user with that name"
            return "no connection could be made"
