"""A bulk from its file to the result of each row."""

from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage

from sqlalchemy import text
from sqlalchemy.orm import Session

import contract
from domain.bulk import BulkState, RowState
from domain.limits import Limited, LimitScope
from records.limit_settings import Limit
from tests.support.bulks import CONFIRMER, PLANNER, as_file, confirmed, planned, row, rows_of, short, until
from tests.support.world import AGENT, SECOND_PERSON, World, eventually, refused


async def test_a_file_becomes_a_case_for_each_of_its_rows_in_the_name_of_who_confirmed_it(world: World) -> None:
    subscriptions = [world.subscription() for _ in range(3)]
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, [row(world, each) for each in subscriptions])
        assert (plan.total, plan.ready, plan.rows) == (3, 3, {RowState.READY: 3})
        assert [world.actions(each) for each in subscriptions] == [[], [], []], "nothing is started by a plan"

        await confirmed(world, plan)
        done = await until(world, plan.bulk, BulkState.FINISHED)

    assert done.rows == {RowState.STARTED: 3}
    assert [each.cancellation for each in await rows_of(world, plan.bulk)] == [f"{each}/1" for each in subscriptions]
    for subscription in subscriptions:
        opened = world.audit(subscription, "cancellation.opened")
        assert (opened.actor, opened.at) == (CONFIRMER, plan.planned_at), "it was received when it was planned"
        assert world.case(subscription).verified_by == "attestation"


async def test_a_plan_shows_dates_and_credit_memos_and_what_is_still_to_be_answered(world: World) -> None:
    yearly = {"start_date": date(2026, 1, 1), "initial_term": "1Y", "subsequent_term": "1Y", "notice_period": "1M"}
    billed, open_ended = world.subscription(lines=(yearly,)), world.subscription()
    term_until = date(2030, 12, 31)
    with Session(world.engine) as session, session.begin():
        line = world.line(billed)
        session.merge(line)
        session.get_one(type(line), line.id).term_until = term_until
    world.invoice(billed, f"INV-{billed}", term_until - timedelta(days=30), term_until + timedelta(days=335))
    today = world.today(open_ended)
    plan = await planned(
        world, [short(billed, termination_date="end_of_term", attestation="by a list"), row(world, open_ended)]
    )
    first, second = await rows_of(world, plan.bulk)

    assert first.quote is not None
    assert (first.quote.access_ends_on, first.quote.billing_ends_on) == (term_until, term_until)
    assert first.quote.credit_memos == (f"INV-{billed}",)
    assert "data" in first.quote.open_questions
    assert "verification" not in first.quote.open_questions
    assert second.quote is not None
    assert (second.quote.billing_ends_on, second.quote.open_questions) == (today, ())
    assert (plan.cost.access_ends_from, plan.cost.access_ends_until) == (today, term_until)
    assert (plan.cost.credit_memos, plan.cost.rows_with_credit_memos, plan.cost.rows_with_open_questions) == (1, 1, 1)
    quoted = await world.service.quote(billed, terminate_on=None)
    assert first.quote.received_on == quoted.received_on


async def test_every_refusal_of_a_plan_stands_at_its_row(world: World) -> None:
    ended, good, running, coded = (world.subscription() for _ in range(4))
    stated = world.subscription()
    with world.environment.with_time_skipping_disabled():
        await world.start(ended)
        await world.start(running, complete=False)
        wrong = {**world.answers(coded), "organization_name": "somebody else"}
        plan = await planned(
            world,
            [
                row(world, good),
                short("SUB-NOWHERE"),
                row(world, ended),
                short(running),
                short(coded, **wrong),
                short(world.subscription(), termination_date="2001-01-01"),
                short(world.subscription(), reason_code="no_such_reason"),
                short(world.subscription(), received_at="in May"),
                short(good),
                short("not an id!"),
                short(world.subscription(), data="export"),
                short(stated, received_on=(datetime.now(UTC) + timedelta(days=3)).date().isoformat()),
                short(world.subscription(), received_on="2026-05-01", received_at="2026-05-01T12:00:00Z"),
                short(world.subscription(), reason="a\u202eb"),
                short(world.subscription(), goodwill="x"),
            ],
        )
    rows = await rows_of(world, plan.bulk)

    assert [(each.number, each.refusal.code if each.refusal else each.state.value) for each in rows] == [
        (2, "ready"),
        (3, "subscription_unknown"),
        (4, "already_running"),
        (5, "already_running"),
        (6, "identity_mismatch"),
        (7, "termination_day_in_past"),
        (8, "reason_code_unknown"),
        (9, "bulk_row_malformed"),
        (10, "bulk_row_duplicate"),
        (11, "bulk_row_malformed"),
        (12, "no_data_configured"),
        (13, "received_in_future"),
        (14, "bulk_row_malformed"),
        (15, "bulk_row_malformed"),
        (16, "bulk_row_malformed"),
    ]
    assert plan.refusals["bulk_row_malformed"] == 5
    malformed = rows[7].refusal
    assert malformed is not None
    assert malformed.message.startswith("The row does not have its form: received_at")
    assert all(each.refusal.way_out for each in rows if each.refusal), "each says what to do"
    assert rows[3].cancellation == f"{running}/1"
    assert world.refusals(coded) == [], "a plan writes nothing about the subscriptions"


