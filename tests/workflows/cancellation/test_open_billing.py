"""Credit memos that are awaited beside the termination day: access ends, billing is reminded, the line ends when they are posted."""

from datetime import date, timedelta

import pytest

from domain.vocabulary import Stage
from tests.support.prepaid import (
    BILLING,
    ESCALATION,
    letters,
    mailed,
    post,
    prepaid,
    reached,
    settled,
    start,
    support_queues,
)
from tests.support.world import AGENT, World, refused

OUTSTANDING = "The credit memo for invoice {} is still outstanding."
FINAL = "billing_settled"


def ends(world: World, subscription: str) -> list[date | None]:
    """The end dates of both lines."""
    return [world.line(subscription, number).end_date for number in (1, 2)]


async def test_the_line_that_waits_is_frozen_at_once_and_the_other_gets_its_end(world: World) -> None:
    subscription, invoice = prepaid(world)
    day = await start(world, subscription, in_days=10)
    ends_on = world.today(subscription) + timedelta(days=20)

    assert ends(world, subscription) == [None, ends_on]
    assert {world.line(subscription, number).frozen_by for number in (1, 2)} == {f"{subscription}/1"}
    status = await world.service.status(subscription)
    assert (status.stage, status.outstanding_credit_memos) == (Stage.SCHEDULED, (invoice,))
    [line] = status.open_billing
    assert (line.line, line.billing_ends_on) == (f"{subscription}-1", ends_on)
    assert line.billed_until == world.today(subscription) + timedelta(days=365)
    assert status.waiting_for == f"the end of the last day of access; billing: credit memos for {invoice}"
    assert status.termination_date == day
    [promise] = await mailed(world, subscription, "cancellation.scheduled")
    assert OUTSTANDING.format(invoice) in promise


async def test_the_day_ends_access_and_a_credit_memo_after_it_ends_the_line_and_is_confirmed_once(world: World) -> None:
    subscription, invoice = prepaid(world)
    await start(world, subscription, in_days=10)
    await world.pass_time(subscription, timedelta(days=11))
    status = await reached(world, subscription, Stage.CANCELED)
    assert (world.access(subscription), ends(world, subscription)[0]) == ("off", None)
    assert "; billing: credit memos for" in status.waiting_for
    [effective] = await mailed(world, subscription, "cancellation.effective")
    assert OUTSTANDING.format(invoice) in effective

    await post(world, invoice)

    assert ends(world, subscription)[0] == world.today(subscription) + timedelta(days=20)
    status = await settled(world, subscription)
    assert (status.outstanding_credit_memos, status.stage) == ((), Stage.CANCELED)
    assert "billing" not in status.waiting_for
    [final] = await mailed(world, subscription, FINAL)
    assert f"Billing of line {subscription}-1 ends on" in final
    await world.pass_time(subscription, timedelta(days=31))
    await world.handle(subscription).result()
    assert "outstanding" not in letters(world, subscription, "cancellation.closed")[0]
    assert len(letters(world, subscription, FINAL)) == 1
    assert world.actions(subscription).count("line.end_date_set") == 2, "each line has its end once"
    assert not letters(world, subscription, "credit-memo"), "nobody is reminded any more"


async def test_billing_is_reminded_twice_then_a_named_queue_is_told_and_nobody_again(world: World) -> None:
    policy = {"billing_queue": "accounts", "credit_memo_escalation_queue": "night_shift"}
    support_queues(world, accounts=BILLING, night_shift=ESCALATION)
    subscription, invoice = prepaid(world, policy=policy)
    await start(world, subscription, in_days=60)

    await world.pass_time(subscription, timedelta(days=50))

    await mailed(world, subscription, "credit-memo", 3)
    told = [
        (mail["To"], str(mail["Subject"]))
        for mail in world.mailbox.of(subscription)
        if "/credit-memo" in str(mail["Message-ID"])
    ]
    assert told == [
        (BILLING, f"Reminder: credit memos for {subscription}/1"),
        (BILLING, f"Reminder: credit memos for {subscription}/1"),
        (ESCALATION, f"Escalation: credit memos for {subscription}/1"),
    ]
    assert f"To be credited, in this order: {invoice}." in letters(world, subscription, "credit-memo")[0]
    actions = world.actions(subscription)
    assert (actions.count("credit_memo.reminded"), actions.count("credit_memo.escalated")) == (2, 1)
    reminded = world.audit(subscription, "credit_memo.escalated")
    assert reminded.after == {"queue": "night_shift", "credit_memos": invoice}
    assert (await world.service.status(subscription)).outstanding_credit_memos == (invoice,)


async def test_a_credit_memo_between_two_reminders_ends_them(world: World) -> None:
    subscription, invoice = prepaid(world)
    await start(world, subscription, in_days=60)
    await world.pass_time(subscription, timedelta(days=8))
    assert world.actions(subscription).count("credit_memo.reminded") == 1

    await post(world, invoice)
    await settled(world, subscription)
    await world.pass_time(subscription, timedelta(days=40))

    actions = world.actions(subscription)
    assert (actions.count("credit_memo.reminded"), actions.count("credit_memo.escalated")) == (1, 0)


async def test_a_case_that_closed_says_what_is_open_and_a_credit_memo_ends_the_line_all_the_same(world: World) -> None:
    subscription, invoice = prepaid(world)
    await start(world, subscription, in_days=1)
    await world.pass_time(subscription, timedelta(days=33))
    await world.handle(subscription).result()
    [certificate] = await mailed(world, subscription, "cancellation.closed")
    assert OUTSTANDING.format(invoice) in certificate
    status = await world.service.status(subscription)
    assert (status.stage, status.outstanding_credit_memos) == (Stage.CLOSED, (invoice,))
    assert status.waiting_for == f"billing: credit memos for {invoice}"

    await post(world, invoice)

    assert ends(world, subscription)[0] == world.today(subscription) + timedelta(days=20)
    assert len(await mailed(world, subscription, FINAL)) == 1
    status = await world.service.status(subscription)
    assert (status.stage, status.open_billing, status.waiting_for) == (Stage.CLOSED, (), "")
    assert world.actions(subscription).count("cancellation.closed") == 1


