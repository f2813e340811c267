"""Lines that are billed by a feed, one of them under a cancellation, and what the records say afterwards."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from records.billing import BillingReport, import_billing, post_credit_memo
from records.imports import import_content
from records.transaction import Transaction
from storage.tables import AuditRow, SubscriptionLineRow

NOON = datetime(2026, 12, 22, 12, tzinfo=UTC)
CASE = "SUB-1/1"

Fed = Callable[..., BillingReport]


def a_line(identifier: str, next_billing_date: str | None = "2026-12-01", **fields: Any) -> dict[str, Any]:
    """A line that runs for a year, is extended by another, and is cancelled with a month's notice."""
    terms = {"initial_term": "1Y", "subsequent_term": "1Y", "notice_period": "1M", "billing_rhythm": "1M"}
    return {"id": identifier, "start_date": "2026-01-01", "next_billing_date": next_billing_date, **terms, **fields}


def a_document() -> dict[str, Any]:
    """Two subscriptions: SUB-1, to be cancelled, and SUB-2, which nobody cancels."""
    return {
        "organizations": [
            {
                "id": "ORG-1",
                "url": "https://contoso.example.com",
                "unique_name": "contoso",
                "time_zone": "Europe/Berlin",
                "platform": "commerce_transaction",
                "purpose": "production",
                "billing_administrator": "ann@example.com",
            }
        ],
        "subscriptions": [
            {"id": "SUB-1", "organization": "ORG-1", "lines": [a_line("SUB-1-C")]},
            {"id": "SUB-2", "organization": "ORG-1", "lines": [a_line("SUB-2-C")]},
        ],
        "invoices": [{"number": "INV-11", "line": "SUB-1-C", "period_start": "2026-11-01", "period_end": "2026-11-30"}],
    }


def import_document(engine: Engine, document: dict[str, Any]) -> None:
    """Import master data."""
    import_content(engine, json.dumps(document).encode(), actor="tester", at=NOON, source="test.json")


@pytest.fixture
def billed(engine: Engine) -> Engine:
    """The two subscriptions; SUB-1-C is cancelled for 2026-12-31 and billed until 2026-11-30."""
    import_document(engine, a_document())
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, "
                "received_at, received_on, termination_date, data, campaigns, verified_by, access_ended_on, "
                "reversal_deadline) VALUES (:case, 'SUB-1', 1, 'r', 'cancellation:SUB-1', 'agent', 'scheduled', :noon, "
                "'2026-11-22', '2026-12-31', 'none', 'keep', 'attestation', '2026-12-31', :noon)"
            ),
            {"case": CASE, "noon": NOON},
        )
        connection.execute(
            text("UPDATE subscription_lines SET end_date = '2026-12-31', frozen_by = :case WHERE id = 'SUB-1-C'"),
            {"case": CASE},
        )
    return engine


@pytest.fixture
def fed(billed: Engine) -> Fed:
    """Import a document of the feed of an invoice run."""

    def run(sequence: int, *lines: dict[str, Any], source: str = "invoice-run") -> BillingReport:
        content = json.dumps({"source": source, "sequence": sequence, "lines": lines}).encode()
        return import_billing(billed, content, actor="biller", at=NOON, document="run.json")

    return run


def invoice(number: str, period_start: str, period_end: str) -> dict[str, Any]:
    return {"kind": "invoice", "number": number, "period_start": period_start, "period_end": period_end}


def credit_memo(number: str, credited: str, credits_from: str | None = None) -> dict[str, Any]:
    return {"kind": "credit_memo", "number": number, "credits": credited, "credits_from": credits_from}


DECEMBER = invoice("INV-12", "2026-12-01", "2026-12-31")


def entry(line: str, *documents: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"line": line, "documents": list(documents), **fields}


def outcomes(report: BillingReport) -> list[tuple[str, str]]:
    """What became of each entry: its result, or the code of its first refusal."""
    return [(one.line or "", one.problems[0].code if one.problems else one.result) for one in report.lines]


def line(engine: Engine, identifier: str) -> SubscriptionLineRow:
    with Session(engine) as session:
        return session.get_one(SubscriptionLineRow, identifier)


def next_billing_date(engine: Engine, identifier: str) -> date | None:
    return line(engine, identifier).next_billing_date


def audited(engine: Engine, action: str) -> list[AuditRow]:
    with Session(engine) as session:
        return list(session.scalars(select(AuditRow).where(AuditRow.action == action).order_by(AuditRow.id)))


def rows(engine: Engine) -> list[Any]:
    """Everything that a document of the feed may write, to see that nothing was written."""
    tables = ("subscription_lines", "billing_documents", "billing_feed_positions", "audit_trail")
    with engine.connect() as connection:
        return [connection.execute(text(f"SELECT xmin::text, * FROM {one} ORDER BY 2")).all() for one in tables]  # noqa: S608


def credit(engine: Engine, credited: str, number: str, **fields: Any) -> str:
    """Post a credit memo as a person does."""
    with Transaction.begin(engine) as transaction:
        return post_credit_memo(transaction, credited, number=number, actor="clerk", at=NOON, **fields).subscription
