"""A request to a case whose workflow is gone: the case is continued from its record, and answers."""

import pytest

import contract
from domain.vocabulary import Stage
from tests.support.reconciliation import BUTTONS, Button, terminate
from tests.support.world import AGENT, World, refused
from tests.workflows.reconciliation.test_missing_workflows import canceled, in_intake, once_each, scheduled


@pytest.mark.parametrize("press", BUTTONS, ids=lambda value: value.__name__)
async def test_a_withdrawal_continues_the_case_and_ends_it(site: World, press: Button) -> None:
    subscription = await scheduled(site)
    await press(site, contract.cancellation_workflow_id(subscription))

    status = await site.service.withdraw(subscription, actor=AGENT, reason="changed their mind")

    assert (status.stage, site.access(subscription)) == (Stage.WITHDRAWN, "on")
    await site.handle(subscription).result()
    await once_each(site, subscription)


@pytest.mark.parametrize("press", BUTTONS, ids=lambda value: value.__name__)
async def test_a_reversal_continues_the_case_and_ends_it(site: World, press: Button) -> None:
    subscription = await canceled(site)
    await press(site, contract.cancellation_workflow_id(subscription))

    status = await site.service.reverse(subscription, site.identity(subscription), actor=AGENT)

    assert (status.stage, site.access(subscription)) == (Stage.REVERSED, "on")
    await site.handle(subscription).result()
    await once_each(site, subscription)


async def test_an_answer_continues_the_intake(site: World) -> None:
    subscription = await in_intake(site)
    await terminate(site, contract.cancellation_workflow_id(subscription))
    answers = site.answers(subscription)
    answers.pop("data")

    with site.environment.with_time_skipping_disabled():
        status = await site.service.answer(subscription, answers, actor=AGENT)

    assert (status.stage, status.verified, status.open_questions) == (Stage.INTAKE, False, ())


async def test_a_case_that_has_ended_is_not_continued_for_a_request(site: World) -> None:
    subscription = await scheduled(site)
    await site.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
    await site.handle(subscription).result()

    again = await refused(site.service.withdraw(subscription, actor=AGENT, reason="changed their mind"))

    assert again.code == "cancellation_ended"
    assert (await site.handle(subscription).describe()).status == 2


async def test_the_status_of_a_case_without_a_workflow_is_that_of_its_record(site: World) -> None:
    subscription = await scheduled(site)
    await terminate(site, contract.cancellation_workflow_id(subscription))

    status = await site.service.status(subscription)

    assert status.stage is Stage.SCHEDULED
    assert "its workflow is not running" in status.waiting_for
