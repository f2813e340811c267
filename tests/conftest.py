"""Fixtures for every test."""

import os
import sys
from typing import Any

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

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

# A worker and a replay first load every workflow in a sandbox, to see whether it can be; once says as much as a thousand times.
_loadable: set[type] = set()
_prepare = SandboxedWorkflowRunner.prepare_workflow


def _prepare_once(self: SandboxedWorkflowRunner, defn: Any) -> None:
    if defn.cls not in _loadable:
        _prepare(self, defn)
        _loadable.add(defn.cls)


SandboxedWorkflowRunner.prepare_workflow = _prepare_once  # type: ignore[method-assign]
