"""A run whose first workflow task is not scheduled yet, as for a moment after it continued another one as new."""

from datetime import timedelta

import contract
from contract import Attestation, StartCancellation
from domain.vocabulary import Stage
from tests.support.world import AGENT, World


async def test_its_status_is_asked_for_until_it_has_begun(world: World) -> None:
    subscription = world.subscription()
    start = StartCancellation(
        actor=AGENT, subscription=subscription, attestation=Attestation(reason="called back on the number on file")
    )
    with world.environment.with_time_skipping_disabled():
        await world.environment.client.start_workflow(
            contract.SUBSCRIPTION_CANCELLATION,
            start,
            id=world.handle(subscription).id,
            task_queue=world.task_queue,
            start_delay=timedelta(milliseconds=500),
        )
        assert (await world.service.status(subscription)).stage is Stage.INTAKE
