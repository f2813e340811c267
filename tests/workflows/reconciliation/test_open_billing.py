"""Lines that wait for credit memos: lawful while they do, and mended where a posted credit memo did not end its line."""

from datetime import timedelta

import contract
from domain.vocabulary import Stage
from tests.support.prepaid import mailed, post, prepaid, settled, start
from tests.support.reconciliation import about, reconcile, runs, terminate
from tests.support.world import World


async def closed(site: World) -> tuple[str, str]:
    """A closed case whose credit memo nobody has posted, though all were told; and the invoice."""
    subscription, invoice = prepaid(site)
    await start(site, subscription, in_days=1)
    await site.pass_time(subscription, timedelta(days=33))
    await site.handle(subscription).result()
    return subscription, invoice


async def test_a_case_that_waits_for_credit_memos_is_no_finding_at_any_stage(site: World) -> None:
    waiting, _ = prepaid(site)
    await start(site, waiting, in_days=15)
    after_effect, _ = prepaid(site)
    await start(site, after_effect, in_days=1)
    await site.pass_time(after_effect, timedelta(days=2))
    over, _ = await closed(site)

    report = await reconcile(site)

    for subscription in (waiting, after_effect, over):
        assert about(report, subscription) == []
    assert site.line(over).end_date is None


async def test_a_line_that_was_credited_past_the_service_is_found_and_ended(site: World) -> None:
    subscription, invoice = prepaid(site)
    await start(site, subscription, in_days=15)
    site.credit(invoice)

    assert about(await reconcile(site, dry_run=True), subscription) == [("end_date_missing", "to_be_mended")]
    assert site.line(subscription).end_date is None
    assert about(await reconcile(site), subscription) == [("end_date_missing", "mended")]

    await settled(site, subscription)
    assert site.line(subscription).end_date == site.today(subscription) + timedelta(days=20)
    assert about(await reconcile(site), subscription) == []


async def test_a_closed_case_whose_line_was_credited_past_the_service_is_continued_for_that(site: World) -> None:
    subscription, invoice = await closed(site)
    site.credit(invoice)

    found = about(await reconcile(site), subscription)

    assert found == [("workflow_missing", "mended"), ("end_date_missing", "mended")]
    assert len(await mailed(site, subscription, "billing_settled")) == 1
    assert site.line(subscription).end_date == site.today(subscription) + timedelta(days=20)
    assert site.case(subscription).stage == Stage.CLOSED
    assert about(await reconcile(site), subscription) == []


async def test_a_closed_case_that_was_terminated_before_the_escalation_is_continued_until_it_is_told(
    site: World,
) -> None:
    subscription, _ = prepaid(site, policy={"reversal_window_days": 2})
    await start(site, subscription, in_days=1)
    await site.pass_time(subscription, timedelta(days=5))
    workflow_id = contract.cancellation_workflow_id(subscription)
    assert site.case(subscription).stage == Stage.CLOSED
    assert await runs(site, workflow_id)
    await terminate(site, workflow_id)

    assert about(await reconcile(site), subscription) == [("workflow_missing", "mended")]
    await site.pass_time(subscription, timedelta(days=30))
    await site.handle(subscription).result()

    actions = site.actions(subscription)
    assert (actions.count("credit_memo.reminded"), actions.count("credit_memo.escalated")) == (2, 1)


async def test_a_credit_memo_while_the_workflow_is_lost_ends_the_line_and_is_announced_when_it_is_back(
    site: World,
) -> None:
    subscription, invoice = prepaid(site)
    await start(site, subscription, in_days=15)
    await terminate(site, contract.cancellation_workflow_id(subscription))
    await post(site, invoice)
    assert site.line(subscription).end_date is not None

    assert about(await reconcile(site), subscription) == [("workflow_missing", "mended")]

    assert len(await mailed(site, subscription, "billing_settled")) == 1
