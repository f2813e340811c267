"""Noise around a case, which makes its history long."""

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.client import WorkflowHandle

from tests.support.world import World, refused

FEW_EVENTS = "limit.historyCount.suggestContinueAsNew=40"
"""The server suggests to continue as new at this length of a history, instead of at 4,096 events."""


async def run_of(workflow: WorkflowHandle[Any, Any]) -> str:
    """The run that carries the case now."""
    return (await workflow.describe()).run_id or ""


async def make_noise(world: World, subscription: str) -> int:
    """Have verifications of a cancellation refused until it continues in another run; return their number."""
    return await noise_for(
        world.handle(subscription),
        lambda caller: world.service.verify_code(subscription, "no code", actor=caller),
    )


async def noise_for(workflow: WorkflowHandle[Any, Any], ask: Callable[[str], Awaitable[Any]]) -> int:
    """Have requests refused, by callers with many names, until the case continues in another run; return their number."""
    run, number = await run_of(workflow), 0
    while await run_of(workflow) == run:
        number += 1
        assert number < 60, "the case does not continue as new"
        await refused(ask(f"noise-{run[:8]}-{number}"))
    return number
