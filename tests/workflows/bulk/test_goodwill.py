"""The goodwill of a bulk: who plans and who confirms had a part in it, both see what it would do, and a third person approves."""

import importlib
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.bulk import BulkState, RowState
from domain.bulk.plan import RowQuote
from domain.vocabulary import Stage
from storage.tables import BulkItemRow, CancellationRow
from tests.support.bulks import CONFIRMER, PLANNER, confirmed, planned, row, rows_of, until
from tests.support.prepaid import reached
from tests.support.world import World, refused
from tests.workflows.cancellation.test_goodwill import late_line

WORDS = "sold under a wrong assumption"


def generous(world: World) -> tuple[dict[str, str], date]:
    """A row that asks for a goodwill, and the day on which it would end billing."""
    subscription = world.subscription(lines=[late_line(world)])
    day = world.today(subscription) + timedelta(days=10)
    answers = world.answers(subscription, terminate_on=day)
    return row(world, subscription, **answers, goodwill=WORDS), day


async def test_neither_who_planned_nor_who_confirmed_a_goodwill_approves_it(world: World) -> None:
    asking, day = generous(world)
    silent = row(world, world.subscription())
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, [asking, silent])
        await confirmed(world, plan)
        await until(world, plan.bulk, BulkState.FINISHED)
    subscription = asking["subscription"]
    await reached(world, subscription, Stage.PREPARING)
    for actor in (PLANNER, CONFIRMER, f" {PLANNER.upper()}"):
        own = world.service.approve(subscription, actor=actor, reason="fine with me")
        assert (await refused(own)).code == "own_approval", actor
    await world.service.approve(subscription, actor="somebody else", reason="a good customer")
    await reached(world, subscription, Stage.SCHEDULED)
    assert world.line(subscription).end_date == day
    assert PLANNER in world.case(silent["subscription"]).goodwill_askers, "nor one that somebody asks for later"


async def test_a_plan_shows_what_a_goodwill_would_do_and_counts_it(world: World) -> None:
    asking, day = generous(world)
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, [asking, row(world, world.subscription())])
    cost, (first, second) = plan.cost, await rows_of(world, plan.bulk)

    assert first.quote is not None
    assert second.quote is not None
    assert first.quote.goodwill is not None
    assert first.quote.goodwill.billing_ends_on == day
    assert first.quote.billing_ends_on is not None
    assert first.quote.billing_ends_on > day + timedelta(days=300), "without it"
    assert second.quote.goodwill is None
    assert (cost.rows_with_goodwill, cost.goodwill_ends_from, cost.goodwill_ends_until) == (1, day, day)
    assert first.content is None, "what it says is shown to those who may confirm, who ask for it"
    page = await world.offramp.bulk.rows(plan.bulk, shows_content=True)
    content = page.rows[0].content
    assert content is not None
    assert (content.goodwill, content.attestation) == (WORDS, "a list by the sales team")
    assert content.answers["termination_date"] == day.isoformat()


async def test_another_goodwill_or_another_effect_of_it_is_another_plan(world: World) -> None:
    asking, day = generous(world)
    other_words = {**asking, "goodwill": "another promise"}
    other_day = {**asking, "termination_date": (day + timedelta(days=1)).isoformat()}
    with world.environment.with_time_skipping_disabled():
        digests = [(await planned(world, [each])).digest for each in (asking, other_words, other_day, asking)]
    assert len(set(digests)) == 3
    assert digests[0] == digests[3]


async def test_a_row_whose_goodwill_would_do_something_else_than_was_shown_is_not_started(world: World) -> None:
    asking, _ = generous(world)
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, [asking])
        with Session(world.engine) as session, session.begin():
            item = session.query(BulkItemRow).filter_by(bulk=plan.bulk).one()
            shown = RowQuote.model_validate(item.quote)
            assert shown.goodwill is not None
            less = shown.goodwill.model_copy(
                update={"ends": {line: end + timedelta(days=1) for line, end in shown.goodwill.ends.items()}}
            )
            item.quote = shown.model_copy(update={"goodwill": less}).model_dump(mode="json")
        await confirmed(world, plan)
        done = await until(world, plan.bulk, BulkState.FINISHED)
    assert (done.rows, done.refusals) == ({RowState.REFUSED: 1}, {"bulk_row_changed": 1})
    [result] = await rows_of(world, plan.bulk)
    assert result.refusal is not None
    assert "with the goodwill line" in result.refusal.message


async def test_the_migration_gives_cases_that_are_open_the_planner_of_their_bulk(world: World) -> None:
    asking, _ = generous(world)
    subscription, other = asking["subscription"], world.subscription()
    await world.start(other)
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, [asking])
        await confirmed(world, plan)
        await until(world, plan.bulk, BulkState.FINISHED)
    await reached(world, subscription, Stage.PREPARING)
    migration = importlib.import_module("storage.schema.versions.0034_planners_of_goodwill")
    with world.engine.begin() as connection:
        as_before = "UPDATE cancellations SET goodwill_askers = array_remove(goodwill_askers, :planner) WHERE id = :id"
        connection.execute(text(as_before), {"planner": PLANNER, "id": f"{subscription}/1"})
        for _ in range(2):
            connection.execute(text(migration.ADD_PLANNERS))
    with Session(world.engine) as session:
        askers = [session.get_one(CancellationRow, f"{each}/1").goodwill_askers for each in (subscription, other)]
    assert [each.count(PLANNER) for each in askers] == [1, 0]
