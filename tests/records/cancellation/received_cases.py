"""Cancellations opened in the records with a receipt before their entry, and moved to where a test needs them."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from contract.steps import OpenedCase, OpenRequest, Receipt, Step
from domain.vocabulary import Channel, ReceiptChannel
from records.cancellation import transitions
from records.cancellation.opening import open_case
from records.transaction import Transaction
from storage.tables import CancellationRow, SubscriptionLineRow
from tests.support.import_documents import NOON

BOTH = frozenset(Channel)
COMPLETE = {
    "billing_administrator": "ann@example.com",
    "organization_url": "https://contoso.example.com",
    "organization_name": "contoso",
    "data": "none",
}
CASE = "SUB-1/1"
WORKFLOW = "cancellation:SUB-1"


def receive(
    engine: Engine,
    at: datetime,
    *,
    entered_at: datetime | None = NOON,
    because: str | None = None,
    request: str = "R",
    **fields: Any,
) -> OpenedCase:
    """Open a case that was received at an instant and entered at noon, by letter."""
    receipt = Receipt(entered_at=entered_at, channel=ReceiptChannel.LETTER, because=because)
    values: dict[str, Any] = {"actor": "agent-7", "answers": {}, "receipt": receipt} | fields
    asked = OpenRequest(workflow_id=WORKFLOW, subscription="SUB-1", request_id=f"{WORKFLOW}:{request}", at=at, **values)
    with Transaction.begin(engine, BOTH) as transaction:
        return open_case(transaction, asked)


def complete(engine: Engine, at: datetime, *, terminate_on: str = "2026-12-31", **fields: Any) -> OpenedCase:
    """The same with everything answered and attested."""
    answers = COMPLETE | {"termination_date": terminate_on}
    return receive(engine, at, answers=answers, attested_because="called back", **fields)


def step(name: str, at: datetime = NOON, **fields: Any) -> Step:
    return Step(cancellation=CASE, name=name, actor="agent-7", at=at, **fields)


def settle(engine: Engine, at: datetime = NOON + timedelta(minutes=1)) -> None:
    with Transaction.begin(engine, BOTH) as transaction:
        transitions.settle_lines(transaction, step("settle", at))


def row(engine: Engine) -> CancellationRow:
    with Session(engine) as session:
        return session.get_one(CancellationRow, CASE)


def line_row(engine: Engine, line: str = "SUB-1-C") -> SubscriptionLineRow:
    with Session(engine) as session:
        return session.get_one(SubscriptionLineRow, line)
