"""Cases that the released version 0.2.0 has brought to each of its stages, and what ends them under this version."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
from psycopg import sql

import contract
from domain.marketing import ConsentDecision, MarketingStage
from domain.migration import MigrationStage
from domain.vocabulary import Stage
from tests.support.migrations import CONTACT, Migrations, on_site
from tests.support.upgrades import CALLED, reached, start
from tests.support.world import ADMINISTRATOR, AGENT, MARKETING_OWNER, SECOND_PERSON, World, eventually

READER_OF_BEFORE = sql.Identifier("offramp_tenant_reader")

Bring = Callable[[World], Awaitable[str]]
"""Brings a case to a stage under the released version; returns its subscription."""
End = Callable[[World, str], Awaitable[None]]
"""Takes a case to its end under this version."""


async def cancellation(world: World, stage: Stage, subscription: str, **fields: Any) -> str:
    """Start a cancellation, and wait until it is in a stage."""
    await start(world, subscription, **fields)
    await reached(world, contract.cancellation_workflow_id(subscription), stage)
    return subscription


async def in_intake(world: World) -> str:
    return await cancellation(world, Stage.INTAKE, world.subscription(), answers={}, attestation=None)


async def with_a_code(world: World) -> str:
    subscription = await in_intake(world)
    await world.handle(subscription).execute_update(contract.UPDATE_SEND_CODE, {"actor": AGENT})
    return subscription


async def awaiting_approval(world: World) -> str:
    goodwill = contract.Goodwill(reason="ill for weeks")
    return await cancellation(world, Stage.PREPARING, world.subscription(), goodwill=goodwill)


async def awaiting_consent(world: World) -> str:
    subscription = world.subscription(campaigns=["A"])
    return await cancellation(
        world, Stage.PREPARING, subscription, answers=later(world, subscription, campaigns="stop")
    )


async def awaiting_the_ad_centre(world: World) -> str:
    subscription = world.subscription(campaigns=["A"], marketing_owner=ADMINISTRATOR)
    return await cancellation(
        world, Stage.SCHEDULED, subscription, answers=later(world, subscription, campaigns="stop")
    )


async def awaiting_a_credit_memo(world: World) -> str:
    subscription = world.subscription()
    today = world.today(subscription)
    world.invoice(subscription, f"{subscription}-INV", today.replace(day=1), today + timedelta(days=400))
    return await cancellation(world, Stage.PREPARING, subscription)


async def exported(world: World) -> str:
    subscription = on_site(world).organization(prepared=False)
    with reader_of_before(world, subscription):
        return await cancellation(
            world, Stage.SCHEDULED, subscription, answers=later(world, subscription, data="export")
        )


async def scheduled(world: World) -> str:
    subscription = world.subscription()
    return await cancellation(world, Stage.SCHEDULED, subscription, answers=later(world, subscription))


async def canceled(world: World) -> str:
    return await cancellation(world, Stage.CANCELED, world.subscription())


async def migration_requested(world: World) -> str:
    subscription = on_site(world).organization(prepared=False)
    today = world.today(subscription)
    answers = world.answers(subscription, data="migrate", terminate_on=today)
    await cancellation(world, Stage.PREPARING, subscription, answers=answers)
    await reached(world, contract.migration_workflow_id(subscription), MigrationStage.REQUESTED)
    return subscription


async def migration_accepted(world: World) -> str:
    subscription = await migration_requested(world)
    workflow_id = contract.migration_workflow_id(subscription)
    migration = world.environment.client.get_workflow_handle(workflow_id)
    at = await world.environment.get_current_time(migration) + timedelta(hours=1)
    accept = {"actor": AGENT, "cancellation": f"{subscription}/1", "contact": CONTACT, "transfer_at": at.isoformat()}
    with world.environment.with_time_skipping_disabled():
        await migration.execute_update("accept", accept)
    return subscription


async def marketing_unverified(world: World) -> str:
    subscription = world.subscription(campaigns=["A"])
    await marketing(world, subscription, MarketingStage.INTAKE)
    return subscription


async def marketing_stopping(world: World) -> str:
    subscription = world.subscription(campaigns=["A"])
    await marketing(world, subscription, MarketingStage.STOPPING, attestation=CALLED)
    return subscription


async def marketing(world: World, subscription: str, stage: MarketingStage, **fields: Any) -> None:
    organization = world.organization(subscription)
    message = contract.StartMarketingCancellation(
        organization=organization, administrator=MARKETING_OWNER, actor=AGENT, **fields
    )
    workflow_id = contract.marketing_workflow_id(organization)
    with world.environment.with_time_skipping_disabled():
        await world.environment.client.start_workflow(
            contract.MARKETING_SERVICE_CANCELLATION,
            message.model_dump(mode="json", exclude_defaults=True),
            id=workflow_id,
            task_queue=contract.TASK_QUEUE,
        )
    await reached(world, workflow_id, stage)


def later(world: World, subscription: str, **answers: Any) -> dict[str, str]:
    return world.answers(subscription, terminate_on=world.today(subscription) + timedelta(days=10), **answers)


class reader_of_before:  # noqa: N801 - used as a context
    """The rights of the one reader of all schemas, which the released version has; revoked again, as the upgrade says."""

    def __init__(self, world: World, subscription: str) -> None:
        administrator = world.the_data.tenants.administrator
        assert administrator is not None
        self._url = administrator.set(drivername="postgresql").render_as_string(hide_password=False)
        self._schema = sql.Identifier(on_site(world).schema(subscription))

    def __enter__(self) -> None:
        self._run("GRANT USAGE ON SCHEMA {} TO {}", "GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}")

    def __exit__(self, *_: object) -> None:
        self._run("REVOKE SELECT ON ALL TABLES IN SCHEMA {} FROM {}", "REVOKE USAGE ON SCHEMA {} FROM {}")

    def _run(self, *statements: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'offramp_tenant_reader'").fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE ROLE {}").format(READER_OF_BEFORE))
            for statement in statements:
                connection.execute(sql.SQL(statement).format(self._schema, READER_OF_BEFORE))


async def is_closed(world: World, subscription: str) -> None:
    """Let the window pass."""
    await reached(world, contract.cancellation_workflow_id(subscription), Stage.CANCELED)
    await world.pass_time(subscription, timedelta(days=32))
    ended = contract.CancellationStatus.model_validate(await world.handle(subscription).result())
    assert ended.stage is Stage.CLOSED
    assert world.access(subscription) == "off"


async def answered(world: World, subscription: str) -> None:
    await world.service.answer(subscription, world.answers(subscription), actor=AGENT)
    await world.service.attest(subscription, actor=AGENT, reason="called back")
    await world.pass_time(subscription, timedelta(days=1))
    await is_closed(world, subscription)


async def approved(world: World, subscription: str) -> None:
    await world.service.approve(subscription, actor=SECOND_PERSON, reason="a good customer")
    await world.pass_time(subscription, timedelta(days=1))  # access works through its last day now
    await is_closed(world, subscription)


async def agreed(world: World, subscription: str) -> None:
    await world.service.consent(subscription, ConsentDecision.AGREED, actor=AGENT, because="called back")
    await reached(world, contract.cancellation_workflow_id(subscription), Stage.SCHEDULED)
    await acknowledged(world, subscription)


async def acknowledged(world: World, subscription: str) -> None:
    await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")
    await day_passed(world, subscription)


async def credited(world: World, subscription: str) -> None:
    await world.service.post_credit_memo(f"{subscription}-INV", number=f"{subscription}-CM", actor="billing")
    await world.pass_time(subscription, timedelta(days=1))
    await is_closed(world, subscription)


async def downloaded(world: World, subscription: str) -> None:
    on_site(world).prepare(subscription)  # docs/upgrades.md, the organizations' logins
    await world.pass_time(subscription, timedelta(days=11))
    await reached(world, contract.cancellation_workflow_id(subscription), Stage.CANCELED)
    await world.pass_time(subscription, timedelta(days=32))
    await world.offramp.exports.acknowledge(subscription, actor=AGENT)
    ended = contract.CancellationStatus.model_validate(await world.handle(subscription).result())
    assert ended.erased_at is not None
    assert world.the_data.keys(f"{subscription}/1") == []


async def day_passed(world: World, subscription: str) -> None:
    await world.pass_time(subscription, timedelta(days=11))
    await is_closed(world, subscription)


async def had_back(world: World, subscription: str) -> None:
    await world.service.reverse(subscription, world.identity(subscription), actor=AGENT)
    ended = contract.CancellationStatus.model_validate(await world.handle(subscription).result())
    assert ended.stage is Stage.REVERSED
    assert world.access(subscription) == "on"


async def migrated(world: World, subscription: str, *, accepted: bool) -> None:
    migrations: Migrations = on_site(world)
    migrations.prepare(subscription)
    if not accepted:
        await migrations.accepted(subscription)
    await migrations.pass_time(subscription, timedelta(hours=1, minutes=1))
    await migrations.reached(subscription, MigrationStage.AVAILABLE)
    await migrations.acknowledged(subscription)
    await migrations.reported(subscription)

    async def goes_on() -> bool:
        if world.case(subscription).stage in (Stage.SCHEDULED, Stage.CANCELED):
            return True
        await world.pass_time(subscription, timedelta(minutes=1))
        return False

    await eventually(goes_on)
    await world.pass_time(subscription, timedelta(days=1))
    await is_closed(world, subscription)


async def verified(world: World, subscription: str) -> None:
    await world.marketing.attest(world.organization(subscription), actor=AGENT, reason="called back on it")
    workflow_id = contract.marketing_workflow_id(world.organization(subscription))
    await reached(world, workflow_id, MarketingStage.STOPPING)
    await stopped(world, subscription)


async def stopped(world: World, subscription: str) -> None:
    await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")
    workflow_id = contract.marketing_workflow_id(world.organization(subscription))
    result = await world.environment.client.get_workflow_handle(workflow_id).result()
    assert contract.MarketingCancellationStatus.model_validate(result).stage is MarketingStage.CANCELED


CASES: list[tuple[Bring, End]] = [
    (in_intake, answered),
    (with_a_code, answered),
    (awaiting_approval, approved),
    (awaiting_consent, agreed),
    (awaiting_the_ad_centre, acknowledged),
    (awaiting_a_credit_memo, credited),
    (exported, downloaded),
    (scheduled, day_passed),
    (canceled, is_closed),
    (canceled, had_back),
    (migration_requested, partial(migrated, accepted=False)),
    (migration_accepted, partial(migrated, accepted=True)),
    (marketing_unverified, verified),
    (marketing_stopping, stopped),
]
