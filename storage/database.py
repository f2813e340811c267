"""How to reach PostgreSQL."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url


class DatabaseSettings(BaseSettings):
    """``OFFRAMP_DATABASE_URL``: ``postgresql://user:password@host:port/database``, PostgreSQL 15 or newer."""

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_")

    database_url: str = Field(repr=False)


def create_database_engine(url: str | URL, *, pool_size: int = 10) -> Engine:
    """Return a connection pool on the database.

    Connections are checked before use, so that a restart of the database costs a caller nothing but the reconnection,
    and no statement waits longer for a lock than an activity may run.
    """
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5, "options": "-c lock_timeout=10s -c timezone=UTC"},
    )
