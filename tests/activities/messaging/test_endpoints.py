"""Several webhook endpoints: each has its own messages, secrets and fate, and none waits for another."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from standardwebhooks import Webhook, WebhookVerificationError
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messaging.webhooks import Webhooks
from domain.vocabulary import Channel, Event, Stage
from domain.webhooks import DEAD_AFTER, REJECTED_IN_A_ROW, EndpointState
from records.transaction import Transaction
from records.webhooks import endpoints
from tests.activities.messaging.endpoint import Endpoint
from tests.activities.messaging.endpoints import (
    KEYS,
    OWNER,
    WHO,
    audited,
    both,
    change,
    client,
    crm,
    deliver,
    erp,
    heard,
    row,
    tell,
    webhooks,
)
from tests.activities.messaging.outbox import messages, told
from tests.activities.messaging.postbox import Postbox
from tests.activities.messaging.samples import facts

__all__ = ["both", "client", "crm", "erp", "webhooks"]


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
def test_no_endpoint_is_sent_what_another_one_has_answered(
    engine: Engine, webhooks: Webhooks, crm: Endpoint, erp: Endpoint
) -> None:
    """They are on one host, for whose ports there is one set of cookies."""
    crm.headers = [("Set-Cookie", f"of-crm-{number}={'x' * 3000}; Path=/") for number in range(8)]
    for occasion in ("one", "two"):
        told(engine, Event.EFFECTIVE, facts(Stage.CANCELED), occasion=occasion)
    deliver(webhooks)
    assert [len(each.requests) for each in (crm, erp)] == [2, 2]
    assert not [request.headers for each in (crm, erp) for request in each.requests if "Cookie" in request.headers]


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
    assert [each.put_off for each in messages(engine, Channel.WEBHOOK)] == [asked]


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

    for _ in range(2):
        ActivityEnvironment().run(webhooks.notify_owner, "crm")
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
