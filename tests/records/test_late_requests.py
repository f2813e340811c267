"""Requests after the end of a case: refused by the rules of a running one, and audited the same way, once each."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

import contract
from domain.cancellation.identity import Identity
from domain.refusals import Refusal
from records import late_requests
from records.late_requests import LateAcknowledgement, LateRequest
from records.transaction import Transaction
from storage.tables import AuditRow
from tests.support.import_documents import NOON, Document, Import

CASE, MARKETING_CASE = "SUB-1/1", "ORG-1/marketing/1"
IDENTITY = Identity(
    billing_administrator="ann@example.com",
    organization_url="https://contoso.example.com",
    organization_name="contoso",
)
REVERSAL = contract.RequestReversal(actor="agent-7", identity=IDENTITY)
WITHDRAWAL = contract.Withdraw(actor="agent-7", reason="stays")
APPROVAL = contract.Approve(actor="agent-7", reason="agreed")
ACKNOWLEDGEMENT = contract.AcknowledgeExport(actor="agent-7", export=CASE)


@pytest.fixture
def ended(imported: Import, document: Document, engine: Engine) -> Engine:
    """A closed cancellation with a completed migration, and a finished cancellation of the marketing service."""
    imported(document)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, "
                "received_at, received_on, termination_date, data, campaigns, verified_by, access_ended_on, "
                "reversal_deadline, ended_at) VALUES (:case, 'SUB-1', 1, 'r', 'w', 'agent', 'closed', :noon, '2026-11-22', "
                "'2026-11-22', 'migrate', 'keep', 'attestation', '2026-11-22', :noon, :noon)"
            ),
            {"case": CASE, "noon": NOON},
        )
        connection.execute(
            text(
                "INSERT INTO on_premises_migrations (cancellation, organization, queue, stage, stage_since, requested_at, "
                "ended_at) VALUES (:case, 'ORG-1', 'billing_support', 'withdrawn', :noon, :noon, :noon)"
            ),
            {"case": CASE, "noon": NOON},
        )
        connection.execute(
            text(
                "INSERT INTO marketing_cancellations (id, organization, ordinal, request_id, workflow_id, opened_by, stage, "
                "received_at, ended_at) VALUES (:case, 'ORG-1', 1, 'r', 'w', 'agent', 'abandoned', :noon, :noon)"
            ),
            {"case": MARKETING_CASE, "noon": NOON},
        )
        connection.execute(
            text(
                "INSERT INTO marketing_stops (id, campaign, cancellation, action, requested_at) "
                "VALUES ('SUB-1/1/CMP-1', 'CMP-1', :case, 'pause', :noon)"
            ),
            {"case": CASE, "noon": NOON},
        )
    return engine


def late(name: str, message: contract.Request) -> LateRequest:
    return LateRequest(name, f"{name}:once", message, NOON + timedelta(days=1))


def refusals(engine: Engine) -> list[tuple[str, str | None, str | None, str, str]]:
    """The refusals in the audit trail: action, subscription, case, actor and code."""
    with Session(engine) as session:
        rows = session.query(AuditRow).where(AuditRow.action.endswith(".refused")).order_by(AuditRow.id)
        return [(row.action, row.subscription, row.cancellation, row.actor, (row.after or {})["code"]) for row in rows]


@pytest.mark.parametrize(
    ("name", "message", "code"),
    [
        (contract.REQUEST_REVERSAL, REVERSAL, "reversal_window_over"),
        (contract.UPDATE_WITHDRAW, WITHDRAWAL, "cancellation_ended"),
        (contract.UPDATE_APPROVE, APPROVAL, "cancellation_ended"),
        (contract.UPDATE_ACKNOWLEDGE_EXPORT, ACKNOWLEDGEMENT, "no_export"),
    ],
)
def test_a_request_to_an_ended_cancellation_is_refused_by_its_rule_and_audited_once(
    ended: Engine, name: str, message: contract.Request, code: str
) -> None:
    for _ in range(2):
        with Transaction.begin(ended) as transaction:
            assert late_requests.refuse_of_cancellation(transaction, "SUB-1", late(name, message)).code == code

    assert refusals(ended) == [(f"{name}.refused", "SUB-1", CASE, "agent-7", code)]


def test_a_request_to_an_ended_cancellation_of_a_marketing_service_is_audited_too(ended: Engine) -> None:
    request = late(contract.UPDATE_SEND_CODE, contract.SendCode(actor="agent-7"))
    for _ in range(2):
        with Transaction.begin(ended) as transaction:
            code = late_requests.refuse_of_marketing(transaction, "ORG-1", request).code
            assert code == "marketing_cancellation_ended"

    assert refusals(ended) == [("send_code.refused", None, MARKETING_CASE, "agent-7", "marketing_cancellation_ended")]


def test_a_request_to_an_ended_migration_is_audited_under_the_name_that_a_running_one_uses(ended: Engine) -> None:
    named = late(
        contract.UPDATE_REPORT_COMPLETED, contract.ReportMigrationCompleted(actor="support-3", cancellation=CASE)
    )
    with Transaction.begin(ended) as transaction:
        refusal = late_requests.refuse_of_migration(transaction, "SUB-1", named)

    assert refusal.code == "migration_ended"
    assert refusals(ended) == [("migration_report_completed.refused", "SUB-1", CASE, "support-3", "migration_ended")]


def test_a_request_that_names_the_migration_of_another_subscription_is_refused_as_such(ended: Engine) -> None:
    message = contract.SendMigrationLink(actor="support-3", cancellation=CASE)
    with Transaction.begin(ended) as transaction:
        refusal = late_requests.refuse_of_migration(
            transaction, "SUB-2", late(contract.UPDATE_SEND_MIGRATION_LINK, message)
        )

    assert refusal.code == "migration_of_another_case"
    assert [code for *_, code in refusals(ended)] == ["migration_of_another_case"]


def test_what_never_was_has_no_case_to_audit_a_request_under(ended: Engine) -> None:
    message = contract.SendMigrationLink(actor="x", cancellation="SUB-9/1")
    with Transaction.begin(ended) as transaction:
        codes = [
            late_requests.refuse_of_cancellation(transaction, "SUB-9", late("withdraw", WITHDRAWAL)).code,
            late_requests.refuse_of_marketing(transaction, "ORG-9", late("attest", APPROVAL)).code,
            late_requests.refuse_of_migration(transaction, "SUB-9", late("send_migration_link", message)).code,
        ]

    assert codes == ["cancellation_unknown", "marketing_cancellation_unknown", "migration_unknown"]
    assert refusals(ended) == []


def acknowledged(engine: Engine, case: str) -> LateAcknowledgement | Refusal:
    message = contract.AcknowledgeStop(actor="ad-centre", campaign="CMP-1")
    with Transaction.begin(engine) as transaction:
        return late_requests.acknowledge_late(transaction, case, "CMP-1", late(contract.ACKNOWLEDGE_STOP, message))


def test_the_ad_centres_word_counts_after_the_end_of_the_case_that_asked(ended: Engine) -> None:
    first, again = acknowledged(ended, CASE), acknowledged(ended, CASE)

    assert isinstance(first, LateAcknowledgement)
    assert first.stop.outstanding == ()
    assert again == first
    assert refusals(ended) == []


def test_the_ad_centres_word_to_a_case_that_did_not_ask_is_refused_and_audited(ended: Engine) -> None:
    refusal = acknowledged(ended, MARKETING_CASE)

    assert isinstance(refusal, Refusal)
    assert refusal.code == "stop_of_another_case"
    assert refusals(ended) == [("acknowledge_stop.refused", None, MARKETING_CASE, "ad-centre", "stop_of_another_case")]
