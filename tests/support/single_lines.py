"""Cancellations of single lines in a world: started, looked at, and with time passed for them."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from temporalio.client import WorkflowHandle

from contract import (
    REQUEST_REVERSAL,
    Attestation,
    LineCancellationStatus,
    RequestReversal,
    StartLineCancellation,
    line_cancellation_workflow_id,
)
from domain.vocabulary import Stage
from storage.tables import CancellationRow, SubscriptionLineRow
from tests.support.world import AGENT, World, eventually


def two_lines(world: World) -> tuple[str, str]:
    """A subscription with two lines, each of which ends twenty days after notice; return it and its first line."""
    subscription = world.subscription(lines=[{"notice_period": "20D"}, {"notice_period": "20D"}])
    return subscription, f"{subscription}-1"


async def cancel(
    world: World, line: str, *, complete: bool = True, on: date | None = None, **fields: Any
) -> LineCancellationStatus:
    """Start a cancellation of a line; with everything answered and attested, if complete."""
    if complete:
        with Session(world.engine) as session:
            row = session.get(SubscriptionLineRow, line)
        identity = world.identity(row.subscription).model_dump() if row is not None else {}
        wish = on.isoformat() if on is not None else "end_of_term"
        fields.setdefault("answers", {**identity, "termination_date": wish})
        fields.setdefault("attestation", Attestation(reason="called back on the number on file"))
    fields.setdefault("actor", AGENT)
    with world.environment.with_time_skipping_disabled():
        return await world.lines.start(StartLineCancellation(subscription_line=line, **fields))


def line_handle(world: World, line: str) -> WorkflowHandle[Any, Any]:
    """The workflow that carries the line's cancellation."""
    return world.environment.client.get_workflow_handle(line_cancellation_workflow_id(line))


async def line_reached(world: World, line: str, stage: Stage) -> LineCancellationStatus:
    """Wait until the case of a line is in a stage; return its status then."""

    async def is_in() -> bool:
        return (await world.lines.status(line)).stage is stage

    await eventually(is_in)
    return await world.lines.status(line)


async def pass_line_time(world: World, line: str, duration: timedelta) -> None:
    """Let time pass for the case of a line."""
    await world.environment.fast_forward(line_handle(world, line), duration)


async def pass_line_until(world: World, line: str, instant: datetime) -> None:
    """Let time pass until an instant on the clock of the case of a line."""
    now = await world.environment.get_current_time(line_handle(world, line))
    await pass_line_time(world, line, instant - now)


def line_case(world: World, line: str) -> CancellationRow:
    """The newest cancellation of a line as it is in the database now."""
    with Session(world.engine, expire_on_commit=False) as session:
        query = select(CancellationRow).where(CancellationRow.subscription_line == line)
        return session.scalars(query.order_by(CancellationRow.ordinal.desc()).limit(1)).one()


async def reverse_line(world: World, subscription: str, line: str) -> LineCancellationStatus:
    """Reverse the cancellation of a line at this moment on its clock."""
    message = RequestReversal(actor=AGENT, identity=world.identity(subscription))
    status: LineCancellationStatus = await line_handle(world, line).execute_update(
        REQUEST_REVERSAL, message, result_type=LineCancellationStatus
    )
    return status
