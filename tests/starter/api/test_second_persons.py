"""What callers have tried to get round the second person and the audit trail, over HTTP."""

from typing import Any

import pytest

from tests.starter.api.asking import AGENT, AUDITOR, SUPERVISOR, cases, key, problem
from tests.starter.api.conftest import Calls
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_time_passes")

TERMS = ({"notice_period": "3M", "initial_term": "1Y", "subsequent_term": "1Y"},)


async def entries(calls: Calls, subscription: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await calls(AUDITOR).get(f"/subscriptions/{subscription}/history")).json()["entries"]
    return found


async def test_who_asked_for_goodwill_stays_one_who_did_whoever_corrects_after_them(world: World, calls: Calls) -> None:
    subscription = world.subscription(lines=TERMS)
    opener, boss = calls(AGENT, subject="opener"), calls(SUPERVISOR, subject="boss")
    other, lead = calls(AGENT, subject="other"), calls(SUPERVISOR, subject="lead")
    corrections, approvals = cases(subscription, "1", "corrections"), cases(subscription, "1", "approvals")
    await opener.post(cases(subscription), json={"attestation": "called back"}, headers=key())
    asked = {"reason": "their wish", "goodwill": "a loyal customer"}
    assert (await boss.post(corrections, json=asked, headers=key())).status_code == 200
    answers = {"answers": dict(world.answers(subscription))}
    assert (await opener.post(cases(subscription, "1", "answers"), json=answers, headers=key())).status_code == 200
    wish = {"reason": "a typing error", "answers": {"termination_date": "end_of_term"}}
    assert (await other.post(corrections, json=wish, headers=key())).status_code == 200
    for each in (boss, calls(SUPERVISOR, subject=" Boss"), calls(SUPERVISOR, subject="other")):
        problem(await each.post(approvals, json={"reason": "agreed"}, headers=key()), 403, "own_approval")
    assert (await lead.post(approvals, json={"reason": "agreed"}, headers=key())).status_code == 200


async def test_who_says_until_when_does_not_approve_what_that_costs(world: World, calls: Calls) -> None:
    subscription = world.subscription(lines=TERMS)
    opener, boss = calls(AGENT, subject="opener"), calls(SUPERVISOR, subject="boss")
    body = {"attestation": "called back", "goodwill": "a loyal customer"}
    await opener.post(cases(subscription), json=body, headers=key())
    answers = {"answers": dict(world.answers(subscription))}
    assert (await boss.post(cases(subscription, "1", "answers"), json=answers, headers=key())).status_code == 200
    approvals = cases(subscription, "1", "approvals")
    problem(await boss.post(approvals, json={"reason": "agreed"}, headers=key()), 403, "own_approval")
    lead = calls(SUPERVISOR, subject="lead")
    assert (await lead.post(approvals, json={"reason": "agreed"}, headers=key())).status_code == 200


@pytest.mark.parametrize("added", ["tried", "refused", "answers", "corrected", "tries"])
async def test_a_key_with_something_added_is_another_key(world: World, calls: Calls, added: str) -> None:
    subscription, agent = world.subscription(), calls(AGENT, subject="agent")
    with world.environment.with_time_skipping_disabled():
        await agent.post(cases(subscription), json={}, headers=key())
        elsewhere, here = cases(subscription, "2"), cases(subscription, "1")
        for name in ("codes", "attestations"):
            asked: dict[str, Any] = {} if name == "codes" else {"json": {"reason": "called back"}}
            refused = await agent.post(f"{elsewhere}/{name}", headers=key("q"), **asked)
            problem(refused, 409, "request_of_another_case")
            if name == "attestations":
                continue
            assert (await agent.post(f"{here}/{name}", headers=key(f"q:{added}"), **asked)).status_code == 200
        wrong = f"{(int(world.codes(subscription)[0]) + 1) % 1_000_000:06d}"
        problem(await agent.post(f"{here}/tries", json={"code": wrong}, headers=key("q")), 409, "code_wrong")
        verified = await agent.post(
            f"{here}/tries", json={"code": world.codes(subscription)[0]}, headers=key(f"q:{added}")
        )
        assert verified.json()["verified"] is True
    actions = [entry["action"] for entry in await entries(calls, subscription)]
    assert actions.count("code.sent") == 1
    assert actions.count("code.tried") == 2
    assert actions.count("billing_administrator.verified") == 1


async def test_an_attestation_under_such_a_key_is_recorded(world: World, calls: Calls) -> None:
    subscription, agent = world.subscription(), calls(AGENT, subject="agent")
    with world.environment.with_time_skipping_disabled():
        await agent.post(cases(subscription), json={}, headers=key())
        body = {"reason": "called back"}
        await agent.post(cases(subscription, "2", "attestations"), json=body, headers=key("q"))
        await agent.post(cases(subscription, "1", "attestations"), json=body, headers=key("q:refused"))
    [verified] = [
        entry for entry in await entries(calls, subscription) if entry["action"] == "billing_administrator.verified"
    ]
    assert (verified["actor"], verified["why"]) == ("agent", "called back")


@pytest.mark.parametrize("name", ["ann@contoso.example", "with space", "", "x" * 101])
async def test_a_key_is_no_address_of_a_person(world: World, calls: Calls, name: str) -> None:
    answer = await calls(AGENT).post(cases(world.subscription()), json={}, headers={b"idempotency-key": name.encode()})
    problem(answer, 422, "input_malformed")
