"""Terminate and Delete after the effect: while data is to be erased, while copies are to go, while the ad centre is asked."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

import contract
from domain.marketing import MarketingStage
from domain.vocabulary import Stage
from storage.tenants.logins import Tenant
from tests.support.reconciliation import BUTTONS, Button, about, reconcile
from tests.support.world import AGENT, MARKETING_OWNER, World, eventually
from tests.workflows.reconciliation.test_missing_workflows import once_each, reached

pytestmark = pytest.mark.soak

NAME = "called back on the number on file"


async def closed_with_an_export(site: World) -> str:
    """The case is closed, and the export is not acknowledged, so that nothing may be erased yet."""
    subscription = site.subscription(data_rows=20)
    await site.start(subscription, answers=site.answers(subscription, data="export"))
    await reached(site, subscription, Stage.SCHEDULED, Stage.CANCELED)
    await site.pass_time(subscription, timedelta(days=32))
    await reached(site, subscription, Stage.CLOSED)
    return subscription


@pytest.mark.parametrize("press", BUTTONS, ids=lambda value: value.__name__)
async def test_a_closed_case_whose_data_is_to_be_erased_continues(site: World, press: Button) -> None:
    subscription = await closed_with_an_export(site)
    await press(site, contract.cancellation_workflow_id(subscription))

    report = await reconcile(site)

    assert about(report, subscription) == [("workflow_missing", "mended")]
    status = await site.service.status(subscription)
    assert status.export is contract.ExportStatus.READY
    assert site.the_data.keys(f"{subscription}/1")
    await site.offramp.exports.acknowledge(subscription, actor=AGENT)
    ended = contract.CancellationStatus.model_validate(await site.handle(subscription).result())
    assert ended.erased_at is not None
    assert site.the_data.keys(f"{subscription}/1") == []
    await once_each(site, subscription)
    assert about(await reconcile(site), subscription) == []


@pytest.mark.parametrize("press", BUTTONS, ids=lambda value: value.__name__)
async def test_copies_of_a_case_that_a_later_one_follows_are_removed(site: World, press: Button) -> None:
    """Its workflow was ended before the effect, and the next start closed the orphaned case."""
    subscription = site.subscription(data_rows=20)
    day = site.today(subscription) + timedelta(days=10)
    await site.start(subscription, answers=site.answers(subscription, data="export", terminate_on=day))
    await reached(site, subscription, Stage.SCHEDULED)
    await press(site, contract.cancellation_workflow_id(subscription))
    await site.start(subscription, complete=False, request_id="the next one")
    assert site.the_data.keys(f"{subscription}/1")

    report = await reconcile(site)

    assert ("copies_left", "mended") in about(report, f"{subscription}/1")
    assert site.the_data.keys(f"{subscription}/1") == []
    assert site.audit(subscription, "export.discarded").actor == "reconciliation"
    await eventually(lambda: _agrees(site, f"{subscription}/1"))


async def verifying(site: World, organization: str) -> None:
    await site.marketing.cancel(
        contract.StartMarketingCancellation(organization=organization, actor=AGENT, administrator=MARKETING_OWNER)
    )


async def stopping(site: World, organization: str) -> None:
    await verifying(site, organization)
    await site.marketing.attest(organization, actor=AGENT, reason=NAME)

    async def is_stopping() -> bool:
        return (await site.marketing.status(organization)).stage is MarketingStage.STOPPING

    await eventually(is_stopping)


@pytest.mark.parametrize("press", BUTTONS, ids=lambda value: value.__name__)
@pytest.mark.parametrize("bring", [verifying, stopping], ids=lambda value: value.__name__)
async def test_a_marketing_service_whose_workflow_is_gone_is_cancelled_all_the_same(
    site: World, bring: type, press: Button
) -> None:
    subscription = site.subscription(campaigns=["A"])
    organization, campaign = site.organization(subscription), site.campaign(subscription, "A")
    with site.environment.with_time_skipping_disabled():
        await bring(site, organization)
        await press(site, contract.marketing_workflow_id(organization))

        report = await reconcile(site)

        assert about(report, organization) == [("workflow_missing", "mended")]
        if bring is verifying:
            await site.marketing.attest(organization, actor=AGENT, reason=NAME)
            await eventually(lambda: _stops(site, organization, campaign))
        await site.marketing.acknowledge_stop(campaign, actor="ad-centre")
        workflow = site.environment.client.get_workflow_handle(contract.marketing_workflow_id(organization))
        ended = contract.MarketingCancellationStatus.model_validate(await workflow.result())
    assert ended.stage is MarketingStage.CANCELED
    assert (ended.campaigns_stopped, ended.campaigns_outstanding) == ((campaign,), ())
    assert about(await reconcile(site), organization) == []


async def test_nothing_is_erased_where_the_record_does_not_say_so(site: World) -> None:
    """The organization got its schema after the end: the case kept no data, and nothing proves that there was some."""
    subscription = site.subscription()
    await site.start(subscription)
    await site.pass_time(subscription, timedelta(days=32))
    await site.handle(subscription).result()
    schema = f"late_{subscription.removeprefix('SUB-')}"
    with Session(site.engine) as session, session.begin():
        site.fill(session, Tenant(site.organization(subscription), schema), 5)
    site.name_schema(subscription, schema)

    assert about(await reconcile(site), subscription) == []  # Temporal knows that its workflow had nothing left to do
    await BUTTONS[1](site, contract.cancellation_workflow_id(subscription))
    assert about(await reconcile(site), subscription) == [("erasure_uncertain", "left")]
    assert site.the_data.tables(schema)


async def _stops(site: World, organization: str, campaign: str) -> bool:
    return campaign in (await site.marketing.status(organization)).campaigns_outstanding


async def _agrees(site: World, case: str) -> bool:
    return about(await reconcile(site), case) == []
