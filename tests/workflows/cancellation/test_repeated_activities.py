"""Temporal runs an activity at least once. Here each one runs exactly twice, in whole lives, and the second changes nothing.

Those of the update of line dates report heartbeats, which the SDK does not let an interceptor repeat: see test_line_dates.
"""

import asyncio
from typing import Any

import pytest
import temporalio.client
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from runtime.temporal import offramp_plugin
from tests.support.lives import CANCELLATIONS, MARKETING
from tests.support.world import AGENT, World, refused

NOT_REPEATED = {"send_code"}
"""Makes a new code each time, because the one before was never kept: see its own tests."""


TRIES = 3
"""A change that comes each time is the activity's; one that came once may be a client's, at the same moment."""


class Twice(temporalio.client.Interceptor, Interceptor):
    """Runs every activity twice, and keeps what the second time changed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ran: set[str] = set()
        self.changed: list[str] = []
        self.one_at_a_time = asyncio.Lock()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _RunTwice(super().intercept_activity(next), self)


class _RunTwice(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, twice: Twice) -> None:
        super().__init__(following)
        self._twice = twice

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        async with self._twice.one_at_a_time:
            return await self._run_twice(input)

    async def _run_twice(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        name = str(getattr(input.fn, "__name__", input.fn))
        first = await super().execute_activity(input)
        self._twice.ran.add(name)
        if name in NOT_REPEATED:
            return first
        for _ in range(TRIES):
            before = self._twice.world.dump()
            second = await super().execute_activity(input)
            assert second == first, name
            if self._twice.world.dump() == before:
                return second
        self._twice.changed.append(name)
        return first


@pytest.mark.soak
async def test_every_activity_of_every_life_changes_nothing_when_it_is_run_again(idle_world: World) -> None:
    world = idle_world
    twice = Twice(world)
    client = await world.environment.connect_client(plugins=[offramp_plugin()], interceptors=[twice])
    async with world.worker(client=client):
        for live in (CANCELLATIONS | MARKETING).values():
            await live(world)
        await _verified_by_code_and_by_word(world)

    assert twice.changed == []
    assert twice.ran == {
        "open_case", "save_answers", "save_attestation", "await_approval", "approve_goodwill", "settle_lines",
        "take_effect", "reverse", "withdraw", "abandon", "close", "remind", "receive_request", "record_refusal", "send_code", "check_code",
        "deliver_mail", "request_consent", "remind_of_consent", "save_consent", "time_consent_out", "stop_campaigns",
        "remind_ad_centre", "look_at_billing", "remind_billing", "acknowledge_stop", "open_marketing_case", "cancel_marketing_service",
        "complete_marketing_case", "abandon_marketing_case",
    }  # fmt: skip
    ids = [mail["Message-ID"] for mail in world.mailbox.mails]
    assert len(ids) == len(set(ids)), "no mail went out twice"


async def _verified_by_code_and_by_word(world: World) -> None:
    by_code, by_word = world.subscription(), world.subscription()
    await world.start(by_code, complete=False)
    await world.service.send_code(by_code, actor=AGENT)
    [code] = world.codes(by_code)
    wrong = await refused(world.service.verify_code(by_code, "no code", actor=AGENT))
    assert wrong.code == "code_wrong"
    assert (await world.service.verify_code(by_code, code, actor=AGENT)).verified

    await world.start(by_word, complete=False)
    assert (await world.service.attest(by_word, actor=AGENT, reason="known by voice")).verified
