"""An erasure that waits while its organization gets a use for the data again: nothing of it is removed."""

import threading
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.erasure import Eraser
from contract.steps import Erased, Obstacle
from domain.imports.refusals import ImportMalformed
from domain.system_tasks import Duty, SystemTask
from records import erasure as erasures
from records import legal_holds
from records.cancellation import system_tasks
from records.cancellation.locked_case import lock_case
from records.erasure import ErasedThing, erased_things
from records.transaction import Transaction
from records.webhooks import endpoints
from storage.objects import Objects, ObjectStoreSettings
from storage.tables import ErasureRow
from storage.tenants import erasure as tenant_erasure
from storage.tenants.catalog import exists
from storage.tenants.database import TenantDatabase
from storage.tenants.logins import Tenant
from tests.records.closed_cases import BOTH, CASE, case, closed, messages, place_hold, step
from tests.support.import_documents import NOON, Document, Import, document, engine, imported
from tests.support.tenants import PreparedTenants, tenant_settings

__all__ = ["case", "closed", "document", "engine", "imported"]

Owner = psycopg.Connection[Any]
SCHEMA = "crm_contoso"
KEPT = "subscription SUB-2 of the organization still uses it"


@pytest.fixture
def schema(owner: Owner, tenants: PreparedTenants) -> Iterator[Owner]:
    owner.execute(f"CREATE SCHEMA {SCHEMA}")
    for table in ("accounts", "contacts"):
        owner.execute(f"CREATE TABLE {SCHEMA}.{table} AS SELECT generate_series(1, 100) AS n".encode())
    tenants.prepared(Tenant("ORG-1", SCHEMA))
    yield owner
    owner.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


@pytest.fixture
def eraser(closed: Engine, object_store: ObjectStoreSettings, tenant_database_url: str) -> Eraser:
    strict = TenantDatabase(tenant_settings(tenant_database_url))
    strict.lock_seconds = 0.5
    return Eraser(closed, BOTH, strict, Objects(object_store))


def attempt(by: Eraser) -> Erased:
    return ActivityEnvironment().run(by.erase_data, step("erase"))


def with_another(document: Document) -> Document:
    another = deepcopy(document)
    another["subscriptions"] = [{"id": "SUB-2", "organization": "ORG-1", "description": "Sales", "lines": []}]
    another["invoices"] = []
    return another


def own_data(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return [thing.name for thing in erased_things(session, CASE) if thing.kind == "table"]


def is_whole(owner: Owner) -> bool:
    count = f"SELECT (SELECT count(*) FROM {SCHEMA}.accounts), (SELECT count(*) FROM {SCHEMA}.contacts)"  # noqa: S608 - a constant
    return owner.execute(count.encode()).fetchone() == (100, 100)


def wait_until_locked(connection: Any, waiting: threading.Thread) -> None:
    while not connection.scalar(
        text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype <> 'relation')")
    ):
        assert waiting.is_alive(), "it waits"


def test_a_subscription_that_is_imported_while_an_erasure_waits_keeps_the_data_and_the_certificate_says_so(
    schema: Owner, eraser: Eraser, imported: Import, document: Document, closed: Engine
) -> None:
    with schema.transaction():
        schema.execute(f"LOCK TABLE {SCHEMA}.accounts, {SCHEMA}.contacts IN ACCESS SHARE MODE".encode())
        with pytest.raises(ApplicationError, match="is being used"):
            attempt(eraser)
    imported(with_another(document))

    certificate = attempt(eraser).certificate

    assert is_whole(schema)
    assert certificate is not None
    assert (certificate.kept_because, certificate.tables, certificate.rows) == (KEPT, 0, 0)
    assert attempt(eraser).certificate == certificate


