"""What is owed to a webhook endpoint without a workflow that sends it: one is started, whatever has become of the case."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import update
from sqlalchemy.orm import Session

from contract.messaging import webhook_endpoint_workflow_id
from storage.tables import WebhookEndpointRow
from tests.activities.messaging.endpoint import Endpoint
from tests.support.reconciliation import about, reconcile, terminate
from tests.support.webhook_endpoints import add_endpoint, remove_endpoint
from tests.support.world import AGENT, World, eventually


async def test_what_is_owed_to_an_endpoint_of_ended_cases_is_sent(site: World) -> None:
    name, shop = f"shop-{uuid4().hex[:8]}", Endpoint()
    workflow_id = webhook_endpoint_workflow_id(name)
    with shop.listening() as url:
        add_endpoint(site, name, url)
        # Out of reach for now, without a request that is under way when its workflow is terminated.
        now = datetime.now(UTC)
        change(site, name, failing_since=now, last_failure="down", failures=5, next_attempt_at=now + timedelta(hours=1))
        with site.environment.with_time_skipping_disabled():
            subscription = site.subscription()
            await site.start(subscription, complete=False)
            await site.service.withdraw(subscription, actor=AGENT, reason="they stay")
            await site.handle(subscription).result()
            await terminate(site, workflow_id)
            assert about(await reconcile(site, dry_run=True), workflow_id) == [("workflow_missing", "to_be_mended")]
            assert shop.requests == []
            change(site, name, next_attempt_at=None)
            assert about(await reconcile(site), workflow_id) == [("workflow_missing", "mended")]

            async def has_all() -> bool:
                # It hears of whatever other cases of the site still do, too.
                ids = {request.headers["webhook-id"] for request in shop.requests}
                return len({each for each in ids if each.startswith(f"{subscription}/")}) == 2

            await eventually(has_all, within=60)
            await site.environment.client.get_workflow_handle(workflow_id).result()
            assert about(await reconcile(site), workflow_id) == []
        remove_endpoint(site, name)


def change(site: World, endpoint: str, **values: Any) -> None:
    with Session(site.engine) as session, session.begin():
        session.execute(update(WebhookEndpointRow).where(WebhookEndpointRow.name == endpoint).values(values))
