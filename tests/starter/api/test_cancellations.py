"""Cancellations over HTTP: a whole life by verified principals, each request once, and every refusal with its code."""

from datetime import timedelta
from typing import Any

import pytest

from domain.principals import Role
from tests.starter.api.asking import AGENT, AUDITOR, SUPERVISOR, cases, key, problem, started
from tests.starter.api.conftest import Calls
from tests.support.world import World


async def test_a_life_by_http_is_audited_under_the_subjects_of_its_principals(world: World, calls: Calls) -> None:
    subscription = world.subscription()
    agent = calls(AGENT, subject="agent-of-ann")
    opened = await agent.post(cases(subscription), json={}, headers=key("ticket-1"))
    assert opened.status_code == 201
    assert opened.headers["location"] == f"/v1/subscriptions/{subscription}/cancellations/1"
    assert opened.json()["request_id"] == "ticket-1"

    answers = {"answers": dict(world.answers(subscription))}
    assert (await agent.post(cases(subscription, "1", "answers"), json=answers, headers=key())).status_code == 200
    attested = await agent.post(cases(subscription, "1", "attestations"), json={"reason": "called"}, headers=key())
    assert attested.json()["verified"] is True
    await world.pass_time(subscription, timedelta(minutes=1))
    shown = await calls(AUDITOR).get(cases(subscription, "newest"))
    assert shown.json()["stage"] in ("scheduled", "canceled")

    identity = {"identity": world.identity(subscription).model_dump()}
    reversed_ = await agent.post(cases(subscription, "newest", "reversals"), json=identity, headers=key())
    assert reversed_.json()["stage"] == "reversed", reversed_.text

    history = (await calls(AUDITOR).get(f"/subscriptions/{subscription}/history")).json()
    assert {entry["actor"] for entry in history["entries"] if entry["action"].endswith((".opened", ".reversed"))} == {
        "agent-of-ann"
    }


async def test_a_request_is_done_once_under_its_key(world: World, calls: Calls) -> None:
    subscription = world.subscription()
    agent, repeated = calls(AGENT), key()
    first = await agent.post(cases(subscription), json={"reason": "too dear"}, headers=repeated)
    again = await agent.post(cases(subscription), json={"reason": "too dear"}, headers=repeated)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["cancellation"] == again.json()["cancellation"]
    other = await agent.post(cases(subscription), json={"reason": "another"}, headers=repeated)
    problem(other, 409, "request_id_reused")
    joined = await agent.post(cases(subscription), json={}, headers=key())
    assert joined.status_code == 200
    assert joined.json()["request_id"] == repeated["idempotency-key"]

    withdraw = key()
    body = {"reason": "changed their mind"}
    done = await agent.post(cases(subscription, "1", "withdrawals"), json=body, headers=withdraw)
    assert done.json()["stage"] == "withdrawn"
    after_the_end = await agent.post(cases(subscription, "1", "withdrawals"), json=body, headers=withdraw)
    assert (after_the_end.status_code, after_the_end.json()["stage"]) == (200, "withdrawn")
    problem(
        await agent.post(cases(subscription, "1", "withdrawals"), json=body, headers=key()), 409, "cancellation_ended"
    )
    assert world.actions(subscription).count("cancellation.withdrawn") == 1


async def test_who_asked_for_goodwill_cannot_approve_it_whatever_their_roles(world: World, calls: Calls) -> None:
    subscription = world.subscription(lines=({"notice_period": "3M", "initial_term": "1Y", "subsequent_term": "1Y"},))
    both = calls(AGENT, SUPERVISOR, subject="boss")
    await started(both, world, subscription, goodwill="a loyal customer")
    approval = cases(subscription, "1", "approvals")
    own = await both.post(approval, json={"reason": "fine"}, headers=key())
    problem(own, 403, "own_approval")
    problem(
        await calls(AGENT, subject="other").post(approval, json={"reason": "fine"}, headers=key()), 403, "role_missing"
    )
    done = await calls(SUPERVISOR, subject="other").post(approval, json={"reason": "fine"}, headers=key())
    assert done.status_code == 200, done.text


@pytest.mark.parametrize("role", list(Role))
async def test_what_a_role_may_not_do_changes_nothing(world: World, calls: Calls, role: Role) -> None:
    subscription = world.subscription()
    answer = await calls(role).post(cases(subscription), json={}, headers=key())
    if role in (AGENT, SUPERVISOR, Role.ADMIN):
        assert answer.status_code == 201
    else:
        refused = problem(answer, 403, "role_missing")
        assert refused["remedy"]["kind"] == "ask_permitted_person"
        assert world.actions(subscription) == []


async def test_a_principal_of_other_organizations_sees_and_does_nothing(world: World, calls: Calls) -> None:
    subscription, other = world.subscription(), world.subscription()
    limited = calls(Role.ADMIN, organizations=[world.organization(other)])
    await started(calls(AGENT), world, subscription)
    for answer in (
        await limited.get(cases(subscription, "newest")),
        await limited.get(f"/subscriptions/{subscription}/history"),
        await limited.get(f"/subscriptions/{subscription}/quote"),
        await limited.post(cases(subscription, "1", "withdrawals"), json={"reason": "x"}, headers=key()),
        await limited.get(cases("SUB-NOWHERE", "newest")),
        await limited.get("/cancellations", params={"organization": world.organization(subscription)}),
    ):
        problem(answer, 403, "organization_not_permitted")
    assert (await limited.get("/cancellations")).json()["cancellations"] == []
    await started(calls(AGENT), world, other)
    assert (await limited.get("/cancellations")).json()["counts"] is None
    listed = (await limited.get("/cancellations", params={"counted": True})).json()
    assert [case["subscription"] for case in listed["cancellations"]] == [other]
    assert sum(listed["counts"].values()) == 1
    problem(await limited.get("/cancellations", params={"after": f"{subscription}/1"}), 422, "cursor_unknown")


