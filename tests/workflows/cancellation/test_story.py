"""One cancellation from request to end, as its readers see it."""

from datetime import timedelta

from domain.vocabulary import Stage
from tests.support.world import World


async def test_a_cancellation_for_today_ends_access_opens_the_window_and_closes_after_it(world: World) -> None:
    subscription = world.subscription()

    await world.start(subscription)
    await world.pass_time(subscription, timedelta(minutes=1))
    assert await world.stage(subscription) is Stage.CANCELED
    assert world.access(subscription) == "off"

    await world.pass_time(subscription, timedelta(days=32))
    assert await world.stage(subscription) is Stage.CLOSED
    assert [subject.split(":")[0].split(" SUB-")[0] for subject in world.mailbox.subjects_of(subscription)] == [
        "Cancellation received",
        "Cancellation scheduled",
        "Access to Sales, 25 seats has ended",
        "Last days to reverse the cancellation of Sales, 25 seats",
        "Cancellation certificate",
    ]
    assert world.actions(subscription) == [
        "cancellation.opened",
        "checklist.answered",
        "billing_administrator.verified",
        "line.end_date_set",
        "cancellation.scheduled",
        "cancellation.canceled",
        "reminder.sent",
        "cancellation.closed",
    ]
