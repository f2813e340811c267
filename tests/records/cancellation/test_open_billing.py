"""Lines that are billed beyond their end, in the records: frozen at once, ended with the last credit memo, announced once."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from contract.steps import BillingWait, Settlement, Step
from domain.vocabulary import Channel, Event, Stage
from records.billing.credit_memos import post_credit_memo
from records.cancellation import open_billing, transitions
from records.cancellation.lists import quote_of, status_of_case
from records.cases import record_of
from records.transaction import Transaction
from storage.tables import AuditRow, MessageRow, SubscriptionLineRow
from tests.support.import_documents import NOON, Document, Import

CASE, LINE = "SUB-1/1", "SUB-1-C"
BOTH = frozenset(Channel)
END = date(2027, 12, 31)
"""Received late, on 22 November 2026, the cancellation ends the line a term later."""


@pytest.fixture
def prepaid(imported: Import, document: Document, engine: Engine) -> Engine:
    """A case about to be settled, whose customer line is invoiced for a year beyond its end, and its vendor line is not."""
    document["subscriptions"][0]["lines"][0]["next_billing_date"] = "2029-01-01"
    document["invoices"] = [
        {"number": f"INV-{year}", "line": LINE, "period_start": f"{year}-01-01", "period_end": f"{year}-12-31"}
        for year in (2027, 2028)
    ]
    imported(document)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, "
                "received_at, received_on, termination_date, data, campaigns, verified_by) VALUES (:case, 'SUB-1', 1, "
                "'r', 'cancellation:SUB-1', 'agent', 'preparing', :noon, '2026-11-22', '2026-12-01', 'none', 'keep', "
                "'attestation')"
            ),
            {"case": CASE, "noon": NOON},
        )
    return engine


def step(name: str, at: datetime = NOON) -> Step:
    return Step(cancellation=CASE, name=name, actor="offramp", at=at)


def settle(engine: Engine) -> Settlement:
    with Transaction.begin(engine, BOTH) as transaction:
        return transitions.settle_lines(transaction, step("settle"))


def take(engine: Engine, take_step: object, name: str, at: datetime = NOON) -> None:
    with Transaction.begin(engine, BOTH) as transaction:
        take_step(transaction, step(name, at))  # type: ignore[operator]


def look(engine: Engine) -> BillingWait | None:
    with Transaction.begin(engine, BOTH) as transaction:
        return open_billing.look(transaction, step("billing", NOON + timedelta(days=2)))


def post(engine: Engine, invoice: str = "INV-2028") -> None:
    """Post a credit memo as a client does, which knows no channels."""
    with Transaction.begin(engine) as transaction:
        post_credit_memo(transaction, invoice, number=f"CM-{invoice}", actor="billing", at=NOON + timedelta(days=1))


def line(engine: Engine, line_id: str = LINE) -> SubscriptionLineRow:
    with Session(engine, expire_on_commit=False) as session:
        return session.get_one(SubscriptionLineRow, line_id)


def messages(engine: Engine, *events: Event) -> list[str]:
    """The ids of the messages about some events, without the case's."""
    with Session(engine) as session:
        rows = session.scalars(select(MessageRow).order_by(MessageRow.sequence))
        return [row.id.removeprefix(f"{CASE}/") for row in rows if row.event in events]


def ends_audited(engine: Engine) -> list[tuple[str | None, str]]:
    """The end dates that were set: line and actor."""
    with Session(engine) as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.action == "line.end_date_set").order_by(AuditRow.id))
        return [(row.subscription_line, row.actor) for row in rows]


