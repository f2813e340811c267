"""A cancellation to send messages about."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from records.webhooks.endpoints import configure
from storage.database import create_database_engine
from storage.tables import CancellationRow, OrganizationRow, PolicyRow, SubscriptionRow
from tests.activities.messaging.mail_delivery import mail, postbox, server
from tests.activities.messaging.samples import ADDRESS, CANCELLATION

__all__ = ["engine", "mail", "postbox", "server"]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The pool of a database with one organization and its one cancelled subscription."""
    engine = create_database_engine(database_url)
    with Session(engine) as session, session.begin():
        if session.get(PolicyRow, "standard") is None:
            session.add(PolicyRow(name="standard", durations={}))
        session.add(
            OrganizationRow(
                id="ORG-1",
                url="https://contoso.crm.example",
                unique_name="contoso & sons",
                time_zone="Europe/Berlin",
                platform="microsoft_online_services",
                purpose="production",
                billing_administrator=ADDRESS,
                policy="standard",
            )
        )
        session.flush()
        session.add(SubscriptionRow(id="SUB-1001", organization="ORG-1", description="CRM <Enterprise>"))
        session.flush()
        session.add(
            CancellationRow(
                id=CANCELLATION,
                subscription="SUB-1001",
                ordinal=1,
                request_id="request-1",
                workflow_id="cancellation:SUB-1001",
                opened_by="agent-7",
                stage="intake",
                received_at=datetime(2026, 9, 21, 22, 30, tzinfo=UTC),
                received_on=date(2026, 9, 22),
            )
        )
    configure(engine, is_configured=True)
    yield engine
    engine.dispose()
