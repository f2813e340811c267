"""The instant of receipt: that of the start, however late a worker finds the request."""

from datetime import datetime

from temporalio.client import WorkflowHandle

import contract
from contract import Attestation, StartCancellation, StartMarketingCancellation
from domain.vocabulary import Stage
from tests.support.world import ADMINISTRATOR, AGENT, World, eventually


async def test_a_cancellation_is_received_when_it_is_requested_not_when_a_worker_finds_it(idle_world: World) -> None:
    world, subscription = idle_world, idle_world.subscription()
    day = world.today(subscription)
    start = StartCancellation(
        actor=AGENT,
        subscription=subscription,
        answers=world.answers(subscription, terminate_on=day),
        attestation=Attestation(reason="called back on the number on file"),
    )
    requested_at = await started(world, contract.SUBSCRIPTION_CANCELLATION, start, world.handle(subscription))

    async with world.worker():
        await eventually(lambda: _is_open(world.handle(subscription)))
        status = await world.service.status(subscription)

    assert status.stage is not Stage.INTAKE
    assert status.received_at == requested_at
    assert world.audit(subscription, "cancellation.opened").at == requested_at


async def test_a_marketing_services_cancellation_is_received_when_it_is_requested(idle_world: World) -> None:
    world = idle_world
    subscription = world.subscription(marketing=True, marketing_owner=ADMINISTRATOR)
    organization = world.organization(subscription)
    start = StartMarketingCancellation(actor=AGENT, organization=organization, administrator=ADMINISTRATOR)
    workflow = world.environment.client.get_workflow_handle(contract.marketing_workflow_id(organization))
    requested_at = await started(world, contract.MARKETING_SERVICE_CANCELLATION, start, workflow)

    async with world.worker():
        await eventually(lambda: _is_open(workflow))
        status = await world.marketing.status(organization)

    assert status.received_at == requested_at


async def started(
    world: World, name: str, start: contract.Request, workflow: WorkflowHandle[object, object]
) -> datetime:
    """Start a workflow that no worker takes yet; return the instant."""
    with world.environment.with_time_skipping_disabled():
        handle = await world.environment.client.start_workflow(name, start, id=workflow.id, task_queue=world.task_queue)
    return (await handle.describe()).start_time


async def _is_open(workflow: WorkflowHandle[object, object]) -> bool:
    return await workflow.query(contract.QUERY_STATUS) is not None
