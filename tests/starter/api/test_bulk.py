"""Bulks by the API: planned, looked at, confirmed by another person, and seen by those alone whom they concern."""

import json

import httpx
import pytest
from sqlalchemy.orm import Session

from domain.bulk import MOST_AT_ONCE
from domain.principals import Role
from storage.tables import BulkRow
from tests.starter.api.asking import AGENT, AUDITOR, SUPERVISOR, cases, key, problem, repeated
from tests.starter.api.conftest import Calls
from tests.support.bulks import as_file, row, short
from tests.support.world import World, eventually

BULKS = "/bulk-cancellations"
WHY = "the product ends"

pytestmark = pytest.mark.usefixtures("no_time_passes")


async def has_state(client: httpx.AsyncClient, path: str, state: str) -> dict[str, object]:
    found: dict[str, object] = {}

    async def is_there() -> bool:
        found.update((await client.get(path)).json())
        return found["state"] == state

    await eventually(is_there)
    return found


async def planned(client: httpx.AsyncClient, rows: list[dict[str, str]], **more: object) -> dict[str, object]:
    answer = await client.post(BULKS, json={"csv": as_file(rows), "reason": WHY, **more}, headers=key())
    assert answer.status_code == 202, answer.text
    return await has_state(client, answer.headers["location"].removeprefix("/v1"), "planned")


async def test_a_bulk_is_planned_by_one_and_confirmed_by_another(calls: Calls, world: World) -> None:
    agent, supervisor = calls(AGENT, subject="ann"), calls(SUPERVISOR, subject="lead")
    subscriptions = [world.subscription() for _ in range(11)]
    plan = await planned(
        agent, [*(row(world, each) for each in subscriptions), short("SUB-NOWHERE")], name="leavers.csv"
    )
    path = f"{BULKS}/{plan['bulk']}"

    assert (plan["source"], plan["ready"], plan["refusals"]) == ("leavers.csv", 11, {"subscription_unknown": 1})
    refused = (await agent.get(f"{path}/rows", params={"state": "refused"})).json()["rows"]
    assert [(one["number"], one["refusal"]["code"]) for one in refused] == [(13, "subscription_unknown")]
    page = (await agent.get(f"{path}/rows", params={"limit": 10})).json()
    assert (len(page["rows"]), page["next"]) == (10, 11)
    assert len((await agent.get(f"{path}/rows", params={"after": page["next"]})).json()["rows"]) == 2

    confirmation = {"digest": plan["digest"], "reason": "looked at every row"}
    problem(await agent.post(f"{path}/confirmations", json=confirmation, headers=key()), 403, "role_missing")
    own = calls(SUPERVISOR, subject="ANN")
    problem(await own.post(f"{path}/confirmations", json=confirmation, headers=key()), 403, "bulk_needs_second_person")
    first, again = await repeated(
        supervisor, "POST", f"{path}/confirmations", confirmation, {**confirmation, "reason": "something else"}
    )
    assert (first.status_code, again.status_code) == (202, 202)
    done = await has_state(agent, path, "finished")
    assert done["rows"] == {"started": 11, "refused": 1}
    assert world.audit(subscriptions[0], "cancellation.opened").actor == "lead"


async def test_who_may_confirm_a_bulk_sees_what_they_put_their_name_to_and_nobody_else(
    calls: Calls, world: World
) -> None:
    subscription = world.subscription()
    plan = await planned(calls(AGENT), [row(world, subscription, reason="as they wrote", goodwill="a promise")])
    path = f"{BULKS}/{plan['bulk']}/rows"
    [shown] = (await calls(SUPERVISOR).get(path)).json()["rows"]
    content = shown["content"]
    assert (content["attestation"], content["goodwill"]) == ("a list by the sales team", "a promise")
    assert (content["reason"], content["answers"]) == ("as they wrote", dict(world.answers(subscription)))
    assert shown["quote"]["goodwill"]["ends"]
    for role in (AGENT, AUDITOR, Role.OPERATOR):
        [hidden] = (await calls(role).get(path)).json()["rows"]
        assert hidden == {**shown, "content": None}


async def test_nobody_makes_a_request_under_the_id_of_a_row(calls: Calls, world: World) -> None:
    agent, subscription = calls(AGENT), world.subscription()
    plan = await planned(agent, [short(subscription)])
    of_row = key(f"{plan['bulk']}-2")
    problem(await agent.post(cases(subscription), json={}, headers=of_row), 422, "request_id_reserved")
    problem(
        await agent.post(BULKS, json={"csv": "subscription\nSUB-1\n", "reason": WHY}, headers=of_row),
        422,
        "request_id_reserved",
    )
    assert world.actions(subscription) == []


async def test_a_plan_is_repeated_under_its_key(calls: Calls, world: World) -> None:
    agent = calls(AGENT)
    body = {"csv": as_file([short(world.subscription())]), "reason": WHY}
    first, again = await repeated(agent, "POST", BULKS, body, {**body, "reason": "something else"})
    assert first.json()["bulk"] == again.json()["bulk"]


