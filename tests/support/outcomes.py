"""Outcomes of requests, and waiting for events that come by themselves."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from types import UnionType
from typing import Any, TypeVar

from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from domain.refusals import Refusal, RefusalDetails
from runtime.refusals import as_refusal

Result = TypeVar("Result")


async def refused(asked: Awaitable[object]) -> RefusalDetails:
    """Await what must be refused, through the client or straight through Temporal; return the refusal."""
    refusal: RefusalDetails | None = None
    try:
        await asked
    except Refusal as raised:
        refusal = raised.details
    except (WorkflowUpdateFailedError, WorkflowFailureError) as failure:
        refusal = as_refusal(failure.cause)
    assert refusal is not None, "that should have been refused with a code"
    return refusal


NO_ANSWERS = {"still_waiting", "request_lost", "temporal_refused", "temporal_failed"}
"""The codes of refusals that say that nobody has judged the request."""


async def answered(asked: Awaitable[object], form: type | UnionType) -> None:
    """Await what must be answered: by a status, or by a refusal for good; anything else would be a fault of the service."""
    try:
        outcome: object = await asked
    except Refusal as refusal:
        outcome = refusal
    is_refused = isinstance(outcome, Refusal) and outcome.details.code not in NO_ANSWERS
    assert is_refused or isinstance(outcome, form), repr(outcome)


AT_ONCE = 8
"""The number of cases that run at the same time. One worker carries them: on a busy machine, 25 of them waited for its only
thread for workflows until the client's 30 seconds were over."""


async def all_hold(cases: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run many cases, several at the same time; none runs on once another one fails."""
    places = asyncio.Semaphore(AT_ONCE)

    async def run(case: Coroutine[Any, Any, None]) -> None:
        try:
            async with places:
                await case
        finally:
            case.close()  # one that had no place before another failed

    async with asyncio.TaskGroup() as group:
        for case in cases:
            group.create_task(run(case))


async def not_broken_off(call: Callable[[], Awaitable[Result]]) -> Result:
    """Return the answer of Temporal to a request that may be repeated, and is while the server breaks it off.

    A server that is short of time answers "operation was canceled". What the service does then has tests of its own.
    """
    answers: list[Result] = []

    async def is_answered() -> bool:
        try:
            answers.append(await call())
        except RPCError as error:
            if error.status is not RPCStatusCode.CANCELLED:
                raise
        return bool(answers)

    await eventually(is_answered)
    return answers[0]


async def eventually(holds: Callable[[], Awaitable[bool]], *, within: float = 120) -> None:
    """Wait for what happens outside the workflow's clock, looking again and again.

    It waits longer than the service's own time-outs, after which a step, a task or a delivery is done anew: 5, 10 and 30
    seconds, of which a busy machine may need one.
    """
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - there is nothing to be notified by
            await asyncio.sleep(0.02)
