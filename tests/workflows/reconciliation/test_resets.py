"""Reset without the requests after it: the workflow knows less than is recorded, and the reconciliation starts it from the record."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

import contract
from domain.marketing import MarketingStage
from domain.vocabulary import Stage
from tests.support.buttons import ResetPoint, reset
from tests.support.migration_stages import scheduled as migration_accepted
from tests.support.migrations import Migrations
from tests.support.reconciliation import about, reconcile, reconcile_with_second_look, runs
from tests.support.single_lines import cancel, line_handle
from tests.support.single_lines import two_lines as with_two_lines
from tests.support.world import AGENT, MARKETING_OWNER, World, eventually
from tests.workflows.reconciliation.test_missing_workflows import (
    approved,
    canceled,
    in_intake,
    once_each,
    reached,
    scheduled,
)

Bring = Callable[[World], Awaitable[str]]


async def attested(site: World) -> str:
    subscription = site.subscription()
    await site.start(subscription, complete=False)
    await site.service.attest(subscription, actor=AGENT, reason="called back")
    return subscription


async def brought_forward(site: World) -> str:
    """Its last day of access was corrected to an earlier one."""
    subscription = await scheduled(site)
    earlier = {"termination_date": (site.today(subscription) + timedelta(days=5)).isoformat()}
    await site.service.correct(subscription, answers=earlier, actor=AGENT, reason="called again")
    await reached(site, subscription, Stage.SCHEDULED)
    return subscription


REQUESTED: list[Bring] = [in_intake, attested, approved, brought_forward]


async def test_cases_that_are_reset_without_their_requests_continue_as_recorded(site: World) -> None:
    cases = [(bring.__name__, await bring(site)) for bring in REQUESTED]
    before = {subscription: await shown(site, subscription) for _, subscription in cases}
    actions = {subscription: site.actions(subscription) for _, subscription in cases}
    for _, subscription in cases:
        await reset_without_requests(site, contract.cancellation_workflow_id(subscription))

    report = await reconcile_with_second_look(site)

    found = {stage: about(report, subscription) for stage, subscription in cases}
    assert found == {stage: [("record_ahead", "mended")] for stage, _ in cases}
    for stage, subscription in cases:
        assert (stage, await shown(site, subscription)) == (stage, before[subscription])
    report = await reconcile(site)
    assert {stage: about(report, subscription) for stage, subscription in cases} == {stage: [] for stage, _ in cases}
    for _, subscription in cases:
        assert site.actions(subscription) == actions[subscription]
        status = await site.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
        assert status.stage is Stage.WITHDRAWN
        await site.handle(subscription).result()
        sent = Counter(str(mail["Message-ID"]) for mail in site.mailbox.of(subscription))
        assert set(sent.values()) == {1}


async def test_a_line_and_a_marketing_service_that_are_reset_without_their_requests_continue_as_recorded(
    site: World,
) -> None:
    subscription, line = with_two_lines(site)
    await cancel(site, line, complete=False)
    await site.lines.answer(line, {"termination_date": "end_of_term"}, actor=AGENT)
    marketed = site.subscription(campaigns=["A"])
    organization = site.organization(marketed)
    start = contract.StartMarketingCancellation(organization=organization, actor=AGENT, administrator=MARKETING_OWNER)
    with site.environment.with_time_skipping_disabled():
        await site.marketing.cancel(start)
        await site.marketing.attest(organization, actor=AGENT, reason="called back on the number on file")

    async def stops() -> bool:
        return (await site.marketing.status(organization)).stage is MarketingStage.STOPPING

    await eventually(stops)
    for workflow_id in (line_handle(site, line).id, contract.marketing_workflow_id(organization)):
        await reset_without_requests(site, workflow_id)

    report = await reconcile_with_second_look(site)

    assert about(report, f"{subscription}/") == [("record_ahead", "mended")]
    assert about(report, organization) == [("record_ahead", "mended")]
    assert "termination_date" not in (await site.lines.status(line)).open_questions
    await eventually(stops)
    await site.marketing.acknowledge_stop(site.campaign(marketed, "A"), actor="ad-centre")
    await site.environment.client.get_workflow_handle(contract.marketing_workflow_id(organization)).result()
    assert (await site.lines.withdraw(line, actor=AGENT, reason="stays")).stage is Stage.WITHDRAWN
    report = await reconcile(site)
    assert about(report, f"{subscription}/") == about(report, organization) == []


@pytest.mark.soak
async def test_a_migration_that_is_reset_without_its_requests_continues_as_recorded(
    site: World, migrations: Migrations
) -> None:
    subscription = await migration_accepted(migrations)
    workflow_id = contract.migration_workflow_id(subscription)
    await reset_without_requests(site, workflow_id)

    report = await reconcile_with_second_look(site)

    assert about(report, subscription) == [("record_ahead", "mended")]
    await site.pass_time(subscription, timedelta(minutes=59, seconds=57))
    await eventually(lambda: runs(site, workflow_id))
    assert (await migrations.status(subscription)).stage == "scheduled"
    assert about(await reconcile(site), subscription) == []
    assert (await site.service.withdraw(subscription, actor=AGENT, reason="they stay")).stage is Stage.WITHDRAWN
    await once_each(site, subscription)


async def test_the_run_of_an_earlier_case_that_is_reset_ends_again_and_the_case_that_it_displaced_continues(
    site: World,
) -> None:
    """Temporal terminates the run under an id when an older one is reset, whosever it is."""
    subscription = await canceled(site)
    await site.service.reverse(subscription, site.identity(subscription), actor=AGENT)
    await site.handle(subscription).result()
    earlier = (await site.handle(subscription).describe()).run_id
    day = site.today(subscription) + timedelta(days=10)
    await site.start(subscription, answers=site.answers(subscription, terminate_on=day), request_id="the second one")
    await reached(site, subscription, Stage.SCHEDULED)

    async def has_delivered() -> bool:
        return not (await site.service.status(subscription)).undelivered

    await eventually(has_delivered)
    before, actions = await shown(site, subscription), site.actions(subscription)
    mails = len(site.mailbox.of(subscription))

    await reset(site, contract.cancellation_workflow_id(subscription), to=ResetPoint.LAST, run_id=earlier)
    await site.handle(subscription).result()
    report = await reconcile(site)

    assert about(report, subscription) == [("workflow_missing", "mended")]
    assert await shown(site, subscription) == before
    assert site.actions(subscription) == actions
    assert len(site.mailbox.of(subscription)) == mails
    assert about(await reconcile(site), subscription) == []
    await site.service.withdraw(subscription, actor=AGENT, reason="changed their mind")


async def reset_without_requests(site: World, workflow_id: str) -> None:
    await reset(site, workflow_id, to=ResetPoint.BEFORE_REQUEST, without_requests=True)


async def shown(site: World, subscription: str) -> contract.CancellationStatus:
    """The status of a case, but for what is under way."""
    status = await site.service.status(subscription)
    return status.model_copy(update={"undelivered": (), "last_refusal": None})
