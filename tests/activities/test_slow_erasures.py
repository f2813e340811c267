"""An erasure that an organization's locks keep waiting: seen to be alive, ended when it is to end, and in nobody's way."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.common import heartbeat
from activities.common.heartbeat import WorkCancelled
from activities.erasure import Eraser
from storage.objects import Objects, ObjectStoreSettings
from storage.tenants.database import TenantDatabase
from storage.tenants.logins import Tenant
from tests.records.closed_cases import BOTH, case, closed, step
from tests.support.import_documents import document, engine, imported
from tests.support.tenants import PreparedTenants, tenant_settings

__all__ = ["case", "closed", "document", "engine", "imported"]

FREE = (
    "SELECT id FROM cancellations WHERE id = 'SUB-1/1' FOR UPDATE NOWAIT",
    "SELECT id FROM subscriptions WHERE id = 'SUB-1' FOR UPDATE NOWAIT",
    "SELECT id FROM organizations WHERE id = 'ORG-1' FOR UPDATE NOWAIT",
)
Owner = psycopg.Connection[Any]


def test_an_erasure_that_waits_for_a_lock_beats_leaves_its_case_free_and_can_be_cancelled(
    closed: Engine,
    object_store: ObjectStoreSettings,
    tenants: PreparedTenants,
    tenant_database_url: str,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.1)
    owner.execute("CREATE SCHEMA crm_contoso")
    owner.execute("CREATE TABLE crm_contoso.t (n int)")
    tenants.prepared(Tenant("ORG-1", "crm_contoso"))
    strict = TenantDatabase(tenant_settings(tenant_database_url))
    strict.lock_seconds = 600.0
    eraser = Eraser(closed, BOTH, strict, Objects(object_store))
    environment, waiting = ActivityEnvironment(), threading.Event()

    def beaten(*_: object) -> None:
        if owner.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() == (1,):
            waiting.set()

    environment.on_heartbeat = beaten
    with ThreadPoolExecutor(1) as thread, owner.transaction():
        owner.execute("LOCK TABLE crm_contoso.t IN ACCESS SHARE MODE")
        erasing = thread.submit(environment.run, eraser.erase_data, step("erase"))
        assert waiting.wait(60), "no heartbeat while it waits for the lock"
        for free in FREE:
            with closed.begin() as connection:
                connection.execute(text(free))
        environment.cancel()
        assert isinstance(erasing.exception(60), WorkCancelled)
    assert owner.execute("SELECT count(*) FROM crm_contoso.t").fetchone() == (0,)


def test_what_is_locked_where_it_goes_is_waited_for_a_moment_because_the_case_is_locked_meanwhile(
    closed: Engine,
    object_store: ObjectStoreSettings,
    tenants: PreparedTenants,
    tenant_database_url: str,
    owner: Owner,
) -> None:
    """A legal hold needs the lock of the organization: views in a circle, each locked in turn, would keep it for hours."""
    owner.execute("CREATE SCHEMA crm_contoso")
    owner.execute("CREATE VIEW crm_contoso.v AS SELECT 1 AS n")
    tenants.prepared(Tenant("ORG-1", "crm_contoso"))
    strict = TenantDatabase(tenant_settings(tenant_database_url))
    strict.lock_seconds = 600.0
    eraser = Eraser(closed, BOTH, strict, Objects(object_store))
    with owner.transaction():
        owner.execute("LOCK TABLE crm_contoso.v IN ACCESS SHARE MODE")
        with pytest.raises(ApplicationError, match='View "v" of schema "crm_contoso" is being used'):
            ActivityEnvironment().run(eraser.erase_data, step("erase"))
