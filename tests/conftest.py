"""Fixtures for every test."""

import gc
import os
import sys
from datetime import timedelta
from typing import Any

from temporalio.worker._workflow import _WorkflowWorker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from starter.service import workflow_requests
from tests.support.databases import database_url, empty_databases, postgres, postgres_url, template_database
from tests.support.plans import plans
from tests.support.servers import object_store, object_store_server, temporal_env
from tests.support.tenants import owner, tenant_database_url, tenants

__all__ = [
    "database_url",
    "empty_databases",
    "object_store",
    "object_store_server",
    "owner",
    "plans",
    "postgres",
    "postgres_url",
    "template_database",
    "temporal_env",
    "tenant_database_url",
    "tenants",
]

# Byte code is kept, as every deployment keeps it: the sandbox loads workflow modules anew for each workflow and replay.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_collection_finish() -> None:
    """Leave what lasts for the session out of every garbage collection, of which loading workflow modules causes many."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


# A worker and a replay first load every workflow in a sandbox, to see whether it can be; once says as much as a thousand times.
_loadable: set[type] = set()
_prepare = SandboxedWorkflowRunner.prepare_workflow


def _prepare_once(self: SandboxedWorkflowRunner, defn: Any) -> None:
    if defn.cls not in _loadable:
        _prepare(self, defn)
        _loadable.add(defn.cls)


SandboxedWorkflowRunner.prepare_workflow = _prepare_once  # type: ignore[method-assign]

# The clients of the tests are as patient as the tests: on a machine with other things to do an answer may take longer than
# a person would wait. What a caller gets who waits in vain is tested with shorter patience.
for name, patience in (("UPDATE_TIMEOUT", timedelta(seconds=150)), ("QUERY_TIMEOUT", timedelta(seconds=60))):
    setattr(workflow_requests, name, patience)

# The SDK fails a workflow task that takes two seconds by the clock, and interrupts its thread wherever that is: on a machine
# with other things to do it finds tasks that only wait for a core. Code that blocks is found after a minute, too.
_construct = _WorkflowWorker.__init__


def _patient(self: _WorkflowWorker, *arguments: Any, **options: Any) -> None:
    _construct(self, *arguments, **options)
    if self._deadlock_timeout_seconds is not None:  # as it is in the SDK's debug mode
        self._deadlock_timeout_seconds = 60


_WorkflowWorker.__init__ = _patient  # type: ignore[method-assign]
