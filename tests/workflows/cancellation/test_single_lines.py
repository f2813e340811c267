"""The cancellation of one line while its subscription goes on: a case of its own on the same base (rules, section 8)."""

import re
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from contract import Goodwill
from domain.vocabulary import Stage, Termination
from tests.support.prepaid import letters, mailed
from tests.support.single_lines import (
    cancel,
    line_reached,
    pass_line_time,
    pass_line_until,
    reverse_line,
    two_lines,
)
from tests.support.world import AGENT, SECOND_PERSON, World, eventually, refused

WHY: dict[str, Any] = {"actor": AGENT, "reason": "the customer called again"}


async def test_a_line_ends_by_a_case_of_its_own_and_the_subscription_goes_on(world: World) -> None:
    subscription, line = two_lines(world)
    status = await cancel(world, line)
    assert status.cancellation == f"{subscription}/line/{line}/1"
    assert (status.subscription, status.subscription_line) == (subscription, line)

    status = await line_reached(world, line, Stage.SCHEDULED)
    ends = world.today(subscription) + timedelta(days=20)
    assert (status.termination, status.line_ends_on) == (Termination.END_OF_TERM, ends)
    assert (world.line(subscription, 1).end_date, world.line(subscription, 2).end_date) == (ends, None)
    assert world.line(subscription, 1).frozen_by == status.cancellation
    assert "The subscription itself goes on" in (await mailed(world, subscription, "scheduled"))[0]

    await pass_line_time(world, line, timedelta(days=22))
    status = await line_reached(world, line, Stage.CANCELED)
    assert world.access(subscription) == "on"
    assert status.reversal_deadline is not None
    assert (await mailed(world, subscription, "effective"))[0].count(line) > 0

    await pass_line_until(world, line, status.reversal_deadline + timedelta(minutes=1))
    status = await line_reached(world, line, Stage.CLOSED)
    assert world.access(subscription) == "on"
    assert [action for action in world.actions(subscription) if action.startswith("line_cancellation.")] == [
        f"line_cancellation.{stage}" for stage in ("opened", "scheduled", "canceled", "closed")
    ]
    assert "certify that the line" in (await mailed(world, subscription, "closed"))[0]


async def test_the_window_is_counted_from_the_last_day_of_the_line(world: World) -> None:
    subscription, line = two_lines(world)
    await cancel(world, line)
    await line_reached(world, line, Stage.SCHEDULED)
    await pass_line_time(world, line, timedelta(days=22))
    status = await line_reached(world, line, Stage.CANCELED)

    ends = world.today(subscription) + timedelta(days=20)
    assert status.reversal_deadline is not None
    assert status.reversal_deadline.date() in (ends + timedelta(days=30), ends + timedelta(days=31))


async def test_a_wish_after_the_regular_end_moves_the_line_and_one_before_it_does_not(world: World) -> None:
    subscription, line = two_lines(world)
    today = world.today(subscription)
    await cancel(world, line, on=today + timedelta(days=50))
    status = await line_reached(world, line, Stage.SCHEDULED)
    assert (status.termination, status.line_ends_on) == (Termination.ON_DATE, today + timedelta(days=50))

    status = await world.lines.correct(
        line, answers={"termination_date": (today + timedelta(days=3)).isoformat()}, **WHY
    )
    status = await line_reached(world, line, Stage.SCHEDULED)
    assert (status.termination_date, status.line_ends_on) == (today + timedelta(days=3), today + timedelta(days=20))
    assert world.line(subscription).end_date == today + timedelta(days=20)
    corrected = await mailed(world, subscription, "rescheduled")
    assert "was corrected" in corrected[0]


async def test_what_a_case_shows_is_what_a_quote_says_then(world: World) -> None:
    subscription, line = two_lines(world)
    today = world.today(subscription)
    status = await cancel(world, line, complete=False)
    for answers in (
        {"termination_date": (today + timedelta(days=40)).isoformat()},
        world.identity(subscription).model_dump(),
    ):
        status = await world.lines.answer(line, answers, actor=AGENT)
        quote = await world.lines.quote(line, terminate_on=today + timedelta(days=40))
        assert status.quote is not None
        assert status.quote.digest == quote.digest
        assert status.line_ends_on == quote.billing_ends_on == today + timedelta(days=40)
    assert status.waiting_for == "the customer: verification of the billing administrator"
    await world.lines.attest(line, actor=AGENT, reason="called back")
    assert (await line_reached(world, line, Stage.SCHEDULED)).quote is not None


