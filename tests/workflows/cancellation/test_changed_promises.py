"""Lines that change between the acknowledgement and the promise: who reads of it, and of what."""

from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from activities.messaging.webhook_settings import WebhookSettings
from domain.vocabulary import Channel, Event
from storage.tables import MessageRow
from tests.activities.messaging.endpoint import Endpoint
from tests.support.world import AGENT, World, eventually

SECRET = "whsec_YW4gZXhhbXBsZSBzZWNyZXQsIG5vdCBmb3IgdXNlISE="


async def test_the_customer_reads_what_changed_on_their_own_lines_and_systems_hear_of_all(idle_world: World) -> None:
    world, endpoint = idle_world, Endpoint()
    subscription = world.subscription(lines=[{}, {"partner": "vendor"}])
    with endpoint.listening() as url:
        webhooks = WebhookSettings(webhook_url=url, webhook_secret=SECRET)
        async with world.worker(webhooks=webhooks):
            await world.start(subscription, complete=False)
            with world.engine.begin() as connection:
                connection.execute(text("UPDATE subscription_lines SET notice_period = '1M'"))
            await world.service.attest(subscription, actor=AGENT, reason="known by voice")
            await world.service.answer(subscription, world.answers(subscription), actor=AGENT)

            async def told() -> bool:
                return any("scheduled" in subject for subject in world.mailbox.subjects_of(subscription))

            await eventually(told)

    customer, vendor = f"{subscription}-1", f"{subscription}-2"
    [promise] = [mail for mail in world.mailbox.of(subscription) if "scheduled" in str(mail["Subject"])]
    assert f"Billing of line {customer} ends on" in _flowing(world.mailbox.text_of(promise))
    assert "What changed since our last message" in world.mailbox.text_of(promise)
    assert all(vendor not in mail.as_string() for mail in world.mailbox.of(subscription))
    heard = _facts(world, Channel.WEBHOOK)["changes"]
    assert [change["values"]["line"] for change in heard] == [customer, vendor]


def _facts(world: World, channel: Channel) -> dict[str, Any]:
    with Session(world.engine) as session:
        message = session.scalars(
            select(MessageRow).where(MessageRow.event == Event.SCHEDULED, MessageRow.channel == channel)
        ).one()
        return message.content


def _flowing(text: str) -> str:
    return " ".join(text.split())