async def test_a_second_bulk_of_the_same_subscriptions_starts_nothing(world: World) -> None:
    subscriptions = [world.subscription() for _ in range(2)]
    with world.environment.with_time_skipping_disabled():
        plans = [await planned(world, [row(world, each) for each in subscriptions]) for _ in range(2)]
        for plan in plans:
            await confirmed(world, plan)
        first, second = [await until(world, plan.bulk, BulkState.FINISHED) for plan in plans]

    results = first.rows, second.rows
    started = sum(rows.get(RowState.STARTED, 0) for rows in results)
    joined = sum(rows.get(RowState.ALREADY_RUNNING, 0) for rows in results)
    assert (started, joined) == (2, 2)
    assert [world.case(each).ordinal for each in subscriptions] == [1, 1]


async def test_a_row_that_would_do_something_else_than_was_shown_is_not_started(world: World) -> None:
    yearly = {"start_date": date(2026, 1, 1), "initial_term": "1Y", "subsequent_term": "1Y", "notice_period": "1M"}
    moved, kept, withdrawn = world.subscription(lines=(yearly,)), world.subscription(), world.subscription()
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, [row(world, each) for each in (moved, kept, withdrawn)])
        with Session(world.engine) as session, session.begin():
            line = session.get_one(type(world.line(moved)), f"{moved}-1")
            line.end_date = date(2031, 3, 31)
        await world.start(withdrawn, complete=False)
        await world.service.withdraw(withdrawn, actor=AGENT, reason="they stay")
        await world.handle(withdrawn).result()
        await confirmed(world, plan)
        done = await until(world, plan.bulk, BulkState.FINISHED)
    rows = await rows_of(world, plan.bulk)

    assert done.rows == {RowState.STARTED: 1, RowState.REFUSED: 2}
    assert rows[0].refusal is not None
    assert (rows[0].refusal.code, "2031-03-31" in rows[0].refusal.message) == ("bulk_row_changed", True)
    assert rows[1].cancellation == f"{kept}/1"
    assert rows[2].refusal is not None
    assert (rows[2].refusal.code, f"{withdrawn}/1" in rows[2].refusal.message) == ("bulk_row_changed", True)
    assert world.actions(moved) == []


async def test_a_start_that_is_refused_after_the_plan_is_a_result_and_audited(world: World) -> None:
    subscription = world.subscription()
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, [row(world, subscription)])
        world.change_organization(subscription, unique_name="renamed")
        await confirmed(world, plan)
        done = await until(world, plan.bulk, BulkState.FINISHED)
    assert (done.rows, done.refusals) == ({RowState.REFUSED: 1}, {"identity_mismatch": 1})
    assert [code for _, code in world.refusals(subscription)] == ["identity_mismatch"]