async def test_a_line_has_no_access_to_end_at_once_and_no_data_to_keep(world: World) -> None:
    _, line = two_lines(world)
    await cancel(world, line, complete=False)
    assert (
        await refused(world.lines.answer(line, {"termination_date": "now"}, actor=AGENT))
    ).code == "answer_not_understood"
    assert (await refused(world.lines.answer(line, {"data": "none"}, actor=AGENT))).code == "question_not_asked"


async def test_a_reversal_in_the_window_restores_the_line_alone(world: World) -> None:
    subscription, line = two_lines(world)
    await cancel(world, line)
    await line_reached(world, line, Stage.SCHEDULED)
    await pass_line_time(world, line, timedelta(days=22))
    await line_reached(world, line, Stage.CANCELED)

    status = await reverse_line(world, subscription, line)

    assert status.stage is Stage.REVERSED
    assert (world.line(subscription).end_date, world.line(subscription).frozen_by) == (None, None)
    assert "goes on under the terms you had" in (await mailed(world, subscription, "reversed"))[0]
    again = await cancel(world, line)
    assert again.cancellation == f"{subscription}/line/{line}/2"


async def test_a_withdrawal_leaves_the_line_as_it_was(world: World) -> None:
    subscription, line = two_lines(world)
    await cancel(world, line)
    await line_reached(world, line, Stage.SCHEDULED)
    status = await world.lines.withdraw(line, **WHY)
    assert status.stage is Stage.WITHDRAWN
    assert (world.line(subscription).end_date, world.line(subscription).frozen_by) == (None, None)
    late = await refused(world.lines.withdraw(line, **WHY))
    assert late.code == "cancellation_ended"


async def test_the_last_line_of_the_customer_that_goes_on_is_a_whole_cancellation(world: World) -> None:
    subscription = world.subscription(lines=[{}, {"partner": "vendor"}, {}])
    first, vendor, last = (f"{subscription}-{number}" for number in (1, 2, 3))
    await cancel(world, first)

    refusal = await refused(cancel(world, last))

    assert refusal.code == "last_customer_line"
    assert f"Cancel the subscription {subscription} instead" in refusal.way_out
    assert (await cancel(world, vendor)).subscription_line == vendor
    await world.lines.withdraw(first, **WHY)
    assert (await cancel(world, last)).subscription_line == last


async def test_the_customer_reads_nothing_of_a_line_of_a_vendor(world: World) -> None:
    subscription = world.subscription(lines=[{}, {"partner": "vendor"}])
    vendor = f"{subscription}-2"
    await cancel(world, vendor)
    await line_reached(world, vendor, Stage.SCHEDULED)
    await pass_line_time(world, vendor, timedelta(days=2))
    await line_reached(world, vendor, Stage.CANCELED)
    await pass_line_time(world, vendor, timedelta(days=40))
    await line_reached(world, vendor, Stage.CLOSED)
    assert letters(world, subscription, "") == []


async def test_a_line_with_an_end_date_has_nothing_to_cancel_but_goodwill_brings_it_forward(world: World) -> None:
    subscription = world.subscription(lines=[{}, {}])
    line, ends = f"{subscription}-1", world.today(subscription) + timedelta(days=90)
    with Session(world.engine) as session, session.begin():
        row = world.line(subscription)
        row.end_date = ends
        session.merge(row)
    assert (await refused(cancel(world, line))).code == "line_ends_already"

    wish = world.today(subscription) + timedelta(days=5)
    await cancel(world, line, on=wish, goodwill=Goodwill(reason="an upgrade"))
    status = await line_reached(world, line, Stage.PREPARING)
    assert status.proposal is not None
    assert (await refused(world.lines.approve(line, actor=AGENT, reason="agreed"))).code == "own_approval"
    await world.lines.approve(line, actor=SECOND_PERSON, reason="agreed", proposal=status.proposal.digest)
    await line_reached(world, line, Stage.SCHEDULED)
    assert world.line(subscription).end_date == wish