def test_the_line_is_frozen_at_once_without_an_end_date_and_the_case_is_scheduled(prepaid: Engine) -> None:
    settlement = settle(prepaid)

    assert settlement.outstanding_credit_memos == ("INV-2028",), "the invoice of 2027 ends with the line"
    assert settlement.billing is not None
    [waits] = settlement.billing.lines
    assert (waits.line, waits.billing_ends_on, waits.billed_until) == (LINE, END, date(2028, 12, 31))
    assert (line(prepaid).end_date, line(prepaid).frozen_by) == (None, CASE)
    assert line(prepaid, "SUB-1-V").frozen_by == CASE
    with Session(prepaid) as session:
        record = record_of(session, CASE)
        assert record is not None
        assert record.stage == Stage.SCHEDULED
        status = status_of_case(session, CASE)
    assert (status.outstanding_credit_memos, status.open_billing) == (("INV-2028",), settlement.billing.lines)
    assert messages(prepaid, Event.CREDIT_MEMO_REQUESTED) == ["credit_memo.requested/INV-2028/webhook"]
    assert messages(prepaid, Event.LINE_ENDED) == ["line.ended/webhook"], "of the vendor's line"


def test_settled_again_it_is_the_same(prepaid: Engine) -> None:
    assert settle(prepaid) == settle(prepaid)
    assert len(messages(prepaid, *Event)) == len(set(messages(prepaid, *Event)))


def test_the_last_credit_memo_ends_the_line_in_its_own_transaction_and_a_look_announces_it_once(
    prepaid: Engine,
) -> None:
    settle(prepaid)
    post(prepaid)

    assert line(prepaid).end_date == END
    assert ends_audited(prepaid) == [("SUB-1-V", "offramp"), (LINE, "billing")]
    assert messages(prepaid, Event.BILLING_SETTLED) == []

    assert look(prepaid) is None
    assert look(prepaid) is None
    assert messages(prepaid, Event.LINE_ENDED) == ["line.ended/webhook", f"line.ended/{LINE}/{END}/webhook"]
    epoch = int(NOON.timestamp())
    settled = f"cancellation.billing_settled-{epoch}"
    assert messages(prepaid, Event.BILLING_SETTLED) == [f"{settled}/mail", f"{settled}/webhook"]


def test_a_look_ends_what_a_writer_past_the_service_has_credited(prepaid: Engine) -> None:
    settle(prepaid)
    with prepaid.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO billing_documents (number, kind, subscription_line, period_start, period_end, credits) "
                "VALUES ('CM', 'credit_memo', :line, '2028-01-01', '2028-12-31', 'INV-2028')"
            ),
            {"line": LINE},
        )
        connection.execute(
            text("UPDATE subscription_lines SET next_billing_date = '2028-01-01' WHERE id = :line"), {"line": LINE}
        )

    assert look(prepaid) is None
    assert line(prepaid).end_date == END


def test_a_closed_case_ends_its_line_too_and_the_night_closes_that(prepaid: Engine) -> None:
    settle(prepaid)
    take(prepaid, transitions.take_effect, "effect")
    take(prepaid, transitions.close, "closed")
    post(prepaid)
    assert line(prepaid).end_date == END
    assert look(prepaid) is None
    with Session(prepaid) as session:
        due_after = session.scalars(select(SubscriptionLineRow.due_after).where(SubscriptionLineRow.id == LINE)).one()
    assert due_after == END, "the night after it"


@pytest.mark.parametrize("undo", [transitions.withdraw, transitions.reverse])
def test_a_change_of_mind_releases_the_line_as_it_was(prepaid: Engine, undo: object) -> None:
    before = line(prepaid)
    settle(prepaid)
    if undo is transitions.reverse:
        take(prepaid, transitions.take_effect, "effect")
    take(prepaid, undo, "undone")

    after = line(prepaid)
    assert (after.end_date, after.frozen_by, after.next_billing_date) == (None, None, before.next_billing_date)
    post(prepaid)
    assert line(prepaid).end_date is None
    assert look(prepaid) is None
    assert messages(prepaid, Event.BILLING_SETTLED) == []


