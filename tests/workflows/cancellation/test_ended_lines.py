"""Lines that had ended before their subscription is cancelled: nothing is said or changed about them."""

from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.messaging.webhook_settings import WebhookSettings
from domain.vocabulary import Stage
from storage.tables import MessageRow, SubscriptionRow
from tests.activities.messaging.endpoint import Endpoint
from tests.support.world import World

SECRET = "whsec_YW4gZXhhbXBsZSBzZWNyZXQsIG5vdCBmb3IgdXNlISE="
ENDED = {"start_date": date(2025, 2, 1), "end_date": date(2026, 1, 31), "closed": True}


def events_of(world: World, subscription: str) -> set[str]:
    """The events that people or systems hear of."""
    with Session(world.engine) as session:
        return set(session.scalars(select(MessageRow.event).where(MessageRow.id.startswith(f"{subscription}/"))))


async def test_nothing_is_told_of_the_lines_that_end_where_none_does(idle_world: World) -> None:
    world, endpoint = idle_world, Endpoint()
    ended, billed = world.subscription(lines=[ENDED]), world.subscription(lines=[ENDED, {}])

    with endpoint.listening() as url:
        async with world.worker(webhooks=WebhookSettings(webhook_url=url, webhook_secret=SECRET)):
            for subscription in (ended, billed):
                await world.start(subscription)
                await world.pass_time(subscription, timedelta(minutes=1))
                assert await world.stage(subscription) is Stage.CANCELED

    assert {"cancellation.scheduled", "line.ended"} - events_of(world, ended) == {"line.ended"}
    assert {"cancellation.scheduled", "line.ended"} - events_of(world, billed) == set()


async def test_after_a_reversal_a_subscription_has_its_provision_end_date_while_all_its_lines_stay_closed(
    world: World,
) -> None:
    ended, billed = world.subscription(lines=[ENDED]), world.subscription(lines=[ENDED, {}])

    for subscription in (ended, billed):
        await world.start(subscription)
        await world.pass_time(subscription, timedelta(minutes=1))
        await world.request_reversal(subscription)

    with Session(world.engine) as session:
        assert session.get_one(SubscriptionRow, ended).provision_end_date == date(2026, 1, 31)
        assert session.get_one(SubscriptionRow, billed).provision_end_date is None
