"""Corrections: of the address, the time and the transferred data; and every request that is refused."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import sql

from domain.limits import Limited, LimitReached, LimitScope
from domain.migration import MigrationStage
from records.limit_settings import Limit
from tests.support.migrations import CONTACT, QUEUE_MAIL, Migrations
from tests.support.world import eventually, refused

RIGHT = "right@contoso.example"


async def test_a_wrong_address_is_replaced_and_the_right_one_is_told_what_is_true(migrations: Migrations) -> None:
    subscription = migrations.organization()
    await migrations.requested(subscription)
    await migrations.available(subscription)
    before = await migrations.status(subscription)
    await migrations.pass_time(subscription, timedelta(days=3))

    corrected = await migrations.corrected(subscription, contact=RIGHT)

    assert corrected.stage is MigrationStage.AVAILABLE
    assert corrected.stage_deadline is not None
    assert before.stage_deadline is not None
    assert corrected.stage_deadline - before.stage_deadline >= timedelta(days=3)
    await eventually(lambda: _told(migrations, subscription, RIGHT, "Your data is ready"))
    row = migrations.world.audit(subscription, "migration.corrected")
    assert (row.after or {})["contact"] == "replaced"
    assert "@" not in str(row.after), "the audit trail names no address"


async def test_another_time_before_the_transfer_replaces_the_first(migrations: Migrations) -> None:
    subscription = migrations.organization()
    await migrations.requested(subscription)
    await migrations.accepted(subscription, after=timedelta(hours=1))

    later = await migrations.now(subscription) + timedelta(hours=5)
    await migrations.corrected(subscription, transfer_at=later)
    await migrations.pass_time(subscription, timedelta(hours=2))
    assert (await migrations.status(subscription)).stage is MigrationStage.SCHEDULED
    await migrations.pass_time(subscription, timedelta(hours=3, minutes=1))
    await migrations.reached(subscription, MigrationStage.AVAILABLE)


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_the_data_is_transferred_again_as_it_is_then_and_what_was_there_is_removed(
    migrations: Migrations, acknowledged: bool
) -> None:
    subscription = migrations.organization(rows=10)
    await migrations.requested(subscription)
    await migrations.available(subscription)
    if acknowledged:
        await migrations.acknowledged(subscription)
    with migrations.owner() as owner:
        table = sql.Identifier(migrations.schema(subscription), "accounts")
        owner.execute(sql.SQL("INSERT INTO {} VALUES (11, 'new')").format(table))

    await migrations.corrected(subscription, transfer_again=True)
    await migrations.transferred(subscription, 2)

    assert migrations.keys(subscription) == ["2/data.dump", "2/manifest.json"]
    status = await migrations.status(subscription)
    assert (status.stage, status.transfer, status.rows) == (MigrationStage.AVAILABLE, 2, 11)
    await eventually(lambda: _count(migrations, subscription, CONTACT, "Your data is ready", 2))
    stale = await refused(migrations.acknowledged(subscription, transfer=1))
    assert stale.code == "migration_of_another_case"
    assert (await migrations.acknowledged(subscription, transfer=2)).stage is MigrationStage.DOWNLOADED


async def test_a_transfer_that_is_held_up_begins_at_once_when_it_is_asked_for_again(migrations: Migrations) -> None:
    subscription = migrations.organization(prepared=False)
    await migrations.requested(subscription)
    await migrations.accepted(subscription)
    await migrations.pass_time(subscription, timedelta(hours=1, minutes=1))
    await migrations.held_up(subscription, "tenant_login_refused")

    migrations.prepare(subscription)
    await migrations.corrected(subscription, transfer_again=True)

    await migrations.reached(subscription, MigrationStage.AVAILABLE)
    assert (await migrations.status(subscription)).transfer == 2


async def test_a_fresh_link_is_mailed_to_the_contact_alone(migrations: Migrations) -> None:
    subscription = migrations.organization()
    await migrations.requested(subscription)
    await migrations.available(subscription)

    await migrations.link_sent(subscription)

    await eventually(lambda: _count(migrations, subscription, CONTACT, "Your data is ready", 2))
    assert not any("ready" in subject for subject in migrations.mails(subscription, QUEUE_MAIL))


async def test_requests_at_the_wrong_stage_or_about_another_case_are_refused_by_name_and_audited(
    migrations: Migrations,
) -> None:
    subscription = migrations.organization()
    await migrations.requested(subscription)
    now = await migrations.now(subscription)
    about: dict[str, Any] = {**migrations.about(subscription), "contact": CONTACT}

    async def accepting(**fields: Any) -> str:
        return (await refused(migrations.update(subscription, "accept", {**about, **fields}))).code

    assert [
        await accepting(transfer_at=(now - timedelta(minutes=1)).isoformat()),
        await accepting(transfer_at=(now + timedelta(days=181)).isoformat()),
        await accepting(transfer_at="2027-03-28T02:30:00"),
        await accepting(transfer_at=now.isoformat(), cancellation="SUB-OTHER/1"),
        await accepting(transfer_at=now.isoformat(), contact="no address"),
        (await refused(migrations.acknowledged(subscription))).code,
        (await refused(migrations.reported(subscription))).code,
        (await refused(migrations.corrected(subscription, contact=RIGHT))).code,
        (await refused(migrations.link_sent(subscription))).code,
    ] == [
        "transfer_time_in_past",
        "transfer_time_too_far",
        "local_time_unclear",
        "migration_of_another_case",
        "input_malformed",
        *["migration_step_not_awaited"] * 4,
    ]
    assert len(migrations.world.refusals(subscription)) == 8  # a malformed one is not accepted, and leaves nothing
    assert (await migrations.status(subscription)).stage is MigrationStage.REQUESTED

    await migrations.accepted(subscription)
    assert (await refused(migrations.accepted(subscription))).code == "migration_step_not_awaited"
    assert (await refused(migrations.corrected(subscription, transfer_again=True))).code == "migration_step_not_awaited"


async def test_a_civil_time_is_one_of_the_organizations_zone(migrations: Migrations) -> None:
    subscription = migrations.organization(zone="Asia/Tokyo")
    await migrations.requested(subscription)
    tomorrow = (await migrations.now(subscription) + timedelta(days=2)).date()

    message = {**migrations.about(subscription), "contact": CONTACT, "transfer_at": f"{tomorrow}T18:00"}
    accepted = await migrations.update(subscription, "accept", message)

    assert accepted.transfer_at == datetime.fromisoformat(f"{tomorrow}T18:00:00+09:00")


async def _told(migrations: Migrations, subscription: str, to: str, what: str) -> bool:
    return any(subject.startswith(what) for subject in migrations.mails(subscription, to))


async def _count(migrations: Migrations, subscription: str, to: str, what: str, number: int) -> bool:
    return sum(subject.startswith(what) for subject in migrations.mails(subscription, to)) == number


async def test_a_flood_of_links_or_corrections_ends_the_mails_and_never_the_correction(migrations: Migrations) -> None:
    """Whoever holds the link can ask for fresh ones: that must not keep the address from being corrected."""
    world, subscription = migrations.world, migrations.organization()
    await migrations.requested(subscription)
    await migrations.available(subscription)
    limits = [
        Limit(limited=limited, scope=LimitScope.ORGANIZATION, number=2)
        for limited in (Limited.LINKS, Limited.CORRECTIONS)
    ]
    for limit in limits:
        await world.offramp.limits.set(limit, actor="admin-1", reason="a flood")
    try:
        for _ in range(2):
            await migrations.link_sent(subscription)
        assert (await refused(migrations.link_sent(subscription))).code == LimitReached.code
        before = migrations.row(subscription)
        for number in range(3):
            await migrations.corrected(subscription, contact=f"person-{number}@contoso.example")
        await migrations.corrected(subscription, contact=RIGHT)
        row = migrations.row(subscription)
        assert row is not None
        assert before is not None
        assert row.contact == RIGHT
        assert row.links == before.links + 4, "each ends the links before it"

        scope, organization = LimitScope.ORGANIZATION, world.organization(subscription)
        await world.offramp.limits.release(scope, organization, actor="supervisor-9", reason="called back")
        await migrations.link_sent(subscription)
        await eventually(lambda: _told(migrations, subscription, RIGHT, "Your data is ready"))
        assert len(migrations.mails(subscription, RIGHT)) == 1
        assert migrations.mails(subscription, "person-2@contoso.example") == []
    finally:
        for limit in limits:
            lifted = limit.model_copy(update={"number": None})
            await world.offramp.limits.set(lifted, actor="admin-1", reason="it is over")
