"""A migration and its cancellation in the Web UI, without the identity of anybody who takes part."""

from datetime import timedelta

from domain.migration import MigrationStage
from tests.support.migrations import CONTACT, ESCALATION_MAIL, QUEUE_MAIL, Migrations
from tests.support.world import AGENT, eventually, refused
from tests.workflows.cancellation.test_web_ui import details, details_of, summaries, summaries_of


async def test_parent_and_child_say_at_every_stage_what_is_waited_for_and_until_when(migrations: Migrations) -> None:
    subscription = migrations.organization(rows=1234)
    handle = migrations.handle(subscription)

    async def cancellation_says(what: str) -> None:
        async def says() -> bool:
            return what in await details(migrations.world, subscription)

        await eventually(says)

    await migrations.requested(subscription)
    shown = await details_of(handle)
    assert f"### On-premises migration of `{subscription}/1`" in shown
    assert "| Stage | **requested** |" in shown
    assert "| Waits for | technical support: acceptance of the migration" in shown
    assert "| Given up | " in shown
    assert "| Queue | `technical_support` (microsoft_online_services) |" in shown
    await cancellation_says(f"| Migration | `migration:{subscription}`: requested |")
    await cancellation_says("| Waits for | technical support: acceptance of the migration")

    await migrations.accepted(subscription)
    shown = await details_of(handle)
    assert "| Stage | **scheduled** |" in shown
    assert "| Begins | " in shown
    assert "| Given up | " not in shown
    await cancellation_says(": scheduled |")

    await migrations.pass_time(subscription, timedelta(hours=1, minutes=1))
    await migrations.reached(subscription, MigrationStage.AVAILABLE)
    shown = await details_of(handle)
    assert "| Transferred | 1234 rows of 1 tables, " in shown
    assert f"| SHA-256 | `{(await migrations.status(subscription)).sha256}` |" in shown
    await cancellation_says("| Waits for | the IT department: download of the data, and its acknowledgement |")

    await migrations.acknowledged(subscription)
    await cancellation_says("| Waits for | technical support: the report that the migration is complete |")
    await migrations.reported(subscription)
    assert "| Stage | **completed** |" in await details_of(handle)

    said = await summaries_of(handle)
    assert {
        "request the migration",
        "keep the acceptance",
        "begin the transfer",
        "transfer 1 of the data",
        "keep the acknowledgement",
        "complete the migration",
    } <= set(said)
    for timer in ("reminder of the acceptance: ", "the data is transferred: ", "reminder of the download: "):
        assert any(summary.startswith(timer) for summary in said), timer
    organization = migrations.world.organization(subscription)
    started = f"Migrate the data of {organization} on premises, for {subscription}/1"
    assert started in said
    assert started in await summaries(migrations.world, subscription)


async def test_nothing_that_operators_see_tells_who_takes_part(migrations: Migrations) -> None:
    """An address where none belongs is refused by a sentence that quotes it; operators see the code alone."""
    subscription = migrations.organization()
    world = migrations.world
    await migrations.requested(subscription)
    about = migrations.about(subscription)
    await refused(migrations.update(subscription, "accept", {**about, "contact": CONTACT, "transfer_at": CONTACT}))
    await migrations.available(subscription)
    at = (await migrations.now(subscription) + timedelta(days=1)).isoformat()
    await refused(migrations.update(subscription, "accept", {**about, "contact": CONTACT, "transfer_at": at}))
    another = {"contact": "right@contoso.example", "reason": f"{CONTACT} has moved to Gotham"}
    await migrations.update(subscription, "correct", {**about, **another})
    await migrations.pass_time(subscription, timedelta(days=6))  # a reminder, and an escalation
    await world.service.withdraw(subscription, actor=AGENT, reason="Gotham is no place for data")

    handle = migrations.handle(subscription)
    seen = [
        await details_of(handle),
        await details(world, subscription),
        *await summaries_of(handle),
        *await summaries(world, subscription),
    ]
    for workflow in (handle, world.handle(subscription)):
        description = await workflow.describe()
        seen += [str(pair) for pair in description.typed_search_attributes]

    assert "`migration_step_not_awaited`, see the audit trail" in seen[0]
    assert "| Because | its cancellation does not continue |" in seen[0]
    assert any(summary.startswith("escalation of the download: ") for summary in seen)
    identity = world.identity(subscription)
    private = (
        *(CONTACT, "right@contoso", QUEUE_MAIL, ESCALATION_MAIL, "Gotham", migrations.schema(subscription)),
        *(identity.billing_administrator, identity.organization_url, identity.organization_name),
    )
    assert not [(word, text) for text in seen for word in private if word in text]