async def test_billing_is_reminded_after_the_end_of_a_short_window_too(world: World) -> None:
    subscription, _ = prepaid(world, policy={"reversal_window_days": 2})
    await start(world, subscription, in_days=1)

    await world.pass_time(subscription, timedelta(days=30))
    await world.handle(subscription).result()

    actions = world.actions(subscription)
    assert actions.index("credit_memo.escalated") > actions.index("cancellation.closed")
    assert actions.count("credit_memo.reminded") == 2


@pytest.mark.parametrize("after", ["before the effect", "after the effect"])
async def test_a_change_of_mind_while_a_credit_memo_is_outstanding_restores_everything(
    world: World, after: str
) -> None:
    subscription, invoice = prepaid(world)
    plan = world.plan(subscription)
    await start(world, subscription, in_days=2)
    if after == "before the effect":
        await world.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
    else:
        await world.pass_time(subscription, timedelta(days=3))
        await world.request_reversal(subscription)
    await world.handle(subscription).result()

    assert ends(world, subscription) == [None, None]
    assert [world.line(subscription, number).frozen_by for number in (1, 2)] == [None, None]
    status = await world.service.status(subscription)
    assert (status.outstanding_credit_memos, status.open_billing) == ((), ())
    await post(world, invoice)
    assert ends(world, subscription) == [None, None], "a credit memo does not end a line that is not cancelled"
    assert not letters(world, subscription, FINAL)
    assert "planned_line.put_back" in world.actions(subscription), plan


async def test_a_correction_decides_the_line_anew_which_waits_anew_and_ends_on_the_new_day(world: World) -> None:
    subscription, invoice = prepaid(world)
    await start(world, subscription, in_days=10)
    await world.pass_time(subscription, timedelta(days=8))
    later = world.today(subscription) + timedelta(days=60)

    await world.service.correct(
        subscription, answers={"termination_date": later.isoformat()}, actor=AGENT, reason="called again"
    )
    await mailed(world, subscription, "cancellation.rescheduled")
    status = await reached(world, subscription, Stage.SCHEDULED)

    [line] = status.open_billing
    assert (line.billing_ends_on, line.credit_memos) == (later, (invoice,))
    await world.pass_time(subscription, timedelta(days=22))
    actions = world.actions(subscription)
    assert (actions.count("credit_memo.reminded"), actions.count("credit_memo.escalated")) == (1 + 2, 1)
    await post(world, invoice)
    assert ends(world, subscription) == [later, later]
    await settled(world, subscription)
    assert len(await mailed(world, subscription, FINAL)) == 1


async def test_an_invoice_that_is_posted_meanwhile_needs_a_credit_memo_too_and_comes_first(world: World) -> None:
    subscription, invoice = prepaid(world)
    await start(world, subscription, in_days=60)
    newer, first = f"{subscription}-NEWER", world.today(subscription) + timedelta(days=366)
    world.invoice(subscription, newer, first, first + timedelta(days=364))

    await world.pass_time(subscription, timedelta(days=2))

    status = await world.service.status(subscription)
    assert status.outstanding_credit_memos == (newer, invoice)
    await post(world, newer)
    assert ends(world, subscription)[0] is None
    await post(world, invoice)
    assert ends(world, subscription)[0] is not None
    await settled(world, subscription)


async def test_a_line_billed_beyond_its_end_by_invoices_that_nobody_knows_does_not_hold_access_up(world: World) -> None:
    today = date.today()  # noqa: DTZ011 - any day near
    subscription = world.subscription(lines=[{"next_billing_date": today + timedelta(days=300)}])
    await start(world, subscription, in_days=2)

    await world.pass_time(subscription, timedelta(days=3))

    status = await reached(world, subscription, Stage.CANCELED)
    assert status.outstanding_credit_memos == ()
    assert f"billing: the invoices of line {subscription}-1, which is billed until" in status.waiting_for


async def test_a_workflow_that_is_lost_meanwhile_continues_from_the_record_and_asks_nobody_twice(world: World) -> None:
    subscription, invoice = prepaid(world)
    await start(world, subscription, in_days=60)
    await world.pass_time(subscription, timedelta(days=8))
    await world.handle(subscription).terminate("by mistake")

    with world.environment.with_time_skipping_disabled():
        late = await refused(world.service.answer(subscription, {"data": "none"}, actor=AGENT))
    assert late.code == "checklist_closed"
    assert (await world.service.status(subscription)).outstanding_credit_memos == (invoice,)
    await world.pass_time(subscription, timedelta(days=30))

    actions = world.actions(subscription)
    assert (actions.count("credit_memo.reminded"), actions.count("credit_memo.escalated")) == (2, 1)
    assert actions.count("cancellation.scheduled") == 1
    await post(world, invoice)
    await settled(world, subscription)
    assert len(await mailed(world, subscription, FINAL)) == 1


async def test_nothing_but_the_posting_is_needed_and_the_daily_look_notices_a_signal_that_was_lost(
    world: World,
) -> None:
    subscription, invoice = prepaid(world)
    day = await start(world, subscription, in_days=60)
    world.credit(invoice)
    assert ends(world, subscription)[0] is None, "posted past the service"

    await world.pass_time(subscription, timedelta(days=2))

    assert ends(world, subscription)[0] == day
    assert len(await mailed(world, subscription, FINAL)) == 1
