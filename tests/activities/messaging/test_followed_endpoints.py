"""An endpoint that takes nothing: its own workflow is asked to look, once until it does, and no delivery fails for that."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.messaging.http_client import HttpClient
from activities.messaging.webhook_settings import WebhookSettings
from activities.messaging.webhooks import Webhooks
from domain.vocabulary import Channel
from tests.activities.messaging.endpoint import Endpoint
from tests.activities.messaging.endpoints import KEYS, both, client, crm, deliver, erp, row, tell, webhooks
from tests.activities.messaging.outbox import messages

__all__ = ["both", "client", "crm", "erp", "webhooks"]

pytestmark = pytest.mark.usefixtures("both")


def following(engine: Engine, client: HttpClient, follow: Callable[[str], None]) -> Webhooks:
    return Webhooks(engine, WebhookSettings(webhook_url=""), client, keys=KEYS, follow=follow)


def test_its_workflow_is_asked_once_until_it_looks_however_many_deliveries_meet_it(
    engine: Engine, client: HttpClient, crm: Endpoint
) -> None:
    asked: list[str] = []
    sending = following(engine, client, asked.append)
    crm.statuses = [503] * 100
    for occasion in ("one", "two", "three"):
        tell(engine, occasion)
        assert deliver(sending) == messages(engine, Channel.WEBHOOK)[-1].sequence, "no case waits"
    assert asked == ["crm"]

    with pytest.raises(ApplicationError):
        ActivityEnvironment().run(sending.backfill_webhooks, "crm")
    asked.clear()
    for occasion in ("four", "five"):
        tell(engine, occasion)
        deliver(sending)
    assert asked == ["crm"]


def test_it_is_asked_again_after_a_while_for_it_may_have_been_terminated_before_it_looked(
    engine: Engine, client: HttpClient, crm: Endpoint
) -> None:
    asked: list[str] = []
    sending = following(engine, client, asked.append)
    crm.statuses = [503] * 100
    tell(engine, "one")
    deliver(sending)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE webhook_endpoints SET followed_until = clock_timestamp() - interval '1 second'")
        )
    tell(engine, "two")
    deliver(sending)
    assert asked == ["crm", "crm"]


def test_a_delivery_does_not_fail_because_that_workflow_is_not_reached_and_the_next_one_asks_again(
    engine: Engine, client: HttpClient, crm: Endpoint
) -> None:
    def away(_: str) -> None:
        raise RPCError("exceeded workflow execution limit for signal events", RPCStatusCode.RESOURCE_EXHAUSTED, b"")

    crm.statuses = [503] * 100
    tell(engine, "one")
    deliver(following(engine, client, away))
    assert row(engine, "crm").followed_until is None

    asked: list[str] = []
    tell(engine, "two")
    deliver(following(engine, client, asked.append))
    assert asked == ["crm"]
