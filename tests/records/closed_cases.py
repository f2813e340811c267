"""A cancellation with an export, and the steps that lead to the erasure of its data."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from contract.steps import Step
from domain.messaging import ErasureFacts
from domain.vocabulary import Channel
from records import erasure as erasures
from records import export as exports
from records import legal_holds as holds
from records.erasure import ErasedThing
from records.export import ExportAttempt, ExportSummary
from records.transaction import Transaction
from storage.tables import MessageRow
from tests.support.import_documents import NOON, Document, Import

CASE = "SUB-1/1"


BOTH = frozenset(Channel)


@pytest.fixture
def case(imported: Import, document: Document, engine: Engine) -> Engine:
    """A cancellation whose checklist is complete, of an organization with data."""
    document["organizations"][0]["data_schema"] = "crm_contoso"
    imported(document)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, "
                "received_at, received_on, termination_date, data, campaigns, verified_by, access_ended_on, "
                "reversal_deadline) VALUES (:case, 'SUB-1', 1, 'r', 'w', 'agent', 'intake', :noon, '2026-11-22', "
                "'2026-11-22', 'export', 'keep', 'attestation', '2026-11-22', :noon)"
            ),
            {"case": CASE, "noon": NOON},
        )
    return engine


@pytest.fixture
def closed(case: Engine) -> Engine:
    set_stage(case, "closed")
    return case


def set_stage(engine: Engine, stage: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE cancellations SET stage = :stage"), {"stage": stage})


def step(name: str, at: datetime = NOON) -> Step:
    return Step(cancellation=CASE, name=name, actor="agent-7", at=at)


def begin(engine: Engine) -> ExportSummary | ExportAttempt:
    with Transaction.begin(engine, BOTH) as transaction:
        return exports.begin_export(transaction, step("export"))


def attempt(engine: Engine) -> ExportAttempt:
    begun = begin(engine)
    assert isinstance(begun, ExportAttempt)
    return begun


def finish(engine: Engine, of: ExportAttempt) -> None:
    summary = ExportSummary(prefix=of.prefix, manifest_sha256="ab" * 32, tables=3, rows=70, bytes=1000, warnings=1)
    with Transaction.begin(engine, BOTH) as transaction:
        exports.finish_export(transaction, step("export"), of.number, summary, at=NOON)


def acknowledge(engine: Engine, actor: str = "ann") -> None:
    with Transaction.begin(engine, BOTH) as transaction:
        exports.acknowledge(transaction, step(f"acknowledge-{actor}").model_copy(update={"actor": actor}))


def messages(engine: Engine) -> list[tuple[str, str]]:
    with Session(engine) as session:
        return [(row.id, row.channel) for row in session.query(MessageRow).order_by(MessageRow.sequence)]


def erase(engine: Engine, *things: ErasedThing) -> ErasureFacts:
    with Transaction.begin(engine, BOTH) as transaction:
        erasures.begin_erasure(transaction, step("erase"))
    with Transaction.begin(engine, BOTH) as transaction:
        erasures.record_things(transaction, CASE, things, at=NOON)
    with Transaction.begin(engine, BOTH) as transaction:
        return erasures.finish_erasure(transaction, step("erase"), at=NOON + timedelta(minutes=5))


def place_hold(engine: Engine, request: str = "request-1") -> holds.Hold:
    with Transaction.begin(engine, BOTH) as transaction:
        return holds.place_hold(transaction, "ORG-1", reason="litigation", actor="legal", at=NOON, request=request)


def finish_before_closing(engine: Engine) -> None:
    set_stage(engine, "preparing")
    finish(engine, attempt(engine))
    set_stage(engine, "closed")