def test_a_subscription_that_is_imported_just_before_the_first_step_keeps_the_data(
    schema: Owner,
    eraser: Eraser,
    imported: Import,
    document: Document,
    closed: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The erasure has been opened, and its connection to the schema too: that is when the import comes."""

    def late(*given: Any, **options: Any) -> Any:
        imported(with_another(document))
        return tenant_erasure.erase_step(*given, **options)

    monkeypatch.setattr("activities.erasure.erase_step", late)

    certificate = attempt(eraser).certificate

    assert is_whole(schema)
    assert certificate is not None
    assert certificate.kept_because == KEPT


def test_an_import_that_is_not_yet_committed_is_waited_for_by_the_step_that_would_erase(
    schema: Owner, eraser: Eraser, closed: Engine
) -> None:
    with Transaction.begin(closed, BOTH) as transaction:
        erasures.begin_erasure(transaction, step("erase"))
    certificates: list[Erased] = []
    erasing = threading.Thread(target=lambda: certificates.append(attempt(eraser)))
    with closed.begin() as importing:
        importing.execute(
            text("INSERT INTO subscriptions (id, organization, description) VALUES ('SUB-2', 'ORG-1', '')")
        )
        erasing.start()
        wait_until_locked(importing, erasing)
    erasing.join()

    assert is_whole(schema)
    assert certificates[0].certificate is not None
    assert certificates[0].certificate.kept_because == KEPT


def test_a_hold_that_ends_after_an_import_erases_nothing(
    schema: Owner, eraser: Eraser, imported: Import, document: Document, closed: Engine
) -> None:
    with Transaction.begin(closed, BOTH) as transaction:
        erasures.begin_erasure(transaction, step("erase"))
    hold = place_hold(closed)
    imported(with_another(document))
    assert attempt(eraser).waits_for is Obstacle.HOLD
    with Transaction.begin(closed, BOTH) as transaction:
        legal_holds.release_hold(transaction, hold.id, reason="settled", actor="legal", at=NOON)

    certificate = attempt(eraser).certificate

    assert is_whole(schema)
    assert certificate is not None
    assert certificate.kept_because == KEPT


def test_an_organization_whose_data_is_partly_gone_gets_no_subscription_until_the_certificate_is_there(
    schema: Owner, eraser: Eraser, imported: Import, document: Document, closed: Engine
) -> None:
    with schema.transaction():
        schema.execute(f"LOCK TABLE {SCHEMA}.contacts IN ACCESS SHARE MODE".encode())
        with pytest.raises(ApplicationError, match="contacts"):
            attempt(eraser)
    assert own_data(closed) == ["accounts"]

    with pytest.raises(ImportMalformed) as refused:
        imported(with_another(document))
    assert [(problem.path, problem.refusal.code) for problem in refused.value.problems] == [
        ("subscriptions[0].organization", "data_being_erased")
    ]

    certificate = attempt(eraser).certificate
    assert certificate is not None
    assert (certificate.kept_because, certificate.tables) == (None, 2)
    assert not exists(schema, SCHEMA)
    assert imported(with_another(document)).kinds["subscriptions"].created == 1


def test_a_subscription_that_is_added_while_the_first_thing_goes_is_refused_by_the_database(closed: Engine) -> None:
    """Whatever the import has seen before: it waits for the step, and finds what the step has recorded."""
    with Transaction.begin(closed, BOTH) as transaction:
        erasures.begin_erasure(transaction, step("erase"))
    failures: list[IntegrityError] = []

    def add() -> None:
        try:
            with closed.begin() as adding:
                adding.execute(
                    text("INSERT INTO subscriptions (id, organization, description) VALUES ('SUB-2', 'ORG-1', '')")
                )
        except IntegrityError as error:
            failures.append(error)

    adding = threading.Thread(target=add)
    with Transaction.begin(closed, BOTH) as erasing:
        assert not erasures.keeps_data(erasing, CASE)
        adding.start()
        wait_until_locked(erasing.session, adding)
        erasures.record_things(erasing, CASE, [ErasedThing(kind="table", name="accounts", rows=1)], at=NOON)
    adding.join()

    assert failures[0].orig.diag.constraint_name == "subscription_without_data"  # type: ignore[union-attr]


def test_systems_are_asked_to_erase_nothing_of_an_organization_that_has_a_subscription_again(
    closed: Engine, imported: Import, document: Document
) -> None:
    """Also where we have no data ourselves, and only the certificate waited, for the store or for a worker."""
    with closed.begin() as connection:
        connection.execute(text("UPDATE organizations SET data_schema = NULL"))
    with Transaction.begin(closed, BOTH) as transaction:
        erasures.begin_erasure(transaction, step("erase"))
    another = with_another(document)
    another["organizations"][0]["data_schema"] = None
    imported(another)

    with Transaction.begin(closed, BOTH) as transaction:
        certificate = erasures.finish_erasure(transaction, step("erase"), at=NOON)

    assert certificate.kept_because == KEPT


def test_a_system_that_was_to_erase_under_a_hold_is_not_asked_once_the_organization_has_a_subscription_again(
    closed: Engine, imported: Import, document: Document
) -> None:
    with Transaction.begin(closed, BOTH) as transaction:
        endpoints.add(
            transaction, "crm", url="https://crm.example.com", events=(), duties=[Duty.ERASURE], owner=None,
            secret="tests:1", actor="operator-1", at=NOON, request="r",
        )  # fmt: skip
        hold = legal_holds.place_hold(
            transaction, "ORG-1", reason="litigation", actor="legal", at=NOON, request="request-1"
        )
        system_tasks.request(transaction, lock_case(transaction, CASE), SystemTask.ERASE, step("closed"))
    another = with_another(document)
    imported(another)
    with Transaction.begin(closed, BOTH) as transaction:
        legal_holds.release_hold(transaction, hold.id, reason="settled", actor="legal", at=NOON)
        system_tasks.remind(transaction, step("remind-1"))
    assert messages(closed) == []

    with closed.begin() as connection:
        connection.execute(text("DELETE FROM subscriptions WHERE id = 'SUB-2'"))
    with Transaction.begin(closed, BOTH) as transaction:
        system_tasks.remind(transaction, step("remind-2"))
    assert [channel for _, channel in messages(closed)] == ["webhook"]


def test_why_data_stays_is_given_once(closed: Engine, imported: Import, document: Document) -> None:
    imported(with_another(document))
    with Transaction.begin(closed, BOTH) as transaction:
        erasures.begin_erasure(transaction, step("erase"))
    with (
        pytest.raises(IntegrityError, match="certificates of erasure stay"),
        Session(closed) as session,
        session.begin(),
    ):
        session.get_one(ErasureRow, CASE).kept_because = None
