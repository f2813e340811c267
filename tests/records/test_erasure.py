"""Erasures in the records: what they wait for, what they certify, what stays (rules, section 8)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from contract.steps import Obstacle
from domain.messaging import ErasureFacts
from records import erasure as erasures
from records import legal_holds as holds
from records.erasure import ErasedThing, ErasureBlocked, ErasurePlan
from records.transaction import Transaction
from tests.records.closed_cases import BOTH, CASE, acknowledge, erase, finish_before_closing, messages, place_hold, step
from tests.support.import_documents import NOON, Document, Import


def test_nothing_is_erased_before_the_export_is_acknowledged_nor_under_a_hold(closed: Engine) -> None:
    finish_before_closing(closed)
    hold = place_hold(closed)

    def obstacle() -> Obstacle | None:
        with Transaction.begin(closed, BOTH) as transaction:
            found = erasures.obstacle_to_erasing(transaction, CASE)
        if found is not None:
            with pytest.raises(ErasureBlocked), Transaction.begin(closed, BOTH) as transaction:
                erasures.begin_erasure(transaction, step("erase"))
        return found

    assert obstacle() is Obstacle.HOLD
    with Transaction.begin(closed, BOTH) as transaction:
        holds.release_hold(transaction, hold.id, reason="settled", actor="legal", at=NOON)
    assert obstacle() is Obstacle.ACKNOWLEDGEMENT
    acknowledge(closed)
    assert obstacle() is None


def test_the_certificate_counts_what_was_noted_and_is_the_same_the_second_time(closed: Engine) -> None:
    things = (
        ErasedThing(kind="object", name="export/1/001-accounts.csv.gz", bytes=300),
        ErasedThing(kind="object", name="export/1/manifest.json", bytes=20),
        ErasedThing(kind="table", name="accounts", rows=40, bytes=8192),
        ErasedThing(kind="table", name="contacts", rows=2, bytes=8192),
        ErasedThing(kind="schema", name="crm_contoso"),
    )
    first = erase(closed, *things)

    assert first == ErasureFacts(
        started_at=NOON, finished_at=NOON + timedelta(minutes=5), tables=2, rows=42, objects=2, bytes=16704
    )
    with Transaction.begin(closed, BOTH) as transaction:
        again = erasures.finish_erasure(transaction, step("erase"), at=datetime.now(UTC))
        assert erasures.certificate_of(transaction.session, CASE) == again == first
        assert {thing.name for thing in erasures.erased_things(transaction.session, CASE)} == {
            thing.name for thing in things
        }
    assert [id_ for id_, _ in messages(closed)] == [f"{CASE}/data.erased/mail", f"{CASE}/data.erased/webhook"]


def test_a_certificate_says_when_the_schema_was_not_there_to_be_erased(closed: Engine) -> None:
    """As where the tenants' database is not the right one: no certificate says that nothing is left."""
    assert erase(closed).absent_schema == "crm_contoso"


def test_what_is_noted_again_before_it_went_has_the_counts_of_the_second_look(closed: Engine) -> None:
    with Transaction.begin(closed, BOTH) as transaction:
        erasures.begin_erasure(transaction, step("erase"))
        erasures.record_things(transaction, CASE, [ErasedThing(kind="table", name="accounts", rows=40)], at=NOON)

    certificate = erase(closed, ErasedThing(kind="table", name="accounts", rows=41))

    assert (certificate.tables, certificate.rows) == (1, 41)


def test_the_organizations_data_stays_while_another_of_its_subscriptions_lives(
    closed: Engine, imported: Import, document: Document
) -> None:
    document["subscriptions"] = [{"id": "SUB-2", "organization": "ORG-1", "description": "Sales", "lines": []}]
    document["invoices"] = []
    imported(document)

    with Transaction.begin(closed, BOTH) as transaction:
        plan = erasures.begin_erasure(transaction, step("erase"))

    assert plan.data_schema is None
    assert plan.kept_because == "subscription SUB-2 of the organization still uses it"


def add_closed_sibling(engine: Engine, imported: Import, document: Document) -> None:
    """Another subscription of the organization, whose case has ended as well."""
    document["subscriptions"] = [{"id": "SUB-2", "organization": "ORG-1", "description": "Sales", "lines": []}]
    document["invoices"] = []
    imported(document)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, received_at, "
            "received_on, termination_date, data, campaigns, verified_by, access_ended_on, reversal_deadline, ended_at) "
            "SELECT 'SUB-2/1', 'SUB-2', 1, 'r2', 'w2', opened_by, 'closed', received_at, received_on, termination_date, 'export', "
            "campaigns, verified_by, access_ended_on, reversal_deadline, received_at FROM cancellations WHERE id = 'SUB-1/1'"
        )


