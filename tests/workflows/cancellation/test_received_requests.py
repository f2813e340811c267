"""Requests that were received before they were entered: the letter's day counts, and every place says the same."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from temporalio.service import RPCError

import contract
from domain.messaging import MessageFacts
from domain.vocabulary import ReceiptChannel, Stage
from records.cancellation.case_list import CaseSummary, case_summary
from records.cancellation.lists import recorded_status
from starter.service.receipts import StatedReceipt
from storage.tables import MessageRow, OrganizationRow
from tests.support.world import AGENT, World, eventually, refused

LATE = "found behind a cupboard"
WITHDRAWAL: dict[str, Any] = {"actor": AGENT, "reason": "stays after all"}


def listed(world: World, subscription: str) -> CaseSummary:
    with Session(world.engine) as session:
        return case_summary(session, f"{subscription}/1")


async def shown(world: World, subscription: str) -> list[tuple[str, datetime, ReceiptChannel | None, str]]:
    """The request, the receipt, its channel and the zone of a case, from every place that shows them."""
    with Session(world.engine) as session:
        recorded = recorded_status(session, subscription)
        query = select(MessageRow.content).where(MessageRow.cancellation == f"{subscription}/1")
        told = [MessageFacts.model_validate(content) for content in session.scalars(query)]
    assert told
    live = await world.handle(subscription).query(contract.QUERY_STATUS, result_type=contract.CancellationStatus)
    everywhere: list[Any] = [live, recorded, listed(world, subscription), *told]
    return [(place.request_id, place.received_at, place.channel, place.time_zone) for place in everywhere]


async def test_a_start_through_the_client_is_shown_alike_everywhere(world: World) -> None:
    subscription = world.subscription()
    started = await world.start(subscription, complete=False, request_id="case-4711")
    assert set(await shown(world, subscription)) == {
        ("case-4711", started.received_at, None, "Europe/Berlin"),
    }


async def test_a_start_straight_through_temporal_without_an_id_is_shown_alike_everywhere(world: World) -> None:
    subscription = world.subscription()
    received_at = datetime.now(UTC) - timedelta(days=2)
    message = {
        "subscription": subscription,
        "actor": "crm",
        "received_at": received_at.astimezone().isoformat(),
        "channel": "portal",
    }
    with world.environment.with_time_skipping_disabled():
        handle = await world.environment.client.start_workflow(
            contract.SUBSCRIPTION_CANCELLATION,
            message,
            id=contract.cancellation_workflow_id(subscription),
            task_queue=world.task_queue,
        )

        async def is_open() -> bool:
            with suppress(RPCError):  # no worker has time yet
                return await handle.query(contract.QUERY_STATUS) is not None
            return False

        await eventually(is_open)
        run = handle.first_execution_run_id
        assert set(await shown(world, subscription)) == {
            (run, received_at, ReceiptChannel.PORTAL, "Europe/Berlin"),
        }


async def test_a_letter_counts_from_its_day_and_its_intake_from_the_entry(world: World) -> None:
    subscription = world.subscription(policy={"intake_timeout": "P5D"})
    received_on = world.today(subscription) - timedelta(days=10)
    stated = StatedReceipt(received_on, ReceiptChannel.LETTER)
    message = contract.StartCancellation(subscription=subscription, actor=AGENT)
    before = datetime.now(UTC)
    with world.environment.with_time_skipping_disabled():
        status = await world.service.start(message, receipt=stated)

    assert status.quote is not None
    assert (status.stage, status.quote.received_on) == (Stage.INTAKE, received_on)
    assert status.channel is ReceiptChannel.LETTER
    assert status.stage_deadline is not None
    assert status.stage_deadline >= before + timedelta(days=5)
    assert world.case(subscription).received_on == received_on


async def test_a_receipt_long_ago_needs_a_reason(world: World) -> None:
    subscription = world.subscription(policy={"backdating_days": 7})
    received_at = datetime.now(UTC) - timedelta(days=9)

    refusal = await refused(world.start(subscription, complete=False, received_at=received_at))
    late = await world.start(subscription, complete=False, received_at=received_at, received_because=LATE)

    assert refusal.code == "backdating_needs_reason"
    assert late.received_at == received_at
    assert (world.audit(subscription, "cancellation.opened").after or {})["received_because"] == LATE


async def test_a_start_that_was_sent_long_ago_needs_one_too(world: World) -> None:
    subscription = world.subscription(policy={"backdating_days": 7})
    sent_at = datetime.now(UTC) - timedelta(days=9)
    refusal = await refused(world.start(subscription, complete=False, sent_at=sent_at))
    assert refusal.code == "backdating_needs_reason"


async def test_a_receipt_in_the_future_or_before_the_case_is_refused(world: World) -> None:
    subscription = world.subscription()
    future = datetime.now(UTC) + timedelta(hours=1)
    refusal = await refused(world.start(subscription, complete=False, received_at=future))
    assert refusal.code == "received_in_future"
    received_at = (await world.start(subscription, complete=False)).received_at

    stated = {"received_in_future": future, "received_before_case": received_at - timedelta(hours=1)}
    for code, instant in stated.items():
        late = WITHDRAWAL | {"received_at": instant.isoformat(), "channel": "phone"}
        assert (await refused(world.update(subscription, "withdraw", late))).code == code
    assert await world.stage(subscription) is Stage.INTAKE
    assert world.refusals(subscription)[-2:] == [("withdraw.refused", code) for code in stated]


async def test_a_withdrawal_is_dated_when_it_was_received(world: World) -> None:
    subscription = world.subscription()
    received_at = (await world.start(subscription, complete=False)).received_at
    await world.pass_time(subscription, timedelta(days=2))

    arrived = received_at + timedelta(days=1)
    late = WITHDRAWAL | {"received_at": arrived.isoformat(), "channel": "letter"}
    assert (await world.update(subscription, "withdraw", late)).stage is Stage.WITHDRAWN

    entry = world.audit(subscription, "cancellation.withdrawn")
    assert (entry.at, (entry.after or {})["channel"]) == (arrived, "letter")


async def test_a_withdrawal_that_is_entered_after_the_effect_is_too_late_and_a_reversal_is_the_way_out(
    world: World,
) -> None:
    subscription = world.subscription()
    tomorrow = world.today(subscription) + timedelta(days=1)
    started = await world.start(subscription, answers=world.answers(subscription, terminate_on=tomorrow))
    await world.pass_time(subscription, timedelta(days=3))
    arrived = started.received_at + timedelta(minutes=10)

    late = WITHDRAWAL | {"received_at": arrived.isoformat(), "channel": "letter"}
    refusal = await refused(world.update(subscription, "withdraw", late))
    reversal = await world.request_reversal(subscription, received_at=arrived, channel=ReceiptChannel.LETTER)

    assert refusal.code == "withdrawal_too_late"
    assert reversal.stage is Stage.REVERSED
    assert world.audit(subscription, "cancellation.reversed").at == arrived


async def test_a_repetition_with_another_day_of_receipt_is_another_request(world: World) -> None:
    subscription = world.subscription()
    received_at = (await world.start(subscription, complete=False)).received_at
    await world.pass_time(subscription, timedelta(days=2))
    request = str(uuid4())
    sent: dict[str, Any] = WITHDRAWAL | {"request_id": request}
    await world.service.withdraw(subscription, receipt=StatedReceipt(received_at + timedelta(hours=1)), **sent)

    again = world.service.withdraw(subscription, receipt=StatedReceipt(received_at + timedelta(hours=2)), **sent)

    assert (await refused(again)).code == "request_id_reused"


async def test_a_zone_that_changes_while_a_case_runs_moves_nothing(world: World) -> None:
    subscription = world.subscription(zone="Pacific/Auckland")
    day = world.today(subscription) + timedelta(days=2)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day))
    await eventually(lambda: _is_scheduled(world, subscription))
    begins = (await world.service.status(subscription)).stage_deadline
    assert begins is not None
    with Session(world.engine) as session, session.begin():
        where = OrganizationRow.id == world.organization(subscription)
        session.execute(update(OrganizationRow).where(where).values(time_zone="America/Los_Angeles"))

    await world.pass_until(subscription, begins + timedelta(minutes=1))

    status = await world.service.status(subscription)
    assert (status.stage, status.access_ended_on) == (Stage.CANCELED, day)
    assert {zone for *_, zone in await shown(world, subscription)} == {"Pacific/Auckland"}


async def test_the_days_of_a_past_receipt_decide_the_lines(world: World) -> None:
    """The deadline was yesterday, and the letter came on it."""
    today = world.today(world.subscription())
    line = {
        "subsequent_term": "1Y",
        "notice_period": "31D",
        "term_until": today + timedelta(days=29),
        "cancellation_possible_until": today - timedelta(days=2),
        "known_since": datetime(2026, 1, 1, tzinfo=UTC),
    }
    in_time, late = world.subscription(lines=[line]), world.subscription(lines=[line])
    letter = StatedReceipt(today - timedelta(days=2), ReceiptChannel.LETTER)
    for subscription, receipt in ((in_time, letter), (late, None)):
        message = contract.StartCancellation(
            subscription=subscription,
            actor=AGENT,
            answers=world.answers(subscription),
            attestation=contract.Attestation(reason="called back on the number on file"),
        )
        with world.environment.with_time_skipping_disabled():
            await world.service.start(message, receipt=receipt)
            await eventually(partial(_has_ended_line, world, subscription))
    assert world.line(in_time).end_date == today + timedelta(days=29)
    assert world.line(late).end_date != today + timedelta(days=29)


async def _is_scheduled(world: World, subscription: str) -> bool:
    return await world.stage(subscription) is Stage.SCHEDULED


async def _has_ended_line(world: World, subscription: str) -> bool:
    return world.line(subscription).end_date is not None
