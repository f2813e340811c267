"""Reconciliations beside cases that are opened, steered and ended: none of them is touched."""

import asyncio
from datetime import timedelta

from contract import ReconciliationReport
from domain.vocabulary import Stage
from tests.support.reconciliation import about, reconcile
from tests.support.world import AGENT, World
from tests.workflows.reconciliation.test_missing_workflows import once_each

AT_ONCE = 6


async def life(site: World, number: int) -> str:
    """A whole life, which ends in one of three ways."""
    subscription = site.subscription()
    day = site.today(subscription) + timedelta(days=10)
    answers = site.answers(subscription, terminate_on=None if number % 3 else day)
    await site.start(subscription, answers=answers)
    match number % 3:
        case 0:
            await site.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
        case 1:
            await site.pass_time(subscription, timedelta(minutes=1))
            await site.service.reverse(subscription, site.identity(subscription), actor=AGENT)
        case _:
            await site.pass_time(subscription, timedelta(days=32))
    await site.handle(subscription).result()
    return subscription


async def test_nothing_is_found_about_cases_that_are_well(site: World) -> None:
    reports: list[ReconciliationReport] = []
    lives = asyncio.gather(*(life(site, number) for number in range(AT_ONCE)))
    while not lives.done():
        reports.append(await reconcile(site))
    reports.append(await reconcile(site))

    assert len(reports) > 1
    for subscription in await lives:
        assert [found for report in reports for found in about(report, subscription)] == []
        assert Stage(site.case(subscription).stage).is_final
        await once_each(site, subscription)
