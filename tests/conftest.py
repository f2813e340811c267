"""Fixtures for every test."""

import os
import sys

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

# Byte code is kept, as every deployment keeps it: the sandbox loads workflow modules anew for each workflow and replay.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
