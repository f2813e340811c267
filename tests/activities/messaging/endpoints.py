"""Two webhook endpoints of different systems, and what becomes of messages to them."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session
from temporalio.testing import ActivityEnvironment

from activities.messaging.http_client import HttpClient
from activities.messaging.mail import Mail
from activities.messaging.webhook_secrets import WebhookKeys
from activities.messaging.webhook_settings import WebhookSettings
from activities.messaging.webhooks import Webhooks
from domain.vocabulary import Event, Stage
from records.transaction import Transaction
from records.webhooks import endpoints
from runtime.named_keys import NamedKey
from storage.tables import AuditRow, CancellationRow, SubscriptionRow, WebhookEndpointRow
from tests.activities.messaging.endpoint import Endpoint
from tests.activities.messaging.outbox import told
from tests.activities.messaging.samples import CANCELLATION, facts

KEYS = WebhookKeys((NamedKey("k", b"k" * 32),))
OWNER = "hooks@crm.example"
WHO: dict[str, Any] = {"actor": "operator-1", "at": datetime.now(UTC)}


@pytest.fixture
def crm() -> Endpoint:
    return Endpoint()


@pytest.fixture
def erp() -> Endpoint:
    return Endpoint()


@pytest.fixture(scope="module")
def client() -> Iterator[HttpClient]:
    with HttpClient() as client:
        yield client


@pytest.fixture
def webhooks(engine: Engine, client: HttpClient, mail: Mail) -> Webhooks:
    endpoints.configure(engine, is_configured=False)
    return Webhooks(engine, WebhookSettings(webhook_url=""), client, keys=KEYS, mail=mail)


@pytest.fixture
def both(engine: Engine, webhooks: Webhooks, crm: Endpoint, erp: Endpoint) -> Iterator[None]:
    """Two endpoints: the one hears of everything, the other of migrations and of the end of access."""
    with crm.listening() as first, erp.listening() as second:
        add(engine, "crm", url=first, events=())
        add(engine, "erp", url=second, events=("migration.*", "cancellation.effective"))
        yield


def add(engine: Engine, name: str, *, url: str, events: tuple[str, ...]) -> None:
    with Transaction.begin(engine) as transaction:
        endpoints.add(
            transaction, name, url=url, events=events, owner=OWNER, secret=KEYS.fresh(1), request=f"add-{name}", **WHO
        )


def deliver(webhooks: Webhooks) -> int:
    return ActivityEnvironment().run(webhooks.deliver_webhooks, CANCELLATION)


def deliver_of(webhooks: Webhooks, cancellation: str) -> int:
    return ActivityEnvironment().run(webhooks.deliver_webhooks, cancellation)


def ids(endpoint: Endpoint) -> list[str]:
    return [request.headers["webhook-id"].split("/webhook")[0] for request in endpoint.requests]


def heard(endpoint: Endpoint) -> list[str]:
    return [json.loads(request.body)["type"] for request in endpoint.requests]


def row(engine: Engine, name: str) -> WebhookEndpointRow:
    with Session(engine, expire_on_commit=False) as session:
        return session.get_one(WebhookEndpointRow, name)


def change(engine: Engine, name: str, **values: Any) -> None:
    with Session(engine) as session, session.begin():
        session.execute(update(WebhookEndpointRow).where(WebhookEndpointRow.name == name).values(values))


def tell(engine: Engine, *occasions: str, cancellation: str = CANCELLATION) -> None:
    about = facts(Stage.SCHEDULED).model_copy(update={"cancellation": cancellation})
    for occasion in occasions:
        told(engine, Event.RESCHEDULED, about, occasion=occasion)


def audited(engine: Engine, action: str) -> list[AuditRow]:
    with Session(engine) as session:
        return list(session.scalars(select(AuditRow).where(AuditRow.action == action)))


def another_case(engine: Engine, number: int) -> str:
    subscription, case = f"SUB-{number}", f"SUB-{number}/1"
    with Session(engine) as session, session.begin():
        session.add(SubscriptionRow(id=subscription, organization="ORG-1", description="CRM"))
        session.flush()
        session.add(
            CancellationRow(
                id=case,
                subscription=subscription,
                ordinal=1,
                request_id=f"request-{number}",
                workflow_id=f"cancellation:{subscription}",
                opened_by="agent-7",
                stage="intake",
                received_at=datetime(2026, 9, 21, 22, 30, tzinfo=UTC),
                received_on=date(2026, 9, 22),
            )
        )
    return case
