"""Refusals of the service's own database in use, and the translation of its errors into them.

No refusal repeats SQL, a parameter or the driver's own text, which may contain a customer's data.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    NoResultFound,
    OperationalError,
    PendingRollbackError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input

_REASONS = {
    "25": "it takes no writes at the moment",
    "28": "it refuses the user or the password",
    "3D": "there is no database with that name",
    "40": "it rolled the transaction back",
    "53": "it has no connection or memory left",
    "55": "it does not accept this at the moment",
    "57": "it is starting up or shutting down",
    "58": "its disk or its system fails",
}
"""Why a database cannot be used now, by the class of the SQLSTATE; 08 is a connection that says no more itself."""

_NOT_NOW = ("08", *_REASONS)
_VALUES = "22"  # data exceptions: what was passed, not what was asked
_RULES = ("23", "44", "P0")  # constraints, views with a check, our triggers


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


class DatabaseRightMissing(Refusal):
    """A database user that may not do what this process asks of it."""

    code = "database_right_missing"

    def __init__(self, database: str) -> None:
        super().__init__(
            f"The user of this process may not do that in the database {database}.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE,
                variable="OFFRAMP_DATABASE_URL",
                expected="a user with the role of this process (docs/operations.md), and run `offramp setup` as the owner",
            ),
            database=database,
        )


class DatabaseFailed(Refusal):
    """A statement that the database could not execute, for a reason that waiting does not remove."""

    code = "database_failed"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"The database {database} could not do what the service asked of it: {reason}.",
            remedy=Remedy.of(RemedyKind.REPORT_DEFECT),
            database=database,
        )


class ValueNotStorable(Refusal):
    """A value that the database cannot keep: a character that no text has, or a number out of range."""

    code = "value_not_storable"

    def __init__(self) -> None:
        super().__init__(
            "A value that was given cannot be stored or looked up: it has a character that no text may contain, or is a number "
            "that is too large.",
            remedy=correct_input("Correct it: texts are UTF-8 without null characters."),
        )


class RecordsConflict(Refusal):
    """A write that contradicts the records, which the database refused."""

    code = "records_conflict"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The records contradict this step: {reason}.",
            remedy=Remedy.of(RemedyKind.REPORT_DEFECT),
        )


PASSES = (DatabaseUnavailable, DatabaseBusy, DatabaseNotMigrated, DatabaseRightMissing)
"""What ends by itself, or when the installation is repaired: the same work is done then."""

_MEANINGS: Mapping[str, Callable[[str], Refusal]] = {
    "57014": lambda database: DatabaseUnavailable(database, "it did not answer in time"),  # statement timeout
    "55P03": DatabaseBusy,  # lock timeout
    "40P01": DatabaseBusy,  # deadlock
    "40001": DatabaseBusy,  # serialization
    "42P01": DatabaseNotMigrated,  # no such table
    "42703": DatabaseNotMigrated,  # no such column
    "42883": DatabaseNotMigrated,  # no such function
    "42501": DatabaseRightMissing,
}
"""The meaning of an SQLSTATE that says it by itself."""


def refusal_of(error: SQLAlchemyError, database: str) -> Refusal:
    """Return the meaning of an error of the database; ``database`` names it for people."""
    if isinstance(error, PoolTimeout):
        return DatabaseUnavailable(database, "all connections are in use")
    if isinstance(error, DisconnectionError | PendingRollbackError):  # the connection was lost within the transaction
        return DatabaseUnavailable(database, "the connection was lost")
    if isinstance(error, NoResultFound | StaleDataError):
        return RecordsConflict("an entry that it needs is missing")
    if not isinstance(error, DBAPIError):
        return DatabaseFailed(database, type(error).__name__)
    state: str = getattr(error.orig, "sqlstate", None) or ""
    if (meaning := _MEANINGS.get(state)) is not None:
        return meaning(database)
    if state.startswith(_VALUES) or (not state and isinstance(error, DataError)):  # without one the driver refuses it
        return ValueNotStorable()
    connection_lost = not state and isinstance(error, OperationalError | InterfaceError)
    if error.connection_invalidated or connection_lost or state.startswith(_NOT_NOW):
        return DatabaseUnavailable(database, reason_in_words(state, str(error.orig)))
    if state.startswith(_RULES):
        constraint = violated_constraint(error)
        return RecordsConflict(
            f"the constraint {constraint} forbids it" if constraint else "a rule of theirs forbids it"
        )
    return DatabaseFailed(database, f"{type(error.orig).__name__}{f', SQLSTATE {state}' if state else ''}")


def violated_constraint(error: DBAPIError) -> str | None:
    """Return the name of the constraint or the trigger's rule that a statement violated; None for any other error."""
    name: str | None = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return name


@contextmanager
def refusing_database_errors(url: URL) -> Iterator[None]:
    """Turn every error of the database into a refusal that names it, without user and password.

    Raises:
        DatabaseUnavailable, DatabaseBusy, DatabaseNotMigrated, DatabaseRightMissing, DatabaseFailed, RecordsConflict,
        ValueNotStorable.

    """
    try:
        yield
    except SQLAlchemyError as error:
        raise refusal_of(error, database_in_words(url)) from None
    except UnicodeEncodeError:  # half a character, which a command line passes on for a byte that is no UTF-8
        raise ValueNotStorable from None


def database_in_words(url: URL) -> str:
    """Return the name of a database for people: its place, but neither user nor password."""
    return f"{url.database} on {url.host or 'localhost'}:{url.port or 5432}"


def reason_in_words(state: str | None, said: str) -> str:
    """Return in a few words why a database cannot be used, from the SQLSTATE, if there is one, and the driver's text.

    The driver's own text names the host again and sometimes the user; these few words do not.
    """
    if reason := _REASONS.get((state or "")[:2]):
        return reason
    said = said.casefold()
    if "password authentication failed" in said or "no password supplied" in said:
        return _REASONS["28"]
    if "does not exist" in said:
        return "there is no database or user with that name"
    return "no connection could be made"
