"""The checklist: answers in pieces, reminders, the time-out, and every answer that is none."""

from datetime import date, timedelta
from typing import Any

import pytest

from domain.civil_time import start_of_day
from domain.vocabulary import Question, Stage
from tests.support.world import AGENT, World, eventually, refused


async def test_answers_come_in_pieces_and_each_question_once(world: World) -> None:
    subscription = world.subscription(marketing=True)
    await world.start(subscription, complete=False)
    everything = world.answers(subscription, campaigns="keep")
    service = world.service

    for number, question in enumerate(Question, start=1):
        status = await service.answer(subscription, {question: everything[question]}, actor=AGENT)
        assert status.open_questions == tuple(Question)[number:]
    again = await service.answer(subscription, {"data": "none"}, actor=AGENT)
    assert again.open_questions == ()
    otherwise = await refused(service.answer(subscription, {"campaigns": "stop"}, actor=AGENT))
    assert otherwise.code == "question_already_answered"
    await service.attest(subscription, actor=AGENT, reason="called back on the number on file")

    await eventually(lambda: _is(world, subscription, Stage.CANCELED))
    late = await refused(service.answer(subscription, {"data": "none"}, actor=AGENT))
    assert late.code == "checklist_closed"
    attested = world.audit(subscription, "billing_administrator.verified")
    assert (attested.actor, attested.why) == (AGENT, "called back on the number on file")


async def test_an_unfinished_checklist_is_reminded_of_three_times_and_then_abandoned(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)

    await world.pass_time(subscription, timedelta(days=13))
    assert world.actions(subscription).count("reminder.sent") == 3
    assert await world.stage(subscription) is Stage.INTAKE
    await world.pass_time(subscription, timedelta(days=2))

    await eventually(lambda: _is(world, subscription, Stage.ABANDONED))
    late = await refused(world.service.answer(subscription, {"data": "none"}, actor=AGENT))
    assert late.code == "cancellation_ended"
    await world.mails_arrived(subscription, 5)
    ids = [str(mail["Message-ID"]) for mail in world.mailbox.of(subscription)]
    assert len(ids) == len(set(ids)) == 5


REFUSED = {
    "an unknown question": ({"password": "hunter2"}, "question_not_asked"),
    "campaigns where there are none": ({"campaigns": "keep"}, "question_not_asked"),
    "another's address": ({"billing_administrator": "eve@contoso.example"}, "identity_mismatch"),
    "another URL": ({"organization_url": "https://other.crm.example"}, "identity_mismatch"),
    "another name": ({"organization_name": "fabrikam"}, "identity_mismatch"),
    "a day that does not exist": ({"termination_date": "2027-02-30"}, "answer_not_understood"),
    "a day that is over": ({"termination_date": "2021-01-01"}, "termination_day_in_past"),
    "a day too far away": ({"termination_date": "2099-01-01"}, "termination_day_too_far"),
    "an unknown choice": ({"data": "burn"}, "answer_not_understood"),
    "an export of nothing": ({"data": "export"}, "no_data_configured"),
    "a migration of nothing": ({"data": "migrate"}, "no_data_configured"),
}


async def test_answers_that_are_none_are_refused_and_audited_and_leave_the_question_open(world: World) -> None:
    subscription = world.subscription()
    opened = await world.start(subscription, complete=False)

    for number, (what, (answers, code)) in enumerate(REFUSED.items()):
        refusal = await refused(world.service.answer(subscription, answers, actor=f"agent-{number}"))
        assert refusal.code == code, what
        assert not any(secret in str(refusal) for secret in world.identity(subscription).model_dump().values()), what

    assert (await world.service.status(subscription)).open_questions == opened.open_questions
    assert world.refusals(subscription) == [("answer.refused", code) for _, code in REFUSED.values()]


async def test_the_end_of_a_term_of_fifteen_years_is_waited_for(world: World) -> None:
    today = world.today(world.subscription())
    ends = today.replace(day=1) + timedelta(days=15 * 365)
    terms = {"start_date": today.replace(day=1), "initial_term": "15Y", "term_until": ends}
    subscription = world.subscription(lines=[terms])

    await world.start(subscription, answers=world.answers(subscription, terminate_on=ends))
    await eventually(lambda: _is(world, subscription, Stage.SCHEDULED))

    assert (await world.service.status(subscription)).termination_date == ends
    await world.pass_until(subscription, start_of_day(ends + timedelta(2), "Europe/Berlin"))
    await eventually(lambda: _is(world, subscription, Stage.CANCELED))


async def test_a_subscription_that_is_cancelled_before_it_starts_never_starts_but_owes_a_fixed_term(
    world: World,
) -> None:
    fixed: dict[str, Any] = {"initial_term": "1Y", "end_date": date(2030, 12, 31), "term_until": date(2030, 12, 31)}
    lines: list[dict[str, Any]] = [{"start_date": date(2030, 1, 1)}, {"start_date": date(2030, 1, 1), **fixed}]
    subscription = world.subscription(lines=lines)
    tomorrow = world.today(subscription) + timedelta(1)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=tomorrow))
    await eventually(lambda: _is(world, subscription, Stage.SCHEDULED))

    assert world.line(subscription).end_date == date(2029, 12, 31)
    assert world.line(subscription, 2).end_date == date(2030, 12, 31)


@pytest.mark.parametrize("wrong", ["billing_administrator", "organization_url", "organization_name"])
async def test_a_reversal_must_carry_what_the_cancellation_carried(world: World, wrong: str) -> None:
    subscription = world.subscription()
    await world.start(subscription)
    await eventually(lambda: _is(world, subscription, Stage.CANCELED))
    identity = world.identity(subscription).model_copy(update={wrong: "somebody@else.example"})

    refusal = await refused(world.service.reverse(subscription, identity, actor=AGENT))
    await world.handle(subscription).signal("request_reversal", {"actor": AGENT, "identity": identity.model_dump()})

    assert (refusal.code, refusal.values["questions"]) == ("identity_mismatch", wrong)
    await eventually(lambda: _refusals(world, subscription, 2))
    assert world.refusals(subscription) == [("request_reversal.refused", "identity_mismatch")] * 2
    status = await world.service.status(subscription)
    assert status.last_refusal is not None
    assert (status.stage, status.last_refusal.code) == (Stage.CANCELED, "identity_mismatch")
    await world.signal_reversal(subscription)
    await eventually(lambda: _is(world, subscription, Stage.REVERSED))


async def _is(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


async def _refusals(world: World, subscription: str, number: int) -> bool:
    return len(world.refusals(subscription)) == number
