"""Webhooks to systems, against a real HTTP server and a real database."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from standardwebhooks import Webhook, WebhookVerificationError
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messaging.http_client import HttpClient
from activities.messaging.mail import MailSettings
from activities.messaging.webhook_settings import WebhookSettings
from activities.messaging.webhooks import Webhooks
from domain.vocabulary import Channel, Event, Stage, message_id
from tests.activities.messaging.endpoint import FOREIGN, NEW, OLD, Endpoint
from tests.activities.messaging.outbox import failures, messages, told, unmark
from tests.activities.messaging.samples import ADDRESS, CANCELLATION, facts

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "messages.md"


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def url(endpoint: Endpoint) -> Iterator[str]:
    with endpoint.listening() as url:
        yield url


@pytest.fixture(scope="module")
def client() -> Iterator[HttpClient]:
    with HttpClient() as client:
        yield client


@pytest.fixture
def webhooks(engine: Engine, url: str, client: HttpClient) -> Webhooks:
    return Webhooks(engine, settings(url), client)


def settings(url: str, **changed: str) -> WebhookSettings:
    return WebhookSettings.model_validate({"webhook_url": url, "webhook_secret": NEW, **changed})


def deliver(webhooks: Webhooks) -> int:
    return ActivityEnvironment().run(webhooks.deliver_webhooks, CANCELLATION)


def refused_delivery(webhooks: Webhooks) -> ApplicationError:
    with pytest.raises(ApplicationError) as raised:
        deliver(webhooks)
    assert raised.value.type == "webhook_endpoint_unavailable"
    assert not raised.value.non_retryable
    assert "t0ken" not in str(raised.value)
    return raised.value


def tell_two(engine: Engine) -> None:
    told(engine, Event.RECEIVED, facts(Stage.INTAKE, reason="We are unhappy with you."))
    told(engine, Event.SCHEDULED, facts(Stage.SCHEDULED))


def test_all_pending_messages_arrive_oldest_first(engine: Engine, webhooks: Webhooks, endpoint: Endpoint) -> None:
    tell_two(engine)
    up_to = deliver(webhooks)
    assert [json.loads(request.body)["type"] for request in endpoint.requests] == [
        "cancellation.received",
        "cancellation.scheduled",
    ]
    rows = messages(engine, Channel.WEBHOOK)
    assert all(row.delivered_at for row in rows)
    assert up_to == rows[-1].sequence


def test_a_receiver_can_verify_the_signature_and_read_the_event(
    engine: Engine, webhooks: Webhooks, endpoint: Endpoint
) -> None:
    tell_two(engine)
    deliver(webhooks)
    request = endpoint.requests[1]
    read = Webhook(NEW).verify(request.body, dict(request.headers))
    assert read["type"] == "cancellation.scheduled"
    assert read["timestamp"] == "2026-09-21T22:45:00Z"
    assert read["data"]["cancellation"] == CANCELLATION
    assert [line["decision"]["end_date"] for line in read["data"]["quote"]["lines"]] == ["2026-12-31"] * 3
    assert request.headers["webhook-id"] == "SUB-1001/1/cancellation%2Escheduled/webhook"
    with pytest.raises(WebhookVerificationError):
        Webhook(FOREIGN).verify(request.body, dict(request.headers))


def test_the_body_does_not_say_who_the_customer_is(engine: Engine, webhooks: Webhooks, endpoint: Endpoint) -> None:
    tell_two(engine)
    deliver(webhooks)
    body = endpoint.requests[0].body.decode()
    for private in (ADDRESS, "contoso", "unhappy"):
        assert private not in body


def test_the_url_and_its_tokens_stay_out_of_the_log(
    engine: Engine, webhooks: Webhooks, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    tell_two(engine)
    endpoint.statuses = [204, 503]
    with caplog.at_level(logging.INFO):
        refused_delivery(webhooks)
    assert len(endpoint.requests) == 2
    assert "t0ken" not in caplog.text


def test_the_documentation_shows_a_body_as_it_is_sent(engine: Engine, webhooks: Webhooks, endpoint: Endpoint) -> None:
    told(engine, Event.EFFECTIVE, facts(Stage.CANCELED))
    deliver(webhooks)
    sent = json.loads(endpoint.requests[0].body)
    assert members(documented_body()) == members(sent)


def test_the_documented_signature_is_that_of_the_documented_body() -> None:
    written = DOCUMENTATION.read_text("utf-8")
    documented = dict(re.findall(r"^(webhook-[a-z]+): (.*)$", written, re.MULTILINE))
    (example_secret,) = re.findall(r"`(whsec_\S+=)`", written)
    at = datetime.fromtimestamp(int(documented["webhook-timestamp"]), UTC)
    body = json.dumps(documented_body(), ensure_ascii=False, separators=(",", ":"))
    assert Webhook(example_secret).sign(documented["webhook-id"], at, body) == documented["webhook-signature"]


def documented_body() -> object:
    return json.loads(re.findall(r"```json\n(.*?)```", DOCUMENTATION.read_text("utf-8"), re.DOTALL)[0])


def test_the_documentation_names_every_event_and_every_setting() -> None:
    written = DOCUMENTATION.read_text("utf-8")
    settings_of = [f"OFFRAMP_{name.upper()}" for kind in (WebhookSettings, MailSettings) for name in kind.model_fields]
    for name in (*Event, *settings_of):
        assert f"`{name}`" in written


def members(value: object) -> object:
    """The names that a JSON value holds, without what they stand for."""
    if isinstance(value, dict):
        return {name: members(inner) for name, inner in value.items()}
    return members(value[0]) if isinstance(value, list) and value else None


def test_during_a_rotation_both_secrets_verify(
    engine: Engine, url: str, client: HttpClient, endpoint: Endpoint
) -> None:
    tell_two(engine)
    deliver(Webhooks(engine, settings(url, webhook_previous_secret=OLD), client))
    request = endpoint.requests[0]
    for known in (NEW, OLD):
        Webhook(known).verify(request.body, dict(request.headers))


def test_delivering_twice_sends_once_and_returns_the_same(
    engine: Engine, webhooks: Webhooks, endpoint: Endpoint
) -> None:
    tell_two(engine)
    assert deliver(webhooks) == deliver(webhooks)
    assert len(endpoint.requests) == 2


def test_a_message_accepted_but_not_marked_is_repeated_with_the_same_id_and_body(
    engine: Engine, webhooks: Webhooks, endpoint: Endpoint
) -> None:
    tell_two(engine)
    deliver(webhooks)
    unmark(engine, message_id(CANCELLATION, Event.SCHEDULED, Channel.WEBHOOK))
    deliver(webhooks)
    first, second = endpoint.requests[1:]
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


@pytest.mark.parametrize("status", [301, 408, 425, 429, 500, 503])
def test_a_temporary_no_is_tried_again_and_holds_those_after_it(
    engine: Engine, webhooks: Webhooks, endpoint: Endpoint, status: int
) -> None:
    tell_two(engine)
    endpoint.statuses = [status]
    assert str(refused_delivery(webhooks)).endswith(f"The webhook endpoint 127.0.0.1 answered {status}.")
    assert [request.path for request in endpoint.requests] == ["/hooks?token=t0ken"]
    deliver(webhooks)
    assert [json.loads(request.body)["type"].split(".")[1] for request in endpoint.requests] == [
        "received",
        "received",
        "scheduled",
    ]


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_final_no_fails_that_message_is_audited_and_the_next_one_goes_out(
    engine: Engine, webhooks: Webhooks, endpoint: Endpoint, status: int
) -> None:
    tell_two(engine)
    endpoint.statuses = [status]
    up_to = deliver(webhooks)
    failed, delivered = messages(engine, Channel.WEBHOOK)
    assert failed.failure == f"The webhook endpoint 127.0.0.1 refused the message with {status}."
    assert delivered.delivered_at is not None
    assert up_to == delivered.sequence
    (row,) = failures(engine)
    assert (row.why, row.step) == (failed.failure, f"{failed.id}:failed")


def test_an_endpoint_that_is_down_is_tried_again(engine: Engine, client: HttpClient, endpoint: Endpoint) -> None:
    with endpoint.listening() as url:
        webhooks = Webhooks(engine, settings(url), client)
    tell_two(engine)
    assert "127.0.0.1 cannot be reached" in str(refused_delivery(webhooks))
