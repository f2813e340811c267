"""Lines that are billed beyond their end: credit memos first, newest first; and goodwill, which needs a second person."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

import contract
from domain.civil_time import day_of
from domain.vocabulary import Stage
from storage.tables import PlannedLineRow
from tests.support.world import AGENT, SECOND_PERSON, World, eventually, refused


def bill_two_months_ahead(world: World, subscription: str) -> tuple[str, str]:
    """Invoices beyond today; the older and the newer number."""
    start = world.today(subscription) + timedelta(1)
    older, newer = f"{subscription}-INV-1", f"{subscription}-INV-2"
    world.invoice(subscription, older, start, start + timedelta(29))
    world.invoice(subscription, newer, start + timedelta(30), start + timedelta(59))
    return older, newer


async def test_credit_memos_are_posted_newest_first_and_the_line_ends_by_itself(world: World) -> None:
    subscription = world.subscription()
    older, newer = bill_two_months_ahead(world, subscription)
    plan = world.plan(subscription)
    await world.start(subscription)
    await eventually(lambda: _is(world, subscription, Stage.CANCELED))
    status = await world.service.status(subscription)
    assert status.outstanding_credit_memos == (newer, older)
    assert status.waiting_for.endswith(f"; billing: credit memos for {newer}, {older}")
    assert (world.access(subscription), world.line(subscription).end_date) == ("off", None)
    assert _withdrawn_by(world, plan) == f"{subscription}/1"

    too_early = await refused(world.service.post_credit_memo(older, number=f"{older}-CM", actor="billing"))
    assert too_early.code == "newer_invoice_first"
    await world.service.post_credit_memo(newer, number=f"{newer}-CM", actor="billing")
    twice = await refused(world.service.post_credit_memo(newer, number=f"{newer}-CM2", actor="billing"))
    assert twice.code == "invoice_already_credited"
    await world.service.post_credit_memo(older, number=f"{older}-CM", actor="billing")

    assert world.line(subscription).end_date == world.today(subscription)

    async def is_known() -> bool:
        return not (await world.service.status(subscription)).outstanding_credit_memos

    await eventually(is_known)
    assert (await world.request_reversal(subscription)).stage is Stage.REVERSED
    assert world.line(subscription).end_date is None
    assert _withdrawn_by(world, plan) is None


async def test_goodwill_waits_for_a_second_person(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, goodwill=contract.Goodwill(reason="ill for weeks"))
    await eventually(lambda: _is(world, subscription, Stage.PREPARING))
    service = world.service

    assert (await refused(service.approve(subscription, actor=AGENT, reason="fine"))).code == "own_approval"
    await service.approve(subscription, actor=SECOND_PERSON, reason="agreed")
    assert (await refused(service.approve(subscription, actor="third", reason="me too"))).code == "approval_not_awaited"

    await eventually(lambda: _is(world, subscription, Stage.CANCELED))
    assert world.case(subscription).goodwill_approved_by == SECOND_PERSON


async def _is(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


def _withdrawn_by(world: World, plan: str) -> str | None:
    with Session(world.engine) as session:
        return session.get_one(PlannedLineRow, plan).withdrawn_by


async def test_a_reversal_restores_the_dates_and_catches_up_the_rolls_that_were_missed(world: World) -> None:
    """Frozen while cancelled, a monthly line misses its extensions; reversed, it stands where it would have been."""
    today = day_of(datetime.now(UTC), "Europe/Berlin")
    deadline, term_until = today + timedelta(days=6), today + timedelta(days=20)
    terms = {"subsequent_term": "1M", "notice_period": "14D"}
    dates = {"term_until": term_until, "cancellation_possible_until": deadline}
    subscription = world.subscription(lines=[terms | dates])
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(days=1))
    assert world.line(subscription).end_date == term_until

    await world.pass_time(subscription, timedelta(days=29))
    await world.service.reverse(subscription, world.identity(subscription), actor=AGENT)

    after = world.line(subscription)
    assert (after.end_date, after.frozen_by) == (None, None)
    assert after.cancellation_possible_until is not None
    assert after.cancellation_possible_until >= today + timedelta(days=29)


async def test_a_withdrawal_puts_the_planned_line_back(world: World) -> None:
    subscription = world.subscription()
    plan = world.plan(subscription)
    later = world.today(subscription) + timedelta(days=20)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=later))
    await world.pass_time(subscription, timedelta(minutes=1))
    assert "planned_line.withdrawn" in world.actions(subscription)

    await world.service.withdraw(subscription, actor=AGENT, reason="changed their mind")

    with Session(world.engine) as session:
        assert session.get_one(PlannedLineRow, plan).withdrawn_by is None


async def test_an_invoice_run_that_bills_in_between_is_noticed(world: World) -> None:
    """Between the credit memo and the end date another invoice is posted: it needs a credit memo too."""
    subscription = world.subscription()
    first, second = f"{subscription}-A", f"{subscription}-B"
    start = world.today(subscription).replace(day=1)
    world.invoice(subscription, first, start, start + timedelta(days=399))
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(minutes=1))
    world.invoice(subscription, second, start + timedelta(days=400), start + timedelta(days=430))

    assert (await world.service.status(subscription)).outstanding_credit_memos == (first,)
    await world.service.post_credit_memo(second, number=f"CM-{second}", actor="billing")
    await world.pass_time(subscription, timedelta(minutes=1))
    assert (await world.service.status(subscription)).outstanding_credit_memos == (first,)
    assert world.line(subscription).end_date is None
    await world.service.post_credit_memo(first, number=f"CM-{first}", actor="billing")
    assert world.line(subscription).end_date == world.today(subscription)


async def test_what_changed_before_the_credit_memos_were_asked_for_is_in_the_promise(world: World) -> None:
    subscription = world.subscription()
    bill_two_months_ahead(world, subscription)
    await world.start(subscription, complete=False)
    with world.engine.begin() as connection:
        connection.execute(
            text("UPDATE subscription_lines SET notice_period = '1M' WHERE subscription = :id"), {"id": subscription}
        )
    await world.service.attest(subscription, actor=AGENT, reason="known by voice")
    await world.service.answer(subscription, world.answers(subscription), actor=AGENT)
    await eventually(lambda: _is(world, subscription, Stage.CANCELED))

    async def promised() -> bool:
        return any("scheduled" in subject for subject in world.mailbox.subjects_of(subscription))

    await eventually(promised)
    [promise] = [mail for mail in world.mailbox.of(subscription) if "scheduled" in str(mail["Subject"])]
    assert "What changed since our last message" in world.mailbox.text_of(promise)
