"""The caller of a fault run: it repeats what was not answered, and reports what no caller may see."""

import random
from collections.abc import Awaitable, Callable

from domain.cancellation.lifecycle import CancellationUnknown
from starter.service import StillWaiting
from storage.refusals import DatabaseFailed
from tests.faults.caller import Caller, Tally


class Impatient(random.Random):
    """Sends everything twice, and does not wait."""

    def random(self) -> float:
        return 0.0

    def uniform(self, a: float, b: float) -> float:  # noqa: ARG002 - as the base has it
        return 0.0


def answering(*answers: BaseException | None) -> Callable[[], Awaitable[None]]:
    """A service that gives these answers, one after the other, and accepts whatever comes then."""
    left = list(answers)

    async def send() -> None:
        if left and (answer := left.pop(0)) is not None:
            raise answer

    return send


async def test_a_request_is_repeated_until_it_is_answered() -> None:
    tally = Tally()
    waiting = StillWaiting("cancellation:SUB-1")

    assert await Caller(tally, Impatient()).ask("start", answering(waiting, waiting)) is None

    assert (tally.requests, tally.attempts, tally.answered) == (1, 4, 1)
    assert tally.unavailable == {"still_waiting": 2}
    assert tally.broken == []


async def test_bare_errors_defects_and_two_answers_are_reported() -> None:
    tally = Tally()
    caller = Caller(tally, Impatient())

    await caller.ask("answer", answering(RuntimeError("bare"), DatabaseFailed("offramp", "SyntaxError")))
    await caller.ask("withdraw", answering(CancellationUnknown("SUB-1"), None))

    bare, defect, two = tally.broken
    assert bare == "answer: RuntimeError: bare"
    assert "database_failed" in defect
    assert "two answers" in two
