"""What was sent to webhook endpoints: in a log, sent again, given up, and tried out."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messaging.http_client import HttpClient
from activities.messaging.webhook_settings import WebhookSettings
from activities.messaging.webhooks import Webhooks
from contract.steps import Reopening
from domain.refusals import Refusal
from domain.vocabulary import Channel
from offramp_client import TestData, verify_webhook
from records.transaction import Transaction
from records.webhooks import endpoints
from records.webhooks.messages import deliveries
from storage.tables import MessageRow
from tests.activities.messaging.endpoint import Endpoint
from tests.activities.messaging.endpoints import (
    KEYS,
    WHO,
    audited,
    both,
    change,
    client,
    crm,
    deliver,
    erp,
    heard,
    tell,
    webhooks,
)
from tests.activities.messaging.outbox import messages

__all__ = ["both", "client", "crm", "erp", "webhooks"]


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
    [first, _] = crm.requests
    read = verify_webhook(first.body, first.headers, KEYS.secret("crm", "k:1"))
    assert (read.type, read.data) == ("webhook.test", TestData(endpoint="crm"))
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
