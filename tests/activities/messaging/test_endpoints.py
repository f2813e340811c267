"""Several webhook endpoints: each has its own messages, secrets and fate, and none waits for another."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session
from standardwebhooks import Webhook, WebhookVerificationError
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messaging.http_client import HttpClient
from activities.messaging.mail import Mail
from activities.messaging.webhook_secrets import WebhookKeys
from activities.messaging.webhook_settings import WebhookSettings
from activities.messaging.webhooks import Webhooks
from contract.steps import Reopening
from domain.refusals import Refusal
from domain.vocabulary import Channel, Event, Stage
from domain.webhooks import DEAD_AFTER, REJECTED_IN_A_ROW, EndpointState
from records.transaction import Transaction
from records.webhooks import endpoints
from records.webhooks.messages import deliveries
from runtime.named_keys import NamedKey
from storage.tables import AuditRow, MessageRow, WebhookEndpointRow
from tests.activities.messaging.endpoint import Endpoint
from tests.activities.messaging.outbox import messages, told
from tests.activities.messaging.postbox import Postbox
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


def heard(endpoint: Endpoint) -> list[str]:
    return [json.loads(request.body)["type"] for request in endpoint.requests]


def row(engine: Engine, name: str) -> WebhookEndpointRow:
    with Session(engine, expire_on_commit=False) as session:
        return session.get_one(WebhookEndpointRow, name)


def change(engine: Engine, name: str, **values: Any) -> None:
    with Session(engine) as session, session.begin():
        session.execute(update(WebhookEndpointRow).where(WebhookEndpointRow.name == name).values(values))


def tell(engine: Engine, *occasions: str) -> None:
    for occasion in occasions:
        told(engine, Event.RESCHEDULED, facts(Stage.SCHEDULED), occasion=occasion)


def audited(engine: Engine, action: str) -> list[AuditRow]:
    with Session(engine) as session:
        return list(session.scalars(select(AuditRow).where(AuditRow.action == action)))


@pytest.mark.usefixtures("both")
def test_each_endpoint_hears_of_the_events_that_it_asked_for(
    engine: Engine, webhooks: Webhooks, crm: Endpoint, erp: Endpoint
) -> None:
    told(engine, Event.RECEIVED, facts(Stage.INTAKE))
    told(engine, Event.EFFECTIVE, facts(Stage.CANCELED))
    deliver(webhooks)
    assert heard(crm) == ["cancellation.received", "cancellation.effective"]
    assert heard(erp) == ["cancellation.effective"]
    ids = [request.headers["webhook-id"] for request in (crm.requests[1], erp.requests[0])]
    assert ids == [f"SUB-1001/1/cancellation%2Eeffective/webhook/{name}" for name in ("crm", "erp")]


@pytest.mark.usefixtures("both")
def test_each_endpoint_has_a_secret_of_its_own(engine: Engine, webhooks: Webhooks, crm: Endpoint) -> None:
    told(engine, Event.EFFECTIVE, facts(Stage.CANCELED))
    deliver(webhooks)
    [request] = crm.requests
    Webhook(KEYS.secret("crm", "k:1")).verify(request.body, dict(request.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(KEYS.secret("erp", "k:1")).verify(request.body, dict(request.headers))


@pytest.mark.usefixtures("both")
def test_for_a_day_after_a_rotation_both_secrets_sign(engine: Engine, webhooks: Webhooks, crm: Endpoint) -> None:
    with Transaction.begin(engine) as transaction:
        endpoints.rotate(transaction, "crm", fresh=KEYS.fresh, request="rotate-1", **WHO)
    tell(engine, "one")
    deliver(webhooks)
    change(engine, "crm", previous_until=datetime.now(UTC))
    tell(engine, "two")
    deliver(webhooks)
    during, after = crm.requests
    old, new = Webhook(KEYS.secret("crm", "k:1")), Webhook(KEYS.secret("crm", "k:2"))
    for known in (old, new):
        known.verify(during.body, dict(during.headers))
    new.verify(after.body, dict(after.headers))
    with pytest.raises(WebhookVerificationError):
        old.verify(after.body, dict(after.headers))


@pytest.mark.usefixtures("both")
def test_an_endpoint_that_takes_nothing_keeps_no_other_one_waiting(
    engine: Engine, webhooks: Webhooks, crm: Endpoint, erp: Endpoint
) -> None:
    told(engine, Event.EFFECTIVE, facts(Stage.CANCELED))
    told(engine, Event.EFFECTIVE, facts(Stage.CANCELED), occasion="again")
    crm.statuses = [503]
    with pytest.raises(ApplicationError, match="answered 503") as raised:
        deliver(webhooks)
    assert raised.value.type == "webhook_endpoint_unavailable"
    assert (len(crm.requests), len(erp.requests)) == (1, 2)
    deliver(webhooks)
    assert [request.headers["webhook-id"] for request in crm.requests[1:]] == [
        f"SUB-1001/1/{occasion}/webhook/crm" for occasion in ("cancellation%2Eeffective", "again")
    ]
    assert len(erp.requests) == 2


@pytest.mark.usefixtures("both")
def test_one_that_keeps_taking_nothing_is_not_asked_before_its_time(
    engine: Engine, webhooks: Webhooks, crm: Endpoint
) -> None:
    tell(engine, "one")
    crm.statuses = [503] * 3
    for _ in range(2):
        with pytest.raises(ApplicationError):
            deliver(webhooks)
    asked = len(crm.requests)
    with pytest.raises(ApplicationError, match="answered 503"):
        deliver(webhooks)
    assert len(crm.requests) == asked
    assert row(engine, "crm").failures == asked


@pytest.mark.usefixtures("both")
def test_one_that_has_taken_nothing_for_days_is_paused_and_its_owner_is_notified_once(
    engine: Engine, webhooks: Webhooks, crm: Endpoint, postbox: Postbox
) -> None:
    tell(engine, "one", "two")
    crm.statuses = [503]
    change(engine, "crm", failing_since=datetime.now(UTC) - DEAD_AFTER)
    last = messages(engine, Channel.WEBHOOK)[-1].sequence
    assert deliver(webhooks) == last  # nothing waits for it any more
    paused = row(engine, "crm")
    assert (paused.state, paused.paused_by) == (EndpointState.PAUSED, "offramp")
    assert paused.paused_because == "It has taken nothing for 3 days. The webhook endpoint 127.0.0.1 answered 503."
    assert [entry.actor for entry in audited(engine, "webhook.paused")] == ["offramp"]
    assert all(each.delivered_at is None and each.failed_at is None for each in messages(engine, Channel.WEBHOOK))

    deliver(webhooks)
    [notice] = postbox.taken
    assert postbox.recipients == [OWNER]
    body = notice.get_body(("plain",))
    assert body is not None
    assert "webhook endpoint crm at 127.0.0.1" in " ".join(body.get_content().split())
    assert "t0ken" not in str(notice)
    assert len(crm.requests) == 1


@pytest.mark.usefixtures("both")
def test_one_that_refuses_message_after_message_is_paused_before_it_loses_them_all(
    engine: Engine, webhooks: Webhooks, crm: Endpoint
) -> None:
    tell(engine, *(str(number) for number in range(REJECTED_IN_A_ROW + 5)))
    crm.statuses = [404] * 100
    deliver(webhooks)
    assert len(crm.requests) == REJECTED_IN_A_ROW
    assert row(engine, "crm").state == EndpointState.PAUSED
    assert sum(each.failed_at is None for each in messages(engine, Channel.WEBHOOK)) == 5


@pytest.mark.usefixtures("both")
def test_one_that_says_it_is_gone_is_paused_at_once(engine: Engine, webhooks: Webhooks, crm: Endpoint) -> None:
    tell(engine, "one")
    crm.statuses = [410]
    deliver(webhooks)
    assert row(engine, "crm").state == EndpointState.PAUSED
    assert [each.failed_at for each in messages(engine, Channel.WEBHOOK)] == [None]


@pytest.mark.usefixtures("both")
def test_after_it_is_resumed_it_gets_what_it_missed_in_order_also_of_ended_cases(
    engine: Engine, webhooks: Webhooks, crm: Endpoint
) -> None:
    with Transaction.begin(engine) as transaction:
        endpoints.pause(transaction, "crm", reason="maintenance", request="pause-1", **WHO)
    tell(engine, "one", "two", "three")
    deliver(webhooks)
    assert not crm.requests
    with Transaction.begin(engine) as transaction:
        resumed = endpoints.resume(transaction, "crm", reason="done", request="resume-1", **WHO)
    assert resumed.pending == 3
    assert ActivityEnvironment().run(webhooks.backfill_webhooks, "crm") is True
    assert [request.headers["webhook-id"].split("/")[2] for request in crm.requests] == ["one", "two", "three"]


@pytest.mark.usefixtures("both")
def test_messages_are_sent_again_under_their_ids_and_once_for_each_request(
    engine: Engine, webhooks: Webhooks, crm: Endpoint
) -> None:
    tell(engine, "one", "two")
    crm.statuses = [404]
    deliver(webhooks)
    step = Reopening(
        endpoint="crm", key="again", actor="operator-1", at=datetime.now(UTC), failed_only=True,
        since=datetime.now(UTC) - timedelta(days=365 * 20), why="repaired",
    )  # fmt: skip
    assert [ActivityEnvironment().run(webhooks.reopen_webhooks, step) for _ in range(2)] == [1, 0]
    deliver(webhooks)
    ids = [request.headers["webhook-id"] for request in crm.requests]
    assert ids[2] == ids[0]
    assert len(ids) == 3
    [entry] = audited(engine, "webhook.resent")
    assert (entry.actor, entry.why) == ("operator-1", "repaired")


@pytest.mark.usefixtures("both")
def test_every_attempt_is_in_the_log(engine: Engine, webhooks: Webhooks, crm: Endpoint) -> None:
    tell(engine, "one", "two", "three")
    crm.statuses = [503, 204, 404]
    with pytest.raises(ApplicationError):
        deliver(webhooks)
    deliver(webhooks)
    with Session(engine) as session:
        found = deliveries(session, "crm")
        assert [each.number for each in deliveries(session, "crm", before=found[0].number)] == [
            each.number for each in found[1:]
        ]
        assert [each.message for each in deliveries(session, "crm", states=["failed"])] == [found[1].message]
    newest, failed, first = found
    assert (newest.state, newest.attempts, newest.last_status) == ("delivered", 1, 204)
    assert (failed.state, failed.attempts, failed.last_status) == ("failed", 1, 404)
    assert (first.state, first.attempts, first.last_status) == ("delivered", 2, 204)


@pytest.mark.usefixtures("both")
def test_what_a_removed_endpoint_is_owed_is_given_up(engine: Engine, webhooks: Webhooks, crm: Endpoint) -> None:
    tell(engine, "one")
    with Transaction.begin(engine) as transaction:
        endpoints.remove(transaction, "crm", reason="replaced", request="remove-1", **WHO)
    deliver(webhooks)
    tell(engine, "two")
    assert [each.failure for each in messages(engine, Channel.WEBHOOK)] == ["The webhook endpoint was removed."]
    assert not crm.requests


@pytest.mark.usefixtures("both")
def test_a_message_of_trial_goes_to_a_paused_endpoint_too(engine: Engine, webhooks: Webhooks, crm: Endpoint) -> None:
    change(engine, "crm", state="paused", paused_at=datetime.now(UTC), paused_by="somebody")
    crm.statuses = [204, 500]
    accepted, refused = (ActivityEnvironment().run(webhooks.test_webhook, "crm") for _ in range(2))
    assert (accepted.accepted, accepted.status) == (True, 204)
    assert (refused.accepted, refused.status) == (False, 500)
    assert heard(crm) == ["webhook.test"] * 2
    with pytest.raises(Refusal, match="no webhook endpoint nobody"):
        ActivityEnvironment().run(webhooks.test_webhook, "nobody")


@pytest.mark.usefixtures("both")
def test_without_the_key_of_a_secret_messages_wait(engine: Engine, client: HttpClient, crm: Endpoint) -> None:
    endpoints.configure(engine, is_configured=False)
    tell(engine, "one")
    lacking = Webhooks(engine, WebhookSettings(webhook_url=""), client)
    with pytest.raises(ApplicationError, match="the key k is not among those of this process"):
        deliver(lacking)
    assert not crm.requests


@pytest.mark.usefixtures("both")
def test_what_lost_its_content_after_its_time_is_not_sent_again(
    engine: Engine, webhooks: Webhooks, crm: Endpoint
) -> None:
    tell(engine, "one")
    deliver(webhooks)
    with Session(engine) as session, session.begin():
        session.execute(update(MessageRow).values(content={}))
    step = Reopening(
        endpoint="crm", key="again", actor="x", at=datetime.now(UTC), since=datetime(2020, 1, 1, tzinfo=UTC)
    )
    assert ActivityEnvironment().run(webhooks.reopen_webhooks, step) == 0
