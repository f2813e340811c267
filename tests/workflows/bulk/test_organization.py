"""An organization that is cancelled as a whole: its data is erased once, when nothing of it is left to decide."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.bulk import BulkState
from domain.vocabulary import Stage
from storage.tables import ErasureRow
from tests.support.bulks import PLANNER, confirmed, until
from tests.support.world import AGENT, World, eventually


async def left_as_a_whole(world: World, first: str, second: str, data: str) -> None:
    """Cancel both subscriptions of an organization by one bulk, and let the reversal windows pass."""
    with world.environment.with_time_skipping_disabled():
        planning = await world.offramp.bulk.plan(
            organization=world.organization(first),
            answers=world.answers(first, data=data),
            attestation="called back on the number on file",
            reason="the whole company leaves",
            actor=PLANNER,
        )
        plan = await until(world, planning.bulk, BulkState.PLANNED)
        await confirmed(world, plan, actor=PLANNER)
        await until(world, plan.bulk, BulkState.FINISHED)
    for subscription in (first, second):
        await reached(world, subscription, Stage.CANCELED)
    for subscription in (first, second):
        await world.pass_time(subscription, timedelta(days=31))
        await reached(world, subscription, Stage.CLOSED)


async def reached(world: World, subscription: str, stage: Stage) -> None:
    """Let time pass until a case has come to a stage; its workflow may end with it."""

    async def there() -> bool:
        if await world.stage(subscription) is stage:
            return True
        await world.pass_time(subscription, timedelta(seconds=1))
        return False

    await eventually(there, within=60)


def kept_because(world: World, *subscriptions: str) -> list[str | None]:
    """Why each finished certificate says that the organization's data stays, in the order of their beginnings."""
    cases = [f"{subscription}/1" for subscription in subscriptions]
    with Session(world.engine) as session:
        finished = select(ErasureRow).where(ErasureRow.cancellation.in_(cases), ErasureRow.finished_at.is_not(None))
        return [row.kept_because for row in session.scalars(finished.order_by(ErasureRow.finished_at))]


async def test_the_last_of_its_cases_erases_the_data_of_an_organization_once(data_world: World) -> None:
    first = data_world.subscription(data_rows=10)
    second = data_world.second_subscription(first)
    schema = f"crm_{first.removeprefix('SUB-')}"
    before = data_world.the_data.tables(schema)
    await left_as_a_whole(data_world, first, second, "none")
    for subscription in (first, second):
        await data_world.handle(subscription).result()

    assert data_world.the_data.tables(schema) == {}
    assert sorted(kept_because(data_world, first, second), key=str).count(None) == 1
    with Session(data_world.engine) as session:
        erasing = session.scalars(select(ErasureRow).where(ErasureRow.kept_because.is_(None))).all()
        [certificate] = [row for row in erasing if row.cancellation in (f"{first}/1", f"{second}/1")]
    assert (certificate.tables, certificate.rows) == (len(before), sum(before.values()))


async def test_the_data_stays_until_the_last_export_of_it_is_acknowledged(data_world: World) -> None:
    first = data_world.subscription(data_rows=10)
    second = data_world.second_subscription(first)
    schema = f"crm_{first.removeprefix('SUB-')}"
    before = data_world.the_data.tables(schema)
    await left_as_a_whole(data_world, first, second, "export")

    await data_world.offramp.exports.acknowledge(first, export=f"{first}/1", actor=AGENT)
    await data_world.handle(first).result()
    assert data_world.the_data.tables(schema) == before
    assert kept_because(data_world, first, second) == [f"the export of {second}/1 has not been acknowledged yet"]
    assert data_world.the_data.keys(f"{first}/1") == [], "the copies of the case itself are gone"

    await data_world.offramp.exports.acknowledge(second, export=f"{second}/1", actor=AGENT)
    await data_world.handle(second).result()
    assert data_world.the_data.tables(schema) == {}
    assert kept_because(data_world, first, second)[1:] == [None]