async def test_a_confirmed_bulk_uses_up_no_limit_and_a_plan_is_no_way_to_guess_an_identity(idle_world: World) -> None:
    world = idle_world
    subscriptions = [world.subscription() for _ in range(3)]
    guessed = world.subscription()
    guesses = [world.second_subscription(guessed)]
    async with world.worker():
        with world.environment.with_time_skipping_disabled():
            for scope, number in ((LimitScope.CALLER, 1), (LimitScope.ADDRESS, 2)):
                limit = Limit(limited=Limited.STARTS, scope=scope, number=number)
                await world.offramp.limits.set(limit, actor=SECOND_PERSON, reason="a test")
            plan = await planned(world, [row(world, each) for each in subscriptions])
            await confirmed(world, plan)
            done = await until(world, plan.bulk, BulkState.FINISHED)
            assert done.rows == {RowState.STARTED: 3}
            await world.service.start(contract.StartCancellation(subscription=guessed, actor=CONFIRMER))

            wrong = {"organization_name": "a guess"}
            bad = await planned(world, [short(guesses[0], **wrong)], actor="prober-1")
            assert bad.refusals == {"identity_mismatch": 1}
            again = await planned(world, [short(guesses[0], **wrong)], actor="prober-1")
            assert again.refusals == {"limit_reached": 1}


async def test_a_bulk_that_its_planner_has_confirmed_counts_towards_every_limit(idle_world: World) -> None:
    world = idle_world
    subscriptions = [world.subscription() for _ in range(3)]
    async with world.worker():
        with world.environment.with_time_skipping_disabled():
            limit = Limit(limited=Limited.STARTS, scope=LimitScope.ADDRESS, number=2)
            await world.offramp.limits.set(limit, actor=SECOND_PERSON, reason="a test")
            plan = await planned(world, [row(world, each, attestation="") for each in subscriptions])
            await confirmed(world, plan, actor=PLANNER)
            done = await until(world, plan.bulk, BulkState.FINISHED)
    assert (done.rows, done.refusals) == ({RowState.STARTED: 2, RowState.REFUSED: 1}, {"limit_reached": 1})


async def test_a_plan_that_is_asked_for_twice_is_one(world: World) -> None:
    rows = [row(world, world.subscription())]
    with world.environment.with_time_skipping_disabled():
        plans = [await planned(world, rows, request_id="ticket-7-bulk") for _ in range(2)]
        assert plans[0] == plans[1]
        other = await refused(
            world.offramp.bulk.plan(
                csv=as_file([short("SUB-1")]), actor=PLANNER, reason="they leave", request_id="ticket-7-bulk"
            )
        )
        assert other.code == "request_id_reused"


async def test_an_organization_leaves_with_all_its_subscriptions_by_one_checklist(world: World) -> None:
    first = world.subscription()
    second = world.second_subscription(first)
    answers = {"termination_date": "now", "data": "none", **world.identity(first).model_dump()}
    with world.environment.with_time_skipping_disabled():
        planning = await world.offramp.bulk.plan(
            organization=world.organization(first),
            answers=answers,
            attestation="called back on the number on file",
            reason="the whole company leaves",
            actor=PLANNER,
        )
        plan = await until(world, planning.bulk, BulkState.PLANNED)
        assert (plan.ready, plan.kind.value, plan.needs_second_person) == (2, "organization", False)
        await confirmed(world, plan, actor=PLANNER)
        done = await until(world, plan.bulk, BulkState.FINISHED)

        async def have_arrived() -> bool:
            return len(acknowledgements(world, first, second)) > 0

        await eventually(have_arrived)
    assert done.rows == {RowState.STARTED: 2}
    assert {world.case(each).verified_by for each in (first, second)} == {"attestation"}
    [letter] = acknowledgements(world, first, second)
    assert all(f"{each}/1" in world.mailbox.text_of(letter) for each in (first, second)), "one letter names both"


def acknowledgements(world: World, *subscriptions: str) -> list[EmailMessage]:
    """The acknowledgements of receipt that name one of some subscriptions."""
    received = [mail for mail in world.mailbox.mails if str(mail["Subject"]).startswith("Cancellation received")]
    return [mail for mail in received if any(f"{each}/1" in world.mailbox.text_of(mail) for each in subscriptions)]


async def test_a_row_whose_content_was_changed_after_its_plan_is_not_started(world: World) -> None:
    subscription = world.subscription()
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, [row(world, subscription)])
        with world.engine.begin() as connection:
            other = 'UPDATE bulk_rows SET start = start || \'{"goodwill": "a favour"}\' WHERE bulk = :id'
            connection.execute(text(other), {"id": plan.bulk})
        await confirmed(world, plan)
        done = await until(world, plan.bulk, BulkState.FINISHED)
    assert (done.rows, done.refusals) == ({RowState.REFUSED: 1}, {"bulk_row_changed": 1})
