"""Steps of an export that are in the database and in no history: the case ends as ever, whatever comes next."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.testing import ActivityEnvironment

import contract
from activities.export.activities import Exporter
from contract import ExportStatus
from contract.steps import Step
from domain.vocabulary import Stage
from tests.support.lost_requests import MAIL
from tests.support.lost_steps import Lost, Request, a_step, in_stage, reverse, withdraw
from tests.support.migrations import on_site
from tests.support.outcomes import all_hold, answered
from tests.support.world import AGENT, World, eventually


def exporter_of(world: World) -> Exporter:
    return Exporter(world.engine, MAIL, world.the_data.tenants, world.the_data.objects)


def lost(name: str, activity: Callable[[Exporter, Step], object]) -> Lost:
    def take(world: World, subscription: str) -> None:
        activity(exporter_of(world), a_step(world, subscription, f"{name}:lost"))

    take.__name__ = name
    return take


LOST = [
    lost("acknowledge_export", Exporter.acknowledge_export),
    lost("renew_export_link", Exporter.renew_export_link),
    lost("export-reminder", Exporter.remind_of_export),
]


async def acknowledge(world: World, subscription: str) -> Any:
    return await world.offramp.exports.acknowledge(subscription, actor=AGENT)


async def renew_link(world: World, subscription: str) -> Any:
    return await world.offramp.exports.renew_link(subscription, actor=AGENT)


REQUESTS: list[Request] = [acknowledge, renew_link, withdraw, reverse]


@pytest.mark.soak
async def test_a_request_after_a_lost_step_of_an_export_meets_a_case_that_ends_as_ever(data_world: World) -> None:
    await all_hold(request_after(data_world, step, request) for step, request in product(LOST, REQUESTS))


async def request_after(world: World, step: Lost, request: Request) -> None:
    """A case with an export and a step that its workflow does not know, one request, and its end."""
    subscription = world.subscription(data_rows=3)
    await world.start(subscription, answers=world.answers(subscription, data="export"))
    await in_stage(world, subscription, Stage.CANCELED)
    step(world, subscription)

    await answered(request(world, subscription), contract.CancellationStatus)
    if request is not reverse:
        await acknowledge(world, subscription)
        await world.pass_time(subscription, timedelta(days=31))
    ended = await world.handle(subscription).result()

    stage = Stage.REVERSED if request is reverse else Stage.CLOSED
    assert (ended["stage"], world.case(subscription).stage) == (stage, stage)
    assert world.the_data.keys(f"{subscription}/1") == [], f"{step.__name__}, {request.__name__}"
    assert world.actions(subscription).count("export.acknowledged") <= 1


async def test_a_download_is_acknowledged_before_the_workflow_knows_that_the_export_is_ready(
    data_world: World,
) -> None:
    """Its mail is sent by whatever delivers the messages of the case just then, and the customer may be quick."""
    world, organizations = data_world, on_site(data_world)
    subscription = organizations.organization(rows=3, prepared=False)
    await world.start(subscription, answers=world.answers(subscription, data="export"))
    await eventually(lambda: export_is_tried_again(world, subscription))
    organizations.prepare(subscription)
    ActivityEnvironment().run(exporter_of(world).export_data, a_step(world, subscription, "export"))
    assert (await world.service.status(subscription)).export is ExportStatus.RUNNING

    acknowledged = await acknowledge(world, subscription)

    assert acknowledged.export is ExportStatus.ACKNOWLEDGED
    assert world.refusals(subscription) == []
    await in_stage(world, subscription, Stage.CANCELED)
    assert (await world.service.status(subscription)).export is ExportStatus.ACKNOWLEDGED


async def export_is_tried_again(world: World, subscription: str) -> bool:
    """Whether an attempt at the export has failed, and the next one is waited for."""
    pending = (await world.handle(subscription).describe()).raw_description.pending_activities
    return any(
        each.activity_type.name == "export_data"
        and each.attempt > 2
        and each.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
        for each in pending
    )
