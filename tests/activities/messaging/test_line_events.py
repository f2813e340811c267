"""Messages about closed and rolled lines, against a real HTTP server and a real database."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from standardwebhooks import Webhook
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messaging.http_client import HttpClient
from activities.messaging.webhook_settings import WebhookSettings
from activities.messaging.webhooks import Webhooks
from domain.vocabulary import Channel
from storage.tables import LineDatesRunRow, MessageRow
from tests.activities.messaging.endpoint import Endpoint
from tests.activities.messaging.outbox import unmark

SECRET = "whsec_" + base64.b64encode(b"n" * 32).decode()
FIRST, SECOND = "run/line.closed/1/webhook", "run/line.term_rolled/2/webhook"


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def webhooks(engine: Engine, endpoint: Endpoint) -> Iterator[Webhooks]:
    with endpoint.listening() as url, HttpClient() as client:
        settings = WebhookSettings.model_validate({"webhook_url": url, "webhook_secret": SECRET})
        yield Webhooks(engine, settings, client)


def leave_two(engine: Engine, *, ago: timedelta = timedelta(0)) -> None:
    at = datetime.now(UTC) - ago
    with Session(engine) as session, session.begin():
        session.add(
            LineDatesRunRow(
                id="run",
                as_of=date(2026, 10, 1),
                zone="UTC",
                scope={},
                actor="tester",
                started_at=at,
                due=2,
                unchanged=0,
            )
        )
        session.flush()
        for id_ in (FIRST, SECOND):
            session.add(
                MessageRow(
                    id=id_, event=id_.split("/")[1], channel=Channel.WEBHOOK.value, recipient="webhook",
                    content={"run": "run", "lines": [{"id": "L1"}]}, created_at=at, run="run",
                )
            )  # fmt: skip
            session.flush()


def deliver(webhooks: Webhooks) -> None:
    ActivityEnvironment().run(webhooks.deliver_line_events)


def test_batches_arrive_signed_and_oldest_first_and_only_once(
    engine: Engine, webhooks: Webhooks, endpoint: Endpoint
) -> None:
    leave_two(engine)
    deliver(webhooks)
    deliver(webhooks)
    verified = [Webhook(SECRET).verify(request.body, dict(request.headers)) for request in endpoint.requests]
    assert [body["type"] for body in verified] == ["line.closed", "line.term_rolled"]
    assert verified[0]["data"] == {"run": "run", "lines": [{"id": "L1"}]}


def test_a_repetition_repeats_the_id_and_the_body(engine: Engine, webhooks: Webhooks, endpoint: Endpoint) -> None:
    leave_two(engine)
    deliver(webhooks)
    unmark(engine, FIRST)
    deliver(webhooks)
    first, _, again = endpoint.requests
    assert first.headers["webhook-id"] == again.headers["webhook-id"] == "run/line%2Eclosed/1/webhook"
    assert first.body == again.body


def test_while_the_first_is_put_off_the_second_waits(engine: Engine, webhooks: Webhooks, endpoint: Endpoint) -> None:
    leave_two(engine)
    endpoint.statuses = [503]
    with pytest.raises(ApplicationError, match="answered 503") as put_off:
        deliver(webhooks)
    assert (put_off.value.type, put_off.value.non_retryable) == ("webhook_endpoint_unavailable", False)
    assert len(endpoint.requests) == 1
    deliver(webhooks)
    assert [json.loads(request.body)["type"] for request in endpoint.requests][1:] == [
        "line.closed",
        "line.term_rolled",
    ]