async def test_the_code_that_verifies_says_what_it_is_for(world: World) -> None:
    subscription, line = two_lines(world)
    answers = {**world.identity(subscription).model_dump(), "termination_date": "end_of_term"}
    await cancel(world, line, complete=False, answers=answers)
    await world.lines.send_code(line, actor=AGENT)
    (mail,) = await mailed(world, subscription, "code")
    assert "a line of a subscription" in mail
    code = re.search(r"\b\d{6}\b", mail)
    assert code is not None
    await world.lines.verify_code(line, code[0], actor=AGENT)
    assert (await line_reached(world, line, Stage.SCHEDULED)).verified


async def test_a_second_start_returns_the_running_case_and_a_repeated_one_its_own(world: World) -> None:
    _, line = two_lines(world)
    first = await cancel(world, line, request_id="once")
    again = await cancel(world, line, request_id="once")
    other = await cancel(world, line, request_id="other")
    assert {status.cancellation for status in (first, again, other)} == {first.cancellation}
    assert other.request_id == "once"


async def test_a_line_that_is_billed_beyond_its_end_waits_for_its_credit_memo_and_ends_all_the_same(
    world: World,
) -> None:
    subscription, line = two_lines(world)
    today = world.today(subscription)
    world.invoice(subscription, f"{subscription}-INV", today + timedelta(days=1), today + timedelta(days=100))
    await cancel(world, line)
    status = await line_reached(world, line, Stage.SCHEDULED)
    ends = today + timedelta(days=20)
    assert (status.outstanding_credit_memos, world.line(subscription).end_date) == ((f"{subscription}-INV",), None)

    await pass_line_time(world, line, timedelta(days=22))
    status = await line_reached(world, line, Stage.CANCELED)
    assert status.open_billing
    await world.service.post_credit_memo(
        f"{subscription}-INV", number=f"{subscription}-CM", credits_from=ends + timedelta(days=1), actor="billing"
    )

    async def is_settled() -> bool:
        return not (await world.lines.status(line)).open_billing

    await eventually(is_settled)
    assert world.line(subscription).end_date == ends
    assert (await mailed(world, subscription, "billing_settled"))[0].count("final") > 0


async def test_requests_name_their_case_and_another_one_refuses_them(world: World) -> None:
    subscription, line = two_lines(world)
    await cancel(world, line)
    await line_reached(world, line, Stage.SCHEDULED)
    await world.lines.withdraw(line, cancellation=f"{subscription}/line/{line}/1", request_id="w", **WHY)
    await cancel(world, line)
    await line_reached(world, line, Stage.SCHEDULED)

    again = await world.lines.withdraw(line, cancellation=f"{subscription}/line/{line}/1", request_id="w", **WHY)
    other = await refused(world.lines.withdraw(line, cancellation=f"{subscription}/1", **WHY))

    assert (again.cancellation, again.stage) == (f"{subscription}/line/{line}/1", Stage.WITHDRAWN)
    assert other.code == "request_of_another_case"
    assert (await world.lines.status(line)).stage is Stage.SCHEDULED


async def test_a_line_that_was_never_cancelled_has_no_case(world: World) -> None:
    _, line = two_lines(world)
    assert (await refused(world.lines.status(line))).code == "line_cancellation_unknown"
    assert (await refused(world.lines.withdraw(line, **WHY))).code == "line_cancellation_unknown"
    assert (await refused(cancel(world, "NO-LINE"))).code == "subscription_line_unknown"
    assert (await refused(world.lines.quote("NO-LINE"))).code == "subscription_line_unknown"


async def test_lists_have_the_cases_of_lines_and_the_report_has_none(world: World) -> None:
    subscription, line = two_lines(world)
    await cancel(world, line)
    await line_reached(world, line, Stage.SCHEDULED)
    page = await world.service.list(text=subscription)
    (listed,) = page.cancellations
    assert (listed.subscription_line, listed.line_ends_on) == (line, world.today(subscription) + timedelta(days=20))
    report = await world.service.report(organization=world.organization(subscription))
    assert report.total.started == 0