async def test_whoever_is_limited_to_organizations_plans_and_sees_their_own_alone(calls: Calls, world: World) -> None:
    mine, others = world.subscription(), world.subscription()
    limited = calls(AGENT, organizations=[world.organization(mine)])
    elsewhere = calls(SUPERVISOR, organizations=[world.organization(others)])
    plan = await planned(limited, [short(mine), short(others), short("SUB-NOWHERE")])
    path = f"{BULKS}/{plan['bulk']}"

    assert plan["refusals"] == {"organization_not_permitted": 2}, "what does not exist is told from nothing"
    problem(await elsewhere.get(path), 404, "bulk_unknown")
    problem(await elsewhere.get(f"{path}/rows"), 404, "bulk_unknown")
    confirmation = {"digest": plan["digest"], "reason": "looked at every row"}
    problem(await elsewhere.post(f"{path}/confirmations", json=confirmation, headers=key()), 404, "bulk_unknown")
    assert plan["bulk"] not in {one["bulk"] for one in (await elsewhere.get(BULKS)).json()}
    assert plan["bulk"] in {one["bulk"] for one in (await limited.get(BULKS)).json()}
    everything = await planned(calls(AGENT), [short(others)])
    problem(await elsewhere.get(f"{BULKS}/{everything['bulk']}"), 404, "bulk_unknown")
    whole = {"organization": world.organization(others), "reason": WHY}
    problem(await limited.post(BULKS, json=whole, headers=key()), 403, "organization_not_permitted")
    problem(await limited.get("/bulk-switch"), 403, "organization_not_permitted")


async def test_whoever_is_limited_to_no_organization_plans_nothing(calls: Calls, world: World) -> None:
    body = {"csv": as_file([short(world.subscription())]), "reason": "a word for nobody else"}
    answer = await calls(AGENT, organizations=[]).post(BULKS, json=body, headers=key())
    problem(answer, 403, "organization_not_permitted")


async def test_a_bulk_that_was_limited_to_no_organization_is_shown_to_nobody_with_a_limit(
    calls: Calls, world: World
) -> None:
    subscription = world.subscription()
    plan = await planned(calls(AGENT, organizations=[world.organization(subscription)]), [short(subscription)])
    with Session(world.engine) as session, session.begin():
        session.get_one(BulkRow, plan["bulk"]).organizations = []  # as plans of earlier versions have it
    for organizations in ([world.organization(subscription)], []):
        limited = calls(AUDITOR, organizations=organizations)
        assert plan["bulk"] not in {one["bulk"] for one in (await limited.get(BULKS)).json()}
        problem(await limited.get(f"{BULKS}/{plan['bulk']}"), 404, "bulk_unknown")
    assert plan["bulk"] in {one["bulk"] for one in (await calls(AUDITOR).get(BULKS)).json()}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"reason": WHY}, 422, "bulk_plan_malformed"),
        ({"reason": WHY, "csv": "subscription\nSUB-1\n", "organization": "ORG-1"}, 422, "bulk_plan_malformed"),
        ({"reason": WHY, "csv": "subscription\nSUB-1\n", "answers": {"data": "none"}}, 422, "bulk_plan_malformed"),
        ({"reason": WHY, "csv": "color\nred\n"}, 422, "bulk_file_malformed"),
        ({"reason": WHY, "csv": "subscription\n\ud800\n"}, 422, None),
        ({"reason": WHY, "csv": "subscription\n" + "S\n" * 10_001}, 413, "bulk_file_too_large"),
        ({"reason": WHY, "csv": "subscription\nSUB-1\n", "at_once": MOST_AT_ONCE + 1}, 422, "input_malformed"),
        ({"reason": "a\u202eb", "csv": "subscription\nSUB-1\n"}, 422, "input_malformed"),
        ({"reason": WHY, "organization": "ORG-NOWHERE"}, 404, "organization_not_found"),
    ],
)
async def test_what_is_no_plan_is_refused(calls: Calls, body: dict[str, object], status: int, code: str | None) -> None:
    answer = await calls(AGENT).post(
        BULKS, content=json.dumps(body), headers={**key(), "content-type": "application/json"}
    )
    assert answer.status_code == status, answer.text
    assert code is None or answer.json()["code"] == code


async def test_the_kill_switch_is_for_those_on_call(calls: Calls, world: World) -> None:
    operator = calls(Role.OPERATOR, subject="night")
    off = {"off": True, "reason": "mails with a wrong date"}
    problem(await calls(AUDITOR).put("/bulk-switch", json=off, headers=key()), 403, "role_missing")
    try:
        switched = (await operator.put("/bulk-switch", json=off, headers=key())).json()
        assert (switched["switched_by"], switched["reason"]) == ("night", "mails with a wrong date")
        assert (await calls(AUDITOR).get("/bulk-switch")).json() == switched
    finally:
        on = await operator.put("/bulk-switch", json={"off": False, "reason": "it is over"}, headers=key())
    assert on.json()["off_since"] is None


async def test_a_bulk_is_stopped_and_killed_by_the_people_who_run_the_installation(calls: Calls, world: World) -> None:
    operator, supervisor = calls(Role.OPERATOR, subject="night"), calls(SUPERVISOR, subject="lead")
    plan = await planned(calls(AGENT), [short(world.subscription()) for _ in range(3)], per_minute=1)
    path = f"{BULKS}/{plan['bulk']}"
    await supervisor.post(
        f"{path}/confirmations", json={"digest": plan["digest"], "reason": "as agreed"}, headers=key()
    )
    stopped = await operator.post(f"{path}/stops", json={"reason": "what is that?"}, headers=key())
    assert (stopped.status_code, stopped.json()["state"], stopped.json()["halted_by"]) == (200, "stopped", "night")
    problem(await operator.post(f"{path}/resumptions", json={"reason": "go on"}, headers=key()), 403, "role_missing")
    resumed = await supervisor.post(f"{path}/resumptions", json={"reason": "all is well"}, headers=key())
    assert (resumed.status_code, resumed.json()["state"]) == (202, "running")
    killed = await operator.post(f"{path}/kills", json={"reason": "the wrong file"}, headers=key())
    assert (killed.status_code, killed.json()["state"]) == (200, "killed")
    problem(
        await operator.post(f"{path}/kills", json={"reason": "once more"}, headers=key()), 409, "bulk_has_other_state"
    )
