"""The migration of a database to the schema that this version of the service needs, and back."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from storage.database import create_database_engine
from storage.rights import grant_rights

# Any number, the same in every process that migrates: concurrent deployments take turns.
MIGRATION_LOCK = 0x0FF_7A4B

_MIGRATIONS = Path(__file__).parent


def upgrade(url: str | URL, revision: str = "head") -> None:
    """Apply the missing migrations up to ``revision``, as the owner, and give each role its rights.

    Running it again, or twice at once, changes nothing more.
    """
    _run(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str | URL, revision: str = "base") -> None:
    """Revert migrations down to ``revision``. This drops what they created, with its data."""
    _run(url, lambda config: command.downgrade(config, revision))


def newest_revision() -> str:
    """Return the revision that `upgrade` leads to."""
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head() or "base"


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for one open connection."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _run(url: str | URL, migration: Callable[[Config], None]) -> None:
    engine = create_database_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            migration(alembic_config(connection))
            grant_rights(connection)
    finally:
        engine.dispose()
