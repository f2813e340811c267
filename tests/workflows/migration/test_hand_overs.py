"""Every hand-over has a reminder to the one who must act, an escalation, and a time limit at which all is undone."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from domain.migration import MigrationStage
from domain.vocabulary import Stage
from tests.support.migration_stages import available, downloaded, requested
from tests.support.migrations import CONTACT, ESCALATION_MAIL, QUEUE_MAIL, Migrations
from tests.support.world import ADMINISTRATOR, eventually


async def transferring(migrations: Migrations) -> str:
    """The schema is not prepared yet, so that the transfer makes no progress."""
    policy = {"transfer_reminder": "PT1H", "transfer_escalation": "PT2H", "migration_limit": "PT5H"}
    subscription = migrations.organization(prepared=False, policy=policy)
    await migrations.requested(subscription)
    await migrations.accepted(subscription)
    await migrations.pass_time(subscription, timedelta(hours=1, minutes=1))
    await migrations.held_up(subscription, "tenant_login_refused")
    return subscription


HAND_OVERS: dict[str, tuple[Callable[[Migrations], Awaitable[str]], str, timedelta, timedelta, timedelta, str]] = {
    "acceptance": (
        requested,
        QUEUE_MAIL,
        timedelta(days=2),
        timedelta(days=5),
        timedelta(days=30),
        "nobody accepted the request",
    ),
    "transfer": (
        transferring,
        QUEUE_MAIL,
        timedelta(hours=1),
        timedelta(hours=2),
        timedelta(hours=5),
        "could not be transferred",
    ),
    "download": (
        available,
        CONTACT,
        timedelta(days=2),
        timedelta(days=5),
        timedelta(days=30),
        "did not acknowledge the download",
    ),
    "completion": (
        downloaded,
        QUEUE_MAIL,
        timedelta(days=2),
        timedelta(days=5),
        timedelta(days=30),
        "was not reported complete",
    ),
}


@pytest.mark.parametrize(
    "hand_over",
    # The transfer is tried again and again while its limit comes closer, and each try takes its time.
    [pytest.param(name, marks=pytest.mark.soak if name == "transfer" else ()) for name in HAND_OVERS],
)
async def test_a_hand_over_is_reminded_of_then_escalated_then_given_up_with_everything_undone(
    migrations: Migrations, hand_over: str
) -> None:
    reach, must_act, reminder, escalation, limit, reason = HAND_OVERS[hand_over]
    world, subscription = migrations.world, await reach(migrations)
    a_while = timedelta(minutes=10)

    await migrations.pass_time(subscription, reminder - a_while)
    assert "migration.reminded" not in migrations.actions(subscription)
    await migrations.pass_time(subscription, 2 * a_while)
    await eventually(lambda: _told(migrations, subscription, must_act, "Reminder"))

    await migrations.pass_time(subscription, escalation - reminder)
    await eventually(lambda: _told(migrations, subscription, ESCALATION_MAIL, "Escalation"))
    assert migrations.actions(subscription).count("migration.escalated") == 1

    await migrations.pass_time(subscription, limit - escalation)
    await migrations.reached(subscription, MigrationStage.ABANDONED)
    await eventually(lambda: _is(migrations, subscription, Stage.ABANDONED))

    assert migrations.keys(subscription) == []
    assert world.access(subscription) == "on"
    assert world.line(subscription).frozen_by is None
    assert reason in str(world.audit(subscription, "cancellation.abandoned").why)
    await eventually(
        lambda: _told(migrations, subscription, ADMINISTRATOR, "Cancellation request closed without effect")
    )
    [letter] = [mail for mail in world.mailbox.of(subscription) if "closed without effect" in str(mail["Subject"])]
    assert letter["To"] == ADMINISTRATOR
    assert reason in " ".join(world.mailbox.text_of(letter).split())


async def test_a_queue_without_an_address_is_told_by_webhook_alone_and_its_platform_decides_which_it_is(
    migrations: Migrations,
) -> None:
    subscription = migrations.organization(platform="commerce_transaction")
    await migrations.requested(subscription)

    assert (await migrations.status(subscription)).queue == "billing_support"
    await migrations.pass_time(subscription, timedelta(days=3))
    await eventually(lambda: _recorded(migrations, subscription, "migration.reminded"))
    assert {str(mail["To"]) for mail in migrations.world.mailbox.of(subscription)} == {ADMINISTRATOR}


async def test_the_durations_and_the_queue_for_escalations_are_those_of_the_policy(migrations: Migrations) -> None:
    migrations.queues(night_shift="night@offramp.example")
    policy = {
        "migration_reminder": "PT1H",
        "migration_escalation": "PT2H",
        "migration_limit": "PT3H",
        "migration_escalation_queue": "night_shift",
    }
    subscription = migrations.organization(policy=policy)
    await migrations.requested(subscription)

    await migrations.pass_time(subscription, timedelta(hours=2, minutes=1))
    await eventually(lambda: _told(migrations, subscription, "night@offramp.example", "Escalation"))
    await migrations.pass_time(subscription, timedelta(hours=1))
    await migrations.reached(subscription, MigrationStage.ABANDONED)


async def _told(migrations: Migrations, subscription: str, to: str, what: str) -> bool:
    return any(subject.startswith(what) for subject in migrations.mails(subscription, to))


async def _recorded(migrations: Migrations, subscription: str, action: str) -> bool:
    return action in migrations.actions(subscription)


async def _is(migrations: Migrations, subscription: str, stage: Stage) -> bool:
    return await migrations.world.stage(subscription) is stage