def test_goodwill_leaves_the_end_date_that_was_set_until_the_credit_memo_and_a_withdrawal_keeps_it(
    prepaid: Engine,
) -> None:
    with prepaid.begin() as connection:
        connection.execute(text("UPDATE planned_lines SET withdrawn_by = :case"), {"case": CASE})
        connection.execute(
            text("UPDATE subscription_lines SET end_date = '2028-12-31' WHERE id = :line"), {"line": LINE}
        )
        connection.execute(
            text(
                "UPDATE cancellations SET goodwill_reason = 'ill', goodwill_approved_by = 'manager', termination_date = '2026-12-31'"
            )
        )
    settlement = settle(prepaid)
    assert settlement.outstanding_credit_memos == ("INV-2028", "INV-2027")
    assert line(prepaid).end_date == date(2028, 12, 31)
    post(prepaid)
    assert line(prepaid).end_date == date(2028, 12, 31), "another invoice is still to be credited"
    post(prepaid, "INV-2027")
    assert line(prepaid).end_date == date(2026, 12, 31), "the wished day"

    take(prepaid, transitions.withdraw, "withdrawn")
    assert line(prepaid).end_date == date(2028, 12, 31)


def test_each_reminder_is_recorded_once_and_not_after_the_credit_memo(prepaid: Engine) -> None:
    settle(prepaid)
    names = {
        Event.CREDIT_MEMO_REMINDER: "credit-memo-reminder-1",
        Event.CREDIT_MEMO_ESCALATED: "credit-memo-escalation",
    }
    epoch = int(NOON.timestamp())

    def remind(event: Event, name: str) -> BillingWait | None:
        with Transaction.begin(prepaid, BOTH) as transaction:
            return open_billing.remind(transaction, step(f"{name}-{epoch}"), event)

    for number, (event, name) in zip((1, 3), names.items(), strict=True):
        for _ in range(2):
            wait = remind(event, name)
            assert wait is not None
            assert wait.told == number, "of two reminders and an escalation"
        assert messages(prepaid, event) == [f"{name}-{epoch}/webhook"], "no queue has an address"
    post(prepaid)
    assert remind(Event.CREDIT_MEMO_REMINDER, "credit-memo-reminder-2") is None
    assert len(messages(prepaid, Event.CREDIT_MEMO_REMINDER)) == 1


def test_a_quote_says_the_decided_end_while_the_credit_memo_is_outstanding(prepaid: Engine) -> None:
    settle(prepaid)
    with Session(prepaid) as session:
        quoted = quote_of(session, "SUB-1", now=NOON, received_on=date(2027, 11, 1), wished_on=None)
    [decided] = [each for each in quoted.lines if each.decision.line_id == LINE]
    assert (decided.decision.end_date, decided.credit_memos) == (END, ("INV-2028",))


def test_a_line_that_waits_ends_on_the_decided_day_and_on_no_other(prepaid: Engine) -> None:
    settle(prepaid)
    with (
        prepaid.connect() as connection,
        pytest.raises(IntegrityError, match="ends as cancellation SUB-1/1 has decided"),
    ):
        connection.execute(
            text("UPDATE subscription_lines SET end_date = '2028-12-31' WHERE id = :line"), {"line": LINE}
        )


def test_a_customer_is_not_told_about_the_credit_memos_of_a_vendors_line(prepaid: Engine) -> None:
    with prepaid.begin() as connection:
        connection.execute(
            text("UPDATE subscription_lines SET next_billing_date = '2028-01-01' WHERE id = :line"), {"line": LINE}
        )
        connection.execute(
            text(
                "UPDATE subscription_lines SET end_date = NULL, term_until = NULL, next_billing_date = '2027-01-01' WHERE id = 'SUB-1-V'"
            )
        )
        connection.execute(text("UPDATE subscription_lines SET initial_term = NULL WHERE id = 'SUB-1-V'"))
        connection.execute(
            text(
                "INSERT INTO billing_documents (number, kind, subscription_line, period_start, period_end) "
                "VALUES ('INV-V', 'invoice', 'SUB-1-V', '2026-12-02', '2026-12-31')"
            )
        )
    assert settle(prepaid).outstanding_credit_memos == ("INV-V",)
    post(prepaid, "INV-V")
    assert look(prepaid) is None
    assert line(prepaid, "SUB-1-V").end_date == date(2026, 12, 1)
    epoch = int(NOON.timestamp())
    assert messages(prepaid, Event.BILLING_SETTLED) == [f"cancellation.billing_settled-{epoch}/webhook"]
