"""What every test can ask for."""

from tests.support.servers import (
    database_url,
    object_store,
    object_store_server,
    postgres_url,
    template_database,
    temporal_env,
)
from tests.support.tenants import owner, tenant_database_url, tenants

__all__ = [
    "database_url",
    "object_store",
    "object_store_server",
    "owner",
    "postgres_url",
    "template_database",
    "temporal_env",
    "tenant_database_url",
    "tenants",
]
