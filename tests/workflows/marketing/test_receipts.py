"""The receipt of a marketing service's cancellation, and its zone: as those of a subscription's."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

import contract
from domain.messaging import MarketingServiceFacts
from domain.vocabulary import ReceiptChannel
from records.marketing.lists import recorded_marketing_status
from storage.tables import MessageRow, OrganizationRow
from tests.support.world import MARKETING_OWNER, World, eventually, refused

ZONE = "Pacific/Auckland"


async def test_it_is_shown_alike_everywhere_and_keeps_its_zone(world: World) -> None:
    organization = world.organization(world.subscription(zone=ZONE, campaigns=["A"]))
    received_at = datetime.now(UTC) - timedelta(days=3)
    message: dict[str, Any] = {
        "organization": organization,
        "actor": "crm",
        "administrator": MARKETING_OWNER,
        "received_at": received_at.isoformat(),
        "channel": "letter",
    }
    with world.environment.with_time_skipping_disabled():
        handle = await world.environment.client.start_workflow(
            contract.MARKETING_SERVICE_CANCELLATION,
            message,
            id=contract.marketing_workflow_id(organization),
            task_queue=world.task_queue,
        )

        async def is_open() -> bool:
            return await handle.query(contract.QUERY_STATUS) is not None

        await eventually(is_open)
        with Session(world.engine) as session, session.begin():
            where = OrganizationRow.id == organization
            session.execute(update(OrganizationRow).where(where).values(time_zone="America/Los_Angeles"))
        live = await handle.query(contract.QUERY_STATUS, result_type=contract.MarketingCancellationStatus)
    with Session(world.engine) as session:
        recorded = recorded_marketing_status(session, organization)
        query = select(MessageRow.content).where(MessageRow.marketing_cancellation == live.cancellation)
        told = [MarketingServiceFacts.model_validate(content) for content in session.scalars(query)]

    everywhere: list[Any] = [live, recorded, *told]
    assert told
    assert {(place.request_id, place.received_at, place.channel, place.time_zone) for place in everywhere} == {
        (handle.first_execution_run_id, received_at, ReceiptChannel.LETTER, ZONE)
    }
    assert live.stage_deadline is not None
    assert live.stage_deadline > datetime.now(UTC) + timedelta(days=13)


async def test_a_receipt_long_ago_needs_a_reason(world: World) -> None:
    organization = world.organization(world.subscription(campaigns=["A"]))
    start = contract.StartMarketingCancellation(
        organization=organization,
        actor="crm",
        administrator=MARKETING_OWNER,
        received_at=datetime.now(UTC) - timedelta(days=20),
    )
    assert (await refused(world.marketing.cancel(start))).code == "backdating_needs_reason"
