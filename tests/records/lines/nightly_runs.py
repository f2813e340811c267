"""Lines for the nightly update, and one pass of a run over them."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.orm import Session

from domain.lines.runs import LineDatesProgress, Scope
from domain.vocabulary import Channel
from records.lines.nightly import update_chunk
from records.lines.runs import open_run, progress_of
from records.transaction import Transaction
from storage.tables import (
    AuditRow,
    ContractLineRow,
    ContractRow,
    OrganizationRow,
    SubscriptionLineRow,
    SubscriptionRow,
)

NOW = datetime(2026, 10, 1, 23, tzinfo=UTC)


TODAY = date(2026, 10, 1)


YEARLY = {"subsequent_term": "1Y", "notice_period": "3M"}


DUE: dict[str, Any] = {
    **YEARLY,
    "term_until": date(2026, 12, 31),
    "cancellation_possible_until": date(2026, 9, 30),
}


ENDED: dict[str, Any] = {"end_date": date(2026, 9, 30), "next_billing_date": date(2026, 10, 1)}


Add = Callable[..., str]


@pytest.fixture
def add(engine: Engine) -> Add:
    """Add a line; without more said its subscription is SUB-1, of an organization in Berlin."""

    def add_line(
        line: str,
        subscription: str = "SUB-1",
        contract: str | None = None,
        *,
        zone: str = "Europe/Berlin",
        **fields: Any,
    ) -> str:
        with Session(engine) as session, session.begin():
            if session.get(SubscriptionRow, subscription) is None:
                organization = f"ORG-{zone}"
                if session.get(OrganizationRow, organization) is None:
                    session.add(an_organization(organization, zone))
                    session.flush()
                session.add(SubscriptionRow(id=subscription, organization=organization, description="CRM"))
                session.flush()
            session.add(SubscriptionLineRow(**{**a_row(line, subscription), **fields}))
            session.flush()
            if contract is not None:
                if session.get(ContractRow, contract) is None:
                    session.add(ContractRow(number=contract, partner=fields.get("partner", "customer")))
                    session.flush()
                taken = session.scalar(select(func.count()).where(ContractLineRow.contract == contract)) or 0
                session.add(ContractLineRow(contract=contract, line_number=taken + 1, subscription_line=line))
        return line

    return add_line


def an_organization(name: str, zone: str) -> OrganizationRow:
    return OrganizationRow(
        id=name, url=f"https://{name}.example", unique_name=name, time_zone=zone, platform="commerce_transaction",
        purpose="production", billing_administrator="ann@example.com",
    )  # fmt: skip


def a_row(line: str, subscription: str) -> dict[str, Any]:
    return {
        "id": line,
        "subscription": subscription,
        "partner": "customer",
        "start_date": date(2020, 1, 1),
        "billing_rhythm": "1M",
    }


def run(
    engine: Engine,
    as_of: date = TODAY,
    *,
    name: str = "run",
    instant: datetime | None = None,
    scope: Scope | None = None,
    limit: int = 10_000,
    channels: frozenset[Channel] = frozenset({Channel.WEBHOOK}),
) -> LineDatesProgress:
    """One pass of a run: as of a day, or by the day of each organization at an instant."""
    day = instant.astimezone(UTC).date() if instant else as_of
    with Transaction.begin(engine) as transaction:
        before = open_run(
            transaction, name, as_of=day, instant=instant, zone="UTC", scope=scope or Scope(), actor="tester", at=NOW
        )
    for _ in range(10_000):
        with Transaction.begin(engine, channels) as transaction:
            if update_chunk(transaction, name, at=NOW, limit=limit).pass_ended:
                break
    with Session(engine) as session:
        progress = progress_of(session, name)
    assert progress.passes == before.passes + 1
    return progress


def line(engine: Engine, name: str) -> SubscriptionLineRow:
    with Session(engine) as session:
        return session.get_one(SubscriptionLineRow, name)


def dates(engine: Engine, name: str) -> tuple[date | None, date | None]:
    row = line(engine, name)
    return row.term_until, row.cancellation_possible_until


def trail(engine: Engine) -> Sequence[AuditRow]:
    with Session(engine) as session:
        return session.scalars(select(AuditRow).order_by(AuditRow.id)).all()


def all_lines(connection: Connection) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in connection.execute(
            text(
                "SELECT id, term_until, cancellation_possible_until, end_date, closed FROM subscription_lines ORDER BY id"
            )
        )
    ]
