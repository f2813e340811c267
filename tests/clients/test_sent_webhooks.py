"""What the service really sends: each webhook is verified by the Python client, and fits its schema and the table of fields."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr

from activities.messaging.webhook_settings import WebhookSettings
from domain.vocabulary import Event
from offramp_client import models, verify_webhook
from storage.objects import Objects, ObjectStoreSettings
from storage.tenants.database import TenantDatabase
from tests.activities.messaging.endpoint import NEW, OLD, Endpoint
from tests.support import lives
from tests.support.databases import migrated_database
from tests.support.documented_webhooks import assert_documented, undocumented
from tests.support.migrations import on_site
from tests.support.tenants import tenant_settings, tenants_database
from tests.support.world import AGENT, Data, Mailbox, World
from tests.workflows.cancellation import test_export_histories
from tests.workflows.conftest import idle_world
from tests.workflows.migration import test_histories
from tests.workflows.test_payloads_at_rest import live

__all__ = ["idle_world"]

NOT_REAL = "line-dates-told"
"""A life with a message that its test has written."""
RARE = {
    Event.LINE_ABANDONED,
    Event.LINE_RESCHEDULED,
    Event.LINE_WITHDRAWN,
    Event.LINE_REMINDER,
    Event.LINE_BILLING_SETTLED,
    Event.MIGRATION_ESCALATED,
    Event.CREDIT_MEMO_ESCALATED,
    Event.RESCHEDULED,
    Event.EXPORT_REMINDER,
}
"""Events that none of the lives leads to; their facts are those of the others of their kind."""
OF_SYSTEMS = {
    Event.ACCESS_END_REQUESTED,
    Event.ACCESS_RESTORED_REQUESTED,
    Event.ERASURE_REQUESTED,
    Event.ERASED_ELSEWHERE,
    Event.SYSTEM_TASK_ESCALATED,
}
"""Events of cases that ask registered systems; looked at in ``tests/workflows/cancellation/test_system_tasks.py``."""


def signed_twice(url: str) -> WebhookSettings:
    """The settings during a rotation of the secret."""
    return WebhookSettings(webhook_url=url, webhook_secret=SecretStr(NEW), webhook_previous_secret=SecretStr(OLD))


async def test_webhooks_of_a_life_are_verified_and_read_by_the_client(idle_world: World) -> None:
    world, endpoint = idle_world, Endpoint()
    with endpoint.listening() as url:
        async with world.worker(webhooks=signed_twice(url)):
            subscription = world.subscription()
            await world.start(subscription)
            await world.pass_time(subscription, timedelta(days=1))
            await world.service.reverse(subscription, world.identity(subscription), actor=AGENT)
            await world.handle(subscription).result()
    webhooks = [verify_webhook(each.body, each.headers, NEW) for each in endpoint.requests]
    assert {assert_documented(each) for each in endpoint.requests} >= {
        Event.RECEIVED,
        Event.SCHEDULED,
        Event.EFFECTIVE,
        Event.REVERSED,
    }
    assert undocumented(endpoint.requests) == set()
    assert len({webhook.id for webhook in webhooks}) == len(webhooks)
    [effective] = [webhook.data for webhook in webhooks if webhook.type == Event.EFFECTIVE]
    assert isinstance(effective, models.CancellationData)
    assert (effective.subscription, effective.stage) == (subscription, models.Stage.CANCELED)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_webhooks_of_every_life_are_as_the_documents_say(
    temporal_env: Any, postgres_url: str, template_database: str, object_store_server: ObjectStoreSettings
) -> None:
    objects, endpoint = Objects(object_store_server), Endpoint()
    objects.ensure_bucket()
    with (
        migrated_database(postgres_url, template_database) as url,
        tenants_database(postgres_url) as tenants_url,
        Mailbox() as mailbox,
        endpoint.listening() as receiver,
    ):
        tenants = TenantDatabase(tenant_settings(tenants_url))
        world = World(temporal_env, url, mailbox, data=Data(tenants, objects))
        site = on_site(world)
        async with world.worker(webhooks=signed_twice(receiver)):
            await live(
                [
                    *(partial(life, world) for name, life in lives.LIVES.items() if name != NOT_REAL),
                    *(partial(life, world) for life in test_export_histories.LIVES.values()),
                    *(partial(life, site) for life in test_histories.LIVES.values()),
                ]
            )
        world.close()
    seen = {assert_documented(each) for each in endpoint.requests}
    assert undocumented(endpoint.requests) == set()
    assert set(Event) - seen <= RARE | OF_SYSTEMS, "nobody has looked at these"