def test_the_organizations_data_stays_while_an_export_of_another_subscription_is_not_acknowledged(
    closed: Engine, imported: Import, document: Document
) -> None:
    add_closed_sibling(closed, imported, document)
    with closed.begin() as connection:
        connection.exec_driver_sql("INSERT INTO exports (cancellation, started_at) VALUES ('SUB-2/1', now())")

    with Transaction.begin(closed, BOTH) as transaction:
        plan = erasures.begin_erasure(transaction, step("erase"))

    assert plan.data_schema is None
    assert plan.kept_because == "the export of SUB-2/1 has not been acknowledged yet"


def test_of_cases_that_end_together_one_erases_the_data_and_the_certificates_of_the_others_name_it(
    closed: Engine, imported: Import, document: Document
) -> None:
    add_closed_sibling(closed, imported, document)
    with Transaction.begin(closed, BOTH) as transaction:
        first = erasures.begin_erasure(transaction, step("erase"))
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(begin_erasing, closed, "SUB-2/1")
            while not transaction.session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                assert not second.done(), "it waits for the first"
            transaction.session.commit()
            plan = second.result()

    assert (first.data_schema, first.kept_because) == ("crm_contoso", None)
    assert (plan.data_schema, plan.kept_because) == (None, f"it is erased with {CASE}, whose certificate says so")


def begin_erasing(engine: Engine, case: str) -> ErasurePlan:
    with Transaction.begin(engine, BOTH) as transaction:
        return erasures.begin_erasure(transaction, step("erase").model_copy(update={"cancellation": case}))


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        (
            "erasure_of_data_in_use",
            "INSERT INTO subscriptions (id, organization, description) VALUES ('SUB-9', 'ORG-1', ''); {begin}",
        ),
        (
            "erasure_before_acknowledgement",
            "INSERT INTO subscriptions (id, organization, description) VALUES ('SUB-9', 'ORG-1', ''); "
            "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, received_at, received_on, "
            "termination_date, data, campaigns, verified_by, access_ended_on, reversal_deadline) SELECT 'SUB-9/1', 'SUB-9', 1, 'r9', "
            "'w9', opened_by, stage, received_at, received_on, termination_date, data, campaigns, verified_by, access_ended_on, "
            "reversal_deadline FROM cancellations; "
            "INSERT INTO exports (cancellation, started_at) VALUES ('SUB-9/1', now()); {begin}",
        ),
        ("erasure_after_the_window", "UPDATE cancellations SET stage = 'canceled'; {begin}"),
        (
            "erasure_under_a_hold",
            "INSERT INTO holds (organization, reason, placed_by, placed_at, request) "
            "VALUES ('ORG-1', 'litigation', 'legal', now(), 'r'); {begin}",
        ),
        (
            "erasure_before_acknowledgement",
            "INSERT INTO exports (cancellation, started_at) VALUES ('SUB-1/1', now()); {begin}",
        ),
        ("certificates_stay", "{begin}; DELETE FROM erasures"),
        (
            "certificates_stay",
            "{begin}; UPDATE erasures SET finished_at = now(), tables = 0, rows = 0, objects = 0, bytes = 0; "
            "UPDATE erasures SET rows = 1",
        ),
        (
            "certificates_stay",
            "{begin}; INSERT INTO erased_things (cancellation, kind, name, noted_at) "
            "VALUES ('SUB-1/1', 'table', 'accounts', now()); DELETE FROM erased_things",
        ),
        (
            "certificates_stay",
            "INSERT INTO holds (organization, reason, placed_by, placed_at, request) "
            "VALUES ('ORG-1', 'litigation', 'legal', now(), 'r'); DELETE FROM holds",
        ),
        (
            "ck_exports_acknowledged_after_finished",
            "INSERT INTO exports (cancellation, started_at, acknowledged_at, acknowledged_by) "
            "VALUES ('SUB-1/1', now(), now(), 'ann')",
        ),
    ],
)
def test_the_database_refuses_what_the_rules_refuse(closed: Engine, rule: str, statement: str) -> None:
    begun = "INSERT INTO erasures (cancellation, organization, started_at) VALUES ('SUB-1/1', 'ORG-1', now())"
    with pytest.raises(IntegrityError) as refused, closed.begin() as connection:
        connection.exec_driver_sql(statement.format(begin=begun))
    assert refused.value.orig.diag.constraint_name == rule  # type: ignore[union-attr]
