"""The delivery of messages by the workflow of a case: in turns, until nothing is left."""

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

import contract
from activities.messaging import delivery
from storage.tables import MessageRow
from tests.support.world import World


async def test_what_does_not_fit_into_a_turn_is_delivered_in_the_next_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn that ended early was taken for a whole one: the rest waited for the next message of the case."""
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await world.service.withdraw(subscription, actor="agent-7", reason="they stay")
    await world.handle(subscription).result()
    sent = len(world.mailbox.of(subscription))
    assert sent > 1
    case = f"{subscription}/1"
    with Session(world.engine) as session, session.begin():
        session.execute(update(MessageRow).where(MessageRow.cancellation == case).values(delivered_at=None))

    monkeypatch.setattr(delivery, "TURN_SECONDS", 0.0)
    await world.environment.client.execute_workflow(
        contract.MESSAGE_DELIVERY,
        case,
        id=contract.delivery_workflow_id(case),
        task_queue=world.task_queue,
        start_signal=contract.SIGNAL_DELIVER,
        start_signal_args=[{"mail": 2**40}],
    )
    assert len(world.mailbox.of(subscription)) == 2 * sent
