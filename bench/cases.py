"""The cases of a measurement: how they start, and how many are at a stage."""

from collections.abc import Sequence

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from contract import Attestation, StartCancellation
from domain.vocabulary import Stage
from storage.tables import CancellationRow
from tests.support.world import World


def complete_start(world: World, subscription: str) -> StartCancellation:
    """Return a start with every answer, after which a case waits for nobody."""
    return StartCancellation(
        subscription=subscription,
        actor="bench",
        request_id="bench",
        answers=world.answers(subscription),
        attestation=Attestation(reason="measured, not verified"),
    )


def count_at(engine: Engine, subscriptions: Sequence[str], stage: Stage) -> int:
    """Return the number of the cases of some subscriptions that are at a stage."""
    of_these = (CancellationRow.subscription.in_(subscriptions), CancellationRow.stage == stage.value)
    with Session(engine) as session:
        return session.scalar(select(func.count()).select_from(CancellationRow).where(*of_these)) or 0
