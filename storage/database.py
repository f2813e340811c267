"""The connection to the service's own PostgreSQL: settings, engine, and the refusals of settings."""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Self

import psycopg
from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from storage.secret_files import read_secret

_KEEPALIVES: Mapping[str, int] = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""A connection that was cut off without a word ends within half a minute, and with it what waits for its answer."""
_IDLE_SECONDS = 1.0
"""The time without use after which a connection is checked before the next one: no restart of a database is quicker."""
_URL_FORM = "postgresql://user:password@host:port/database"


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


class DatabaseSettings(BaseSettings):
    """The address of the database.

    ``OFFRAMP_DATABASE_URL``: ``postgresql://user:password@host:port/database``, PostgreSQL 15 or newer.
    ``OFFRAMP_DATABASE_PASSWORD_FILE``: a file with the password alone, as container platforms mount secrets; the URL
    then has none, and `database_url` has it filled in.
    ``OFFRAMP_DATABASE_OWNER_URL`` and ``OFFRAMP_DATABASE_OWNER_PASSWORD_FILE``: the same of the user that owns the tables, for the
    set-up alone; `owner_url` is the other one where there is none.

    Raises DatabaseUrlMalformed, DatabasePasswordUnusable.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", hide_input_in_errors=True)

    database_url: str = Field(repr=False)
    database_password_file: Path | None = None
    database_owner_url: str | None = Field(default=None, repr=False)
    database_owner_password_file: Path | None = None

    @field_validator("database_password_file", "database_owner_url", "database_owner_password_file", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def _with_password(self) -> Self:
        if self.database_password_file is not None:
            self.database_url = url_with_password(
                self.database_url, self.database_password_file, "OFFRAMP_DATABASE_PASSWORD_FILE"
            )
        if self.database_owner_url is not None and self.database_owner_password_file is not None:
            self.database_owner_url = url_with_password(
                self.database_owner_url, self.database_owner_password_file, "OFFRAMP_DATABASE_OWNER_PASSWORD_FILE"
            )
        return self

    @property
    def owner_url(self) -> str:
        """The URL of the user that owns the tables."""
        return self.database_owner_url or self.database_url


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
        password = read_secret(file)
    except ValueError as error:
        raise DatabasePasswordUnusable(f"it cannot be read ({error})", file, variable) from None
    if not password:
        raise DatabasePasswordUnusable("it is empty", file, variable)
    return parsed.set(password=password).render_as_string(hide_password=False)


def _url_variable(password_variable: str) -> str:
    return password_variable.replace("_PASSWORD_FILE", "_URL")


def create_database_engine(url: str | URL, *, pool_size: int = 10) -> Engine:
    """Return a connection pool on the database.

    Connections that were idle are checked before use, so that a restart of the database costs a caller nothing but the
    reconnection, and no statement waits longer for a lock than a local activity may run. Raises DatabaseUrlMalformed.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseUrlMalformed from None
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        hide_parameters=True,  # an error in a log or in the Web UI must not contain a customer's data
        connect_args={**_KEEPALIVES, "connect_timeout": 5, "options": "-c lock_timeout=4s -c timezone=UTC"},
    )
    event.listen(engine, "checkin", _note_return)
    event.listen(engine, "checkout", partial(_check_idle, engine))
    return engine


def _note_return(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info["returned_at"] = time.monotonic()


def _check_idle(
    engine: Engine, connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Have a connection replaced that is broken. A ping each time (``pool_pre_ping``) is every tenth round trip of a busy worker."""
    if time.monotonic() - record.info.get("returned_at", time.monotonic()) < _IDLE_SECONDS:
        return
    try:
        engine.dialect.do_ping(connection)
    except psycopg.Error as error:
        raise InvalidatePoolError from error
