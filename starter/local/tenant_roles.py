"""The roles of the local stack's tenant database: one that looks into the catalog, and one that prepares schemas."""

import secrets
from collections.abc import Mapping
from contextlib import suppress

import psycopg
from psycopg import sql
from sqlalchemy import Engine, inspect
from sqlalchemy.orm import Session

from domain.refusals import Refusal
from starter.local import HOST
from starter.local.data_directory import DataDirectory
from starter.local.database_roles import password_of
from starter.local.ports import Ports
from starter.local.postgres import PostgresCluster
from storage.tables import OrganizationRow
from storage.tenants.catalog import exists
from storage.tenants.logins import Tenant
from storage.tenants.organizations import organizations_with_data
from storage.tenants.preparation import ensure_administrator, ensure_directory, prepare

TENANT_DATABASE = "tenants"
DIRECTORY = "offramp_directory"
ADMINISTRATOR = "offramp_schema_administrator"
_OPTIONS = "-c search_path=pg_catalog -c lock_timeout=10s"
TENANT_ADMINISTRATOR_VARIABLE = "OFFRAMP_TENANT_ADMINISTRATOR_URL"


def ensure_tenant_roles(data: DataDirectory, cluster: PostgresCluster, port: int) -> None:
    """Make the roles, unless they are there; the database belongs to the one that prepares schemas."""
    with psycopg.connect(cluster.conninfo(port, TENANT_DATABASE), autocommit=True, options=_OPTIONS) as connection:
        ensure_directory(connection, DIRECTORY, password_of(data, DIRECTORY))
        ensure_administrator(connection, ADMINISTRATOR, password_of(data, ADMINISTRATOR))
        owner = sql.SQL("ALTER DATABASE {} OWNER TO {}")
        connection.execute(owner.format(sql.Identifier(TENANT_DATABASE), sql.Identifier(ADMINISTRATOR)))


def prepare_schemas(cluster: PostgresCluster, port: int, engine: Engine, secret: str) -> None:
    """Prepare the schemas of every organization on record: those of a stack of before belong to a superuser."""
    if not inspect(engine).has_table(OrganizationRow.__tablename__):  # set up without records, as some tests do
        return
    with Session(engine) as session:
        schemas = organizations_with_data(session)
    with psycopg.connect(cluster.conninfo(port, TENANT_DATABASE), autocommit=True, options=_OPTIONS) as connection:
        for organization, schema in schemas.items():
            if exists(connection, schema):
                tenant = Tenant(organization, schema)
                with suppress(Refusal):  # work on this one waits, and says why
                    prepare(connection, tenant, tenant.password(secret))


def tenant_environment(data: DataDirectory, ports: Ports) -> Mapping[str, str]:
    """Return the variables by which worker and commands reach the organizations' data."""

    def url(user: str) -> str:
        return f"postgresql://{user}:{password_of(data, user)}@{HOST}:{ports.postgres}/{TENANT_DATABASE}"

    return {
        "OFFRAMP_TENANT_DATABASE_URL": url(DIRECTORY),
        "OFFRAMP_TENANT_LOGIN_SECRET": data.secret("tenant-login-secret", lambda: secrets.token_urlsafe(32)),
        # For the commands alone: the worker is started without it.
        TENANT_ADMINISTRATOR_VARIABLE: url(ADMINISTRATOR),
    }


def for_worker(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the administrator of the organizations' data."""
    return {name: value for name, value in environment.items() if name != TENANT_ADMINISTRATOR_VARIABLE}


def for_others(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of processes that have nothing to do with the organizations' data."""
    return {name: value for name, value in environment.items() if not name.startswith("OFFRAMP_TENANT_")}
