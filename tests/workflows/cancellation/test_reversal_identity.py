"""The identity in a reversal: that of the cancellation, or as an import has put it on record since; nothing else."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.cancellation.identity import Identity
from domain.vocabulary import Stage
from tests.support.world import ADMINISTRATOR, AGENT, World, eventually, refused
from workflows.common.refused_requests import AUDITED_OF_A_CALLER

SUCCESSOR = "bea@contoso.example"
THEN, NOW = "as in the cancellation", "as on record now"


async def canceled(world: World, **change: str) -> tuple[str, Identity]:
    """A subscription in its reversal window, whose organization was changed since; and the identity of the cancellation."""
    subscription = world.subscription()
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(minutes=1))
    assert await world.stage(subscription) is Stage.CANCELED
    world.change_organization(subscription, **change)
    return subscription, world.identity(subscription)


def matched(world: World, subscription: str) -> dict[str, Any]:
    """What the audit trail says that the identity of the reversal matched."""
    audited = world.audit(subscription, "cancellation.reversed").after
    assert audited is not None
    return {name: value for name, value in audited.items() if name != "stage"}


async def test_the_address_of_the_cancellation_reverses_although_another_is_on_record_now(world: World) -> None:
    subscription, then = await canceled(world, billing_administrator=SUCCESSOR)
    assert then.billing_administrator == ADMINISTRATOR

    assert (await world.service.reverse(subscription, then, actor=AGENT)).stage is Stage.REVERSED

    assert matched(world, subscription) == {
        "billing_administrator": THEN,
        "organization_url": THEN,
        "organization_name": THEN,
    }


async def test_the_address_on_record_now_reverses_and_the_audit_trail_says_so(world: World) -> None:
    subscription, then = await canceled(world, billing_administrator=SUCCESSOR)
    successor = then.model_copy(update={"billing_administrator": SUCCESSOR})

    assert (await world.service.reverse(subscription, successor, actor=AGENT)).stage is Stage.REVERSED

    assert matched(world, subscription) == {
        "billing_administrator": NOW,
        "organization_url": THEN,
        "organization_name": THEN,
    }
    assert world.refusals(subscription) == []


@pytest.mark.parametrize(
    ("column", "point", "value"),
    [
        ("url", "organization_url", "https://{key}-moved.example"),
        ("unique_name", "organization_name", "northwind-{key}"),
    ],
)
async def test_url_and_name_count_then_and_now_alike(world: World, column: str, point: str, value: str) -> None:
    key = world.subscription().removeprefix("SUB-")
    moved = value.format(key=key)
    subscription, then = await canceled(world, **{column: moved})

    status = await world.service.reverse(subscription, then.model_copy(update={point: moved}), actor=AGENT)

    assert status.stage is Stage.REVERSED
    assert matched(world, subscription)[point] == NOW


async def test_a_signal_with_the_address_on_record_now_reverses(world: World) -> None:
    subscription, then = await canceled(world, billing_administrator=SUCCESSOR)
    successor = then.model_copy(update={"billing_administrator": SUCCESSOR})
    await world.handle(subscription).signal("request_reversal", {"actor": AGENT, "identity": successor.model_dump()})
    await eventually(lambda: _is(world, subscription, Stage.REVERSED))
    assert matched(world, subscription)["billing_administrator"] == NOW


async def test_what_was_never_on_record_is_refused_and_audited_and_names_those_points_alone(world: World) -> None:
    subscription, then = await canceled(world, billing_administrator=SUCCESSOR)
    other = then.model_copy(update={"billing_administrator": SUCCESSOR, "organization_name": "fabrikam"})

    refusal = await refused(world.service.reverse(subscription, other, actor=AGENT))

    assert (refusal.code, refusal.values["questions"]) == ("identity_mismatch", "organization_name")
    assert not any(secret in str(refusal) for secret in (SUCCESSOR, ADMINISTRATOR, then.organization_name))
    assert world.refusals(subscription) == [("request_reversal.refused", "identity_mismatch")]
    assert await world.stage(subscription) is Stage.CANCELED


async def test_an_address_between_the_two_is_none_of_them(world: World) -> None:
    subscription, then = await canceled(world, billing_administrator="cleo@contoso.example")
    world.change_organization(subscription, billing_administrator=SUCCESSOR)
    between = then.model_copy(update={"billing_administrator": "cleo@contoso.example"})
    assert (await refused(world.service.reverse(subscription, between, actor=AGENT))).code == "identity_mismatch"


async def test_beyond_the_limit_of_audited_refusals_the_new_address_still_reverses(world: World) -> None:
    subscription, then = await canceled(world, billing_administrator=SUCCESSOR)
    wrong = then.model_copy(update={"billing_administrator": "eve@evil.example"})
    for _ in range(AUDITED_OF_A_CALLER + 2):
        assert (await refused(world.service.reverse(subscription, wrong, actor=AGENT))).code == "identity_mismatch"

    successor = then.model_copy(update={"billing_administrator": SUCCESSOR})
    assert (await world.service.reverse(subscription, successor, actor=AGENT)).stage is Stage.REVERSED


async def test_two_reversals_with_the_new_address_reverse_once(world: World) -> None:
    subscription, then = await canceled(world, billing_administrator=SUCCESSOR)
    successor = then.model_copy(update={"billing_administrator": SUCCESSOR})
    reversals = (world.service.reverse(subscription, successor, actor=AGENT) for _ in range(2))
    outcomes = await asyncio.gather(*reversals, return_exceptions=True)
    assert sum(isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert world.refusals(subscription) == [("request_reversal.refused", "cancellation_ended")]


async def _is(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage
