"""Terminate and Delete, at every stage: the reconciliation starts the case again, which comes to its end from its record."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import contract
from domain.vocabulary import Stage
from storage.tables import AuditRow, MessageRow
from tests.support.reconciliation import BUTTONS, Button, about, delete, open_workflows, reconcile, runs, terminate
from tests.support.world import AGENT, SECOND_PERSON, World, eventually

Bring = Callable[[World], Awaitable[str]]


async def in_intake(site: World) -> str:
    subscription = site.subscription()
    await site.start(subscription, complete=False)
    await site.service.answer(subscription, {"data": "none"}, actor=AGENT)
    return subscription


async def in_intake_without_a_request_id(site: World) -> str:
    """Started by a foreign system that names no request."""
    subscription = site.subscription()
    start = {"actor": "crm", "subscription": subscription}
    with site.environment.with_time_skipping_disabled():
        await site.environment.client.start_workflow(
            contract.SUBSCRIPTION_CANCELLATION,
            start,
            id=contract.cancellation_workflow_id(subscription),
            task_queue=site.task_queue,
        )
        await site.update(subscription, contract.UPDATE_RECEIVE, start)
    return subscription


async def awaiting_approval(site: World) -> str:
    subscription = site.subscription()
    await site.start(subscription, goodwill=contract.Goodwill(reason="ill for weeks"))
    await reached(site, subscription, Stage.PREPARING)
    return subscription


async def approved(site: World) -> str:
    subscription = site.subscription()
    day = site.today(subscription) + timedelta(days=10)
    answers = site.answers(subscription, terminate_on=day)
    await site.start(subscription, answers=answers, goodwill=contract.Goodwill(reason="ill for weeks"))
    await reached(site, subscription, Stage.PREPARING)
    await site.service.approve(subscription, actor=SECOND_PERSON, reason="a good customer")
    await reached(site, subscription, Stage.SCHEDULED)
    return subscription


async def scheduled(site: World) -> str:
    subscription = site.subscription()
    day = site.today(subscription) + timedelta(days=10)
    await site.start(subscription, answers=site.answers(subscription, terminate_on=day))
    await reached(site, subscription, Stage.SCHEDULED)
    return subscription


async def exported_and_scheduled(site: World) -> str:
    subscription = site.subscription(data_rows=20)
    day = site.today(subscription) + timedelta(days=10)
    await site.start(subscription, answers=site.answers(subscription, data="export", terminate_on=day))
    await reached(site, subscription, Stage.SCHEDULED)
    return subscription


async def canceled(site: World) -> str:
    subscription = site.subscription()
    await site.start(subscription)
    await site.pass_time(subscription, timedelta(minutes=1))
    await reached(site, subscription, Stage.CANCELED)
    return subscription


BEFORE_EFFECT: list[Bring] = [
    in_intake,
    in_intake_without_a_request_id,
    awaiting_approval,
    approved,
    scheduled,
    exported_and_scheduled,
]


async def reached(site: World, subscription: str, *stages: Stage) -> None:
    async def is_there() -> bool:
        return site.case(subscription).stage in stages and await site.stage(subscription) in stages

    await eventually(is_there)


async def once_each(site: World, subscription: str) -> None:
    """Every step of the case has one row in the audit trail, and every message leaves once."""

    async def have_left() -> bool:
        with Session(site.engine) as session:
            pending = select(MessageRow.id).where(
                MessageRow.cancellation == f"{subscription}/1", MessageRow.delivered_at.is_(None)
            )
            return session.scalars(pending).first() is None

    await eventually(have_left)
    with Session(site.engine) as session:
        actions = session.scalars(
            select(AuditRow.action).where(
                AuditRow.subscription == subscription,
                AuditRow.subscription_line.is_(None),
                ~AuditRow.action.endswith(".refused"),
                AuditRow.action != "answer.given",
            )
        )
        repeated = {action: times for action, times in Counter(actions).items() if times > 1}
    assert repeated == {}
    sent = Counter(str(mail["Message-ID"]) for mail in site.mailbox.of(subscription))
    assert sent
    assert [message for message, times in sent.items() if times > 1] == []


async def ends(site: World, subscription: str) -> None:
    """The case continues as if nothing had happened: it is withdrawn before its effect, and closed after it."""
    if site.case(subscription).access_ended_on is None:
        status = await site.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
        assert status.stage is Stage.WITHDRAWN
        assert site.access(subscription) == "on"
    else:
        await site.pass_time(subscription, timedelta(days=32))
        assert site.case(subscription).stage == Stage.CLOSED
    await site.handle(subscription).result()
    await once_each(site, subscription)


@pytest.mark.parametrize(
    "press", [terminate, pytest.param(delete, marks=pytest.mark.soak)], ids=["terminate", "delete"]
)
async def test_cases_without_their_workflows_are_started_again_from_their_records(site: World, press: Button) -> None:
    # The case after its effect first: it moves the clock. It ends last, for the same reason.
    cases = [(bring.__name__, await bring(site)) for bring in [canceled, *BEFORE_EFFECT]]
    before = {subscription: await site.service.status(subscription) for _, subscription in cases}
    for _, subscription in cases:
        await press(site, contract.cancellation_workflow_id(subscription))

    report = await reconcile(site)

    found = {stage: about(report, subscription) for stage, subscription in cases}
    assert found == {stage: [("workflow_missing", "mended")] for stage, _ in cases}
    for _, subscription in cases:
        await eventually(partial(_is_again, site, subscription, before[subscription]))
    report = await reconcile(site)
    assert {stage: about(report, subscription) for stage, subscription in cases} == {stage: [] for stage, _ in cases}
    for _, subscription in reversed(cases):
        await ends(site, subscription)
    report = await reconcile(site)
    assert {stage: about(report, subscription) for stage, subscription in cases} == {stage: [] for stage, _ in cases}


async def test_a_dry_run_changes_nothing_and_says_what_it_would_do(site: World) -> None:
    lost, well = await scheduled(site), await in_intake(site)
    await BUTTONS[0](site, contract.cancellation_workflow_id(lost))
    await eventually(lambda: _is_listed_as_ended(site, lost))
    records, workflows = site.dump(), await open_workflows(site)

    report = await reconcile(site, dry_run=True)

    assert report.dry_run
    assert not report.agrees
    assert about(report, lost) == [("workflow_missing", "to_be_mended")]
    assert about(report, well) == []
    assert site.dump() == records
    assert await open_workflows(site) == workflows
    assert about(await reconcile(site), lost) == [("workflow_missing", "mended")]


async def test_an_ended_case_whose_letters_are_unsent_is_finished(site: World) -> None:
    subscription = await scheduled(site)
    site.mailbox.close()
    await site.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
    await BUTTONS[0](site, contract.cancellation_workflow_id(subscription))

    report = await reconcile(site)
    site.mailbox.open()

    assert about(report, subscription) == [("workflow_missing", "mended")]
    await site.handle(subscription).result()
    await once_each(site, subscription)
    assert any("withdrawn" in str(mail["Message-ID"]) for mail in site.mailbox.of(subscription))


async def test_letters_of_a_case_that_a_later_one_follows_are_delivered(site: World) -> None:
    subscription = await scheduled(site)
    site.mailbox.close()
    await site.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
    await BUTTONS[0](site, contract.cancellation_workflow_id(subscription))
    await site.start(subscription, complete=False, request_id="the next one")

    report = await reconcile(site)
    site.mailbox.open()

    assert about(report, f"{subscription}/1") == [("messages_left", "mended")]
    await site.environment.client.get_workflow_handle(f"delivery:{subscription}/1").result()
    assert any("withdrawn" in str(mail["Message-ID"]) for mail in site.mailbox.of(subscription))
    assert await runs(site, contract.cancellation_workflow_id(subscription))
    assert about(await reconcile(site), f"{subscription}/1") == []


async def _is_again(site: World, subscription: str, before: contract.CancellationStatus) -> bool:
    status = await site.service.status(subscription)
    loose = {"undelivered": (), "last_refusal": None, "request_id": ""}
    return status.model_copy(update=loose) == before.model_copy(update=loose)


async def _is_listed_as_ended(site: World, subscription: str) -> bool:
    return all(found != contract.cancellation_workflow_id(subscription) for found, _ in await open_workflows(site))
