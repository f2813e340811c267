"""One-time codes: what verifies, what counts, and that no code is ever written down."""

import logging
import re
from datetime import timedelta

import pytest

from domain.vocabulary import Stage
from tests.support.world import AGENT, World, refused


def wrong(code: str) -> str:
    """Another code."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def test_the_code_verifies_once_and_is_nowhere_in_the_records_and_logs(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)  # what the worker logs; at DEBUG the SDK prints what it transports
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    none_sent = await refused(world.service.verify_code(subscription, "123456", actor=AGENT))
    assert none_sent.code == "no_code_sent"

    await world.service.send_code(subscription, actor=AGENT)
    code = world.codes(subscription)[0]
    missed = await refused(world.service.verify_code(subscription, wrong(code), actor=AGENT))
    assert (missed.code, missed.values["attempts_left"]) == ("code_wrong", "3")
    status = await world.service.verify_code(subscription, f" {code} ", actor=AGENT)

    assert status.verified
    for request in (
        world.service.verify_code(subscription, code, actor=AGENT),
        world.service.attest(subscription, actor=AGENT, reason="to be sure"),
        world.service.send_code(subscription, actor=AGENT),
    ):
        assert (await refused(request)).code == "already_verified"
    # Alone, not within a hash or a fraction of a second.
    in_the_clear = re.compile(rf"(?<![0-9a-f.]){code}(?![0-9a-f])")
    assert not [row for rows in world.dump().values() for row in rows if in_the_clear.search(row)]
    assert not in_the_clear.search(caplog.text)


async def test_a_code_is_void_after_its_time_and_a_new_one_works(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await world.service.send_code(subscription, actor=AGENT)
    await world.pass_time(subscription, timedelta(minutes=16))

    expired = await refused(world.service.verify_code(subscription, world.codes(subscription)[0], actor=AGENT))
    assert expired.code == "code_expired"

    await world.service.send_code(subscription, actor=AGENT)
    assert (await world.service.verify_code(subscription, world.codes(subscription)[1], actor=AGENT)).verified


async def test_the_fifth_try_and_the_fifth_code_are_refused_and_an_agent_can_attest(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False, answers=world.answers(subscription))
    service = world.service
    await service.send_code(subscription, actor=AGENT)
    code = world.codes(subscription)[0]

    tries = [wrong(code)] * 4 + [code]
    codes = [(await refused(service.verify_code(subscription, tried, actor=AGENT))).code for tried in tries]
    assert codes == ["code_wrong"] * 3 + ["code_attempts_exhausted"] * 2

    for _ in range(3):
        await service.send_code(subscription, actor=AGENT)
    assert (await refused(service.send_code(subscription, actor=AGENT))).code == "too_many_codes"
    assert len(world.codes(subscription)) == 4

    await service.attest(subscription, actor=AGENT, reason="came to the counter with a passport")
    assert (await world.service.status(subscription)).stage is not Stage.ABANDONED
    assert world.audit(subscription, "billing_administrator.verified").why == "came to the counter with a passport"