async def test_lists_are_filtered_and_go_on_where_they_ended(world: World, calls: Calls) -> None:
    subscriptions = [world.subscription() for _ in range(3)]
    agent = calls(AGENT)
    for subscription in subscriptions:
        await started(agent, world, subscription)
    organizations = [world.organization(each) for each in subscriptions]
    auditor = calls(AUDITOR, organizations=organizations)
    first = (await auditor.get("/cancellations", params={"limit": 2})).json()
    rest = (await auditor.get("/cancellations", params={"limit": 2, "after": first["next"]})).json()
    found = [case["subscription"] for page in (first, rest) for case in page["cancellations"]]
    assert found == subscriptions[::-1]
    assert rest["next"] is None
    one = (await auditor.get("/cancellations", params={"text": subscriptions[0]})).json()
    assert [case["subscription"] for case in one["cancellations"]] == [subscriptions[0]]
    none = (await auditor.get("/cancellations", params={"stage": ["reversed", "withdrawn"]})).json()
    assert none["cancellations"] == []


async def test_a_quote_starts_nothing(world: World, calls: Calls) -> None:
    subscription = world.subscription()
    quoted = await calls(Role.BILLING).get(
        f"/subscriptions/{subscription}/quote", params={"terminate_on": "immediately"}
    )
    assert quoted.status_code in (200, 422), quoted.text
    quoted = await calls(Role.BILLING).get(f"/subscriptions/{subscription}/quote")
    assert quoted.status_code == 200
    assert quoted.json()["lines"]
    assert world.actions(subscription) == []


async def test_a_day_at_the_end_of_the_calendar_is_refused_by_name(world: World, calls: Calls) -> None:
    path = f"/subscriptions/{world.subscription()}/quote"
    for day in ("9999-12-31", "0001-01-01"):
        for asked in ({"received_on": day}, {"terminate_on": day}):
            problem(await calls(AGENT).get(path, params=asked), 422, "day_out_of_bounds")
    body = {"answers": {}, "receipt": {"received_on": "0001-01-01"}}
    problem(await calls(AGENT).post(cases("SUB-1"), json=body, headers=key()), 422, "day_out_of_bounds")


@pytest.mark.parametrize(
    ("path", "body", "problems"),
    [
        ("", {"answers": []}, "answers"),
        ("", {"anwsers": {}}, "anwsers"),
        ("", {"receipt": {"received_on": "2026-01-01", "received_at": "2026-01-01T00:00:00Z"}}, "not both"),
        ("", {"receipt": {"received_at": "2026-01-01T00:00:00"}}, "received_at"),
        ("/1/answers", {"answers": {}}, "answers"),
        ("/1/withdrawals", {}, "reason"),
        ("/1/tries", {"code": 123456}, "code"),
        ("/0/withdrawals", {"reason": "x"}, "number"),
        ("/first/withdrawals", {"reason": "x"}, "number"),
    ],
)
async def test_a_request_of_another_form_is_refused_with_its_problems_and_repeats_nothing(
    world: World, calls: Calls, path: str, body: dict[str, Any], problems: str
) -> None:
    subscription = world.subscription()
    answer = await calls(AGENT).post(cases(subscription) + path, json=body, headers=key())
    found = problem(answer, 422, "input_malformed")
    assert problems in found["values"]["problems"]


async def test_every_write_needs_a_key(world: World, calls: Calls) -> None:
    subscription = world.subscription()
    answer = await calls(AGENT).post(cases(subscription), json={})
    assert "idempotency-key" in problem(answer, 422, "input_malformed")["values"]["problems"].lower()


async def test_unclean_words_and_unknown_things_are_refused_with_their_codes(world: World, calls: Calls) -> None:
    subscription, agent = world.subscription(), calls(AGENT)
    unclean = await agent.post(cases(subscription), json={"reason": "a\u202eb"}, headers=key())
    problem(unclean, 422, "input_malformed")
    problem(await agent.get(cases(subscription, "newest")), 404, "cancellation_unknown")
    problem(await agent.post(cases("SUB-NOWHERE"), json={}, headers=key()), 404, "subscription_unknown")
    await agent.post(cases(subscription), json={}, headers=key())
    problem(await agent.get(cases(subscription, "2")), 404, "cancellation_unknown")
    withdrawn = await agent.post(
        cases(subscription, "newest", "withdrawals"), json={"reason": "other plans"}, headers=key()
    )
    assert withdrawn.status_code == 200, withdrawn.text
    await started(agent, world, subscription)
    assert (await agent.get(cases(subscription, "1"))).json()["stage"] == "withdrawn"
    assert (await agent.get(cases(subscription, "2"))).json()["stage"] != "withdrawn"
