"""One deadline for a whole request: a receiver that sends a byte now and then keeps nobody."""

import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messaging import delivery, smtp, webhook_sender, webhooks
from activities.messaging.http_client import HttpClient
from activities.messaging.webhook_settings import WebhookSettings
from activities.messaging.webhooks import Webhooks
from domain.vocabulary import Channel
from tests.activities.messaging.endpoint import NEW, Endpoint
from tests.activities.messaging.mail_delivery import deliver, sending_by, tell_two
from tests.activities.messaging.outbox import messages
from tests.activities.messaging.postbox import Postbox
from tests.activities.messaging.samples import CANCELLATION
from tests.support.slow_parties import SlowParty

SECONDS = 0.5
"""The deadline in these tests; the receivers send a byte ten times as often."""
PATIENCE = 20.0
"""So long a busy machine may take for it. Without a deadline, each of these conversations lasts for ever."""

HANDSHAKE = b"\x16\x03\x03\x40\x00" + b"\x02"
"""The beginning of a record of TLS that announces 16,384 bytes."""


@pytest.fixture(autouse=True)
def _short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sender, "TIMEOUT_SECONDS", SECONDS)
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", SECONDS)


@pytest.fixture
def client() -> Iterator[HttpClient]:
    with HttpClient() as client:
        yield client


def dripping(answer: bytes) -> SlowParty:
    return SlowParty(answer, every_seconds=SECONDS / 10)


def refusal_in_time(delivery: Callable[[], object]) -> str:
    begun = time.monotonic()
    with pytest.raises(ApplicationError) as raised:
        delivery()
    assert SECONDS <= time.monotonic() - begun < PATIENCE
    assert not raised.value.non_retryable
    return str(raised.value)


def sending_to(engine: Engine, address: str, client: HttpClient) -> Webhooks:
    return Webhooks(engine, WebhookSettings(webhook_url=f"http://{address}/", webhook_secret=NEW), client)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 2", b"HTTP/1.1 204 No Content\r\nx-more: y"])
def test_an_endpoint_has_one_deadline_however_slowly_it_answers(
    engine: Engine, client: HttpClient, answer: bytes
) -> None:
    tell_two(engine)
    with dripping(answer).listening() as address:
        said = refusal_in_time(lambda: send(sending_to(engine, address, client)))
    assert "did not answer within" in said
    assert not [row for row in messages(engine, Channel.WEBHOOK) if row.delivered_at or row.failed_at]


def test_the_body_of_an_answer_is_not_waited_for(
    engine: Engine, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sender, "TIMEOUT_SECONDS", PATIENCE)
    tell_two(engine)
    with SlowParty(b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\nx", every_seconds=0.001).listening() as address:
        send(sending_to(engine, address, client))
    assert all(row.delivered_at for row in messages(engine, Channel.WEBHOOK))


@pytest.mark.parametrize("answer", [b"", b"220-mail.example", b"220 mail.example\r\n250-x"])
def test_a_mail_server_has_one_deadline_for_a_message_however_slowly_it_answers(engine: Engine, answer: bytes) -> None:
    tell_two(engine)
    with dripping(answer).listening() as address:
        said = refusal_in_time(lambda: deliver(sending_by(engine, f"smtp://{address}")))
    assert said.startswith(f"mail_server_unavailable: The mail server {address} cannot be used now: it did not answer")


def test_the_deadline_holds_for_a_handshake_of_tls_too(engine: Engine) -> None:
    tell_two(engine)
    with dripping(HANDSHAKE).listening() as address:
        said = refusal_in_time(lambda: deliver(sending_by(engine, f"smtps://{address}")))
    assert "it did not answer" in said


def test_a_server_that_does_not_say_goodbye_keeps_nobody(
    engine: Engine, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its silence comes after the last message was taken."""
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", PATIENCE)
    monkeypatch.setattr(smtp, "_QUIT_SECONDS", SECONDS)
    tell_two(engine)
    with postbox.listening() as address:
        postbox.may_quit.clear()
        begun = time.monotonic()
        deliver(sending_by(engine, f"smtp://{address}"))
        taken = time.monotonic() - begun
        postbox.may_quit.set()
    assert taken < PATIENCE
    assert len(postbox.taken) == 2


def test_the_next_turn_delivers_what_one_had_no_time_for(
    engine: Engine, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", PATIENCE)
    monkeypatch.setattr(delivery, "TURN_SECONDS", 0.0)
    tell_two(engine)
    first, second = messages(engine, Channel.MAIL)
    with postbox.listening() as address:
        mail = sending_by(engine, f"smtp://{address}")
        assert deliver(mail) == first.sequence
        assert len(postbox.taken) == 1
        assert deliver(mail) == second.sequence
        assert deliver(mail) == second.sequence
    assert len(postbox.taken) == 2


def test_the_next_turn_sends_what_one_had_no_time_for(
    engine: Engine, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sender, "TIMEOUT_SECONDS", PATIENCE)
    monkeypatch.setattr(webhooks, "TURN_SECONDS", 0.0)
    tell_two(engine)
    first, second = messages(engine, Channel.WEBHOOK)
    endpoint = Endpoint()
    with endpoint.listening() as url:
        sending = Webhooks(engine, WebhookSettings(webhook_url=url, webhook_secret=NEW), client)
        assert send(sending) == first.sequence
        assert len(endpoint.requests) == 1
        assert send(sending) == second.sequence
        assert send(sending) == second.sequence
    assert len(endpoint.requests) == 2


def send(sending: Webhooks) -> int:
    return ActivityEnvironment().run(sending.deliver_webhooks, CANCELLATION)
