"""The approval of a goodwill in the records: void as soon as the lines would end otherwise than it was approved."""

from datetime import date

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from contract.steps import Settlement, Step
from domain.cancellation.lifecycle import ProposalChanged
from domain.lines.quote import Quote
from records.cancellation.goodwill import approve_goodwill
from records.cancellation.quotes import proposed_quote
from records.cancellation.transitions import settle_lines
from records.cases import record_of
from records.transaction import Transaction
from storage.tables import CancellationRow
from tests.support.import_documents import NOON, Document, Import

CASE = "SUB-1/1"


@pytest.fixture
def requested(imported: Import, document: Document, engine: Engine) -> Engine:
    """A case with a goodwill, about to be settled."""
    imported(document)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, "
                "received_at, received_on, termination_date, data, campaigns, verified_by, goodwill_reason) VALUES "
                "(:case, 'SUB-1', 1, 'r', 'cancellation:SUB-1', 'Ann Lee', 'preparing', :noon, '2026-11-22', "
                "'2026-12-31', 'none', 'keep', 'attestation', 'a promise')"
            ),
            {"case": CASE, "noon": NOON},
        )
    return engine


def step(name: str) -> Step:
    return Step(cancellation=CASE, name=name, actor="offramp", at=NOON)


def approve(engine: Engine, name: str = "approved", proposal: str | None = None) -> Quote:
    with Transaction.begin(engine) as transaction:
        return approve_goodwill(transaction, step(name), approver="lead", reason="fine", proposal=proposal)


def settle(engine: Engine, name: str = "settle") -> Settlement:
    with Transaction.begin(engine) as transaction:
        return settle_lines(transaction, step(name))


def add_line(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO subscription_lines (id, subscription, partner, start_date, billing_rhythm) "
                "VALUES ('SUB-1-NEW', 'SUB-1', 'customer', '2026-11-01', '1M')"
            )
        )


def test_nothing_is_settled_before_the_approval(requested: Engine) -> None:
    settlement = settle(requested)
    assert settlement.unapproved
    assert not settlement.quote.goodwill
    with Transaction.begin(requested) as transaction:
        record = record_of(transaction.session, CASE)
    assert record is not None
    assert (record.stage, record.restarts) == ("preparing", 1)


def test_what_was_approved_is_settled(requested: Engine) -> None:
    approved = approve(requested)
    assert approve(requested) == approved  # once
    settlement = settle(requested)
    assert not settlement.unapproved
    assert settlement.quote.digest == approved.digest


def test_a_line_that_is_new_since_the_approval_voids_it(requested: Engine) -> None:
    approve(requested)
    add_line(requested)
    assert settle(requested).unapproved
    with requested.connect() as connection:
        voided = connection.execute(
            text("SELECT before, after FROM audit_trail WHERE action = 'goodwill.approval_voided'")
        ).one()
        assert connection.scalar(text("SELECT goodwill_approved_by FROM cancellations")) is None
    assert set(voided.after["ends"]) - set(voided.before["ends"]) == {"SUB-1-NEW"}

    assert approve(requested, "approved/1").goodwill
    assert not settle(requested, "settle/1").unapproved


def test_a_credit_memo_that_is_posted_meanwhile_is_what_was_approved(requested: Engine) -> None:
    approved = approve(requested)
    fewer = approved.model_copy(
        update={"lines": tuple(line.model_copy(update={"credit_memos": ()}) for line in approved.lines)}
    )
    assert not fewer.goes_beyond(approved)
    assert approved.goes_beyond(fewer) is bool(approved.credit_memos)


def test_an_approval_of_what_was_shown_before_is_refused(requested: Engine) -> None:
    with Transaction.begin(requested) as transaction:
        shown = proposed_quote(transaction.session, transaction.session.get_one(CancellationRow, CASE)).digest
    add_line(requested)
    with pytest.raises(ProposalChanged):
        approve(requested, proposal=shown)


@pytest.mark.parametrize("approver", ["Ann Lee", "ann lee", " Ann  Lee"])
def test_the_database_knows_a_person_in_any_spelling(requested: Engine, approver: str) -> None:
    with pytest.raises(IntegrityError, match="goodwill_by_a_second_person"), requested.begin() as connection:
        connection.execute(text("UPDATE cancellations SET goodwill_approved_by = :name"), {"name": approver})


def test_the_goodwill_ends_no_line_of_a_vendor(requested: Engine) -> None:
    ends = {line.partner.value: line.decision.end_date for line in approve(requested).lines}
    assert ends["customer"] == date(2026, 12, 31)
    assert ends["vendor"] != date(2026, 12, 31)
