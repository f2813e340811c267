"""Every area beside the cancellations of whole subscriptions, over HTTP: each request once under its key, by its principal."""

from datetime import timedelta

import pytest

from domain.principals import Role
from tests.starter.api.asking import AGENT, AUDITOR, SUPERVISOR, cases, key, problem, repeated, started, until
from tests.starter.api.conftest import Calls
from tests.support.world import MARKETING_OWNER, World, eventually

pytestmark = pytest.mark.usefixtures("no_time_passes")

BILLING, OPERATOR, MIGRATORS = Role.BILLING, Role.OPERATOR, Role.MIGRATION_TEAM


async def test_a_line_is_cancelled_alone_and_corrected_only_as_it_was_read(world: World, calls: Calls) -> None:
    subscription = world.subscription(
        lines=({"notice_period": "1M", "initial_term": "1Y", "subsequent_term": "1Y"},) * 2
    )
    line, agent = f"{subscription}-1", calls(AGENT)
    path = f"/lines/{line}/cancellations"
    quoted = (await agent.get(f"/lines/{line}/quote")).json()
    assert [each["decision"]["line_id"] for each in quoted["lines"]] == [line]
    answers = {name: each for name, each in world.answers(subscription).items() if name not in ("data", "campaigns")}
    answers["termination_date"] = "2030-12-31"
    opened = await agent.post(path, json={"answers": answers}, headers=key())
    assert opened.status_code == 201, opened.text
    assert opened.headers["location"] == f"/v1{path}/1"
    assert opened.json()["cancellation"] == f"{subscription}/line/{line}/1"

    read = await agent.get(f"{path}/1")
    version = read.headers["etag"]
    assert version == f'"{read.json()["version"]}"'
    body = {"answers": {"termination_date": "2031-12-31"}, "reason": "called again"}
    corrected = await agent.post(f"{path}/1/corrections", json=body, headers={**key(), "if-match": version})
    assert corrected.status_code == 200, corrected.text
    assert corrected.headers["etag"] != version
    body["answers"] = {"termination_date": "2032-12-31"}
    refused = await agent.post(f"{path}/1/corrections", json=body, headers={**key(), "if-match": version})
    found = problem(refused, 412, "case_changed")
    assert f'"{found["values"]["version"]}"' == corrected.headers["etag"]
    any_version = await agent.post(f"{path}/1/corrections", json=body, headers={**key(), "if-match": "*"})
    assert any_version.status_code == 200
    withdrawn = await agent.post(f"{path}/newest/withdrawals", json={"reason": "they stay"}, headers=key())
    assert (withdrawn.json()["stage"], "etag" in withdrawn.headers) == ("withdrawn", False)
    problem(await agent.get(f"{path}/2"), 404, "cancellation_unknown")
    problem(await agent.get("/lines/LINE-NOWHERE/cancellations/1"), 404, "subscription_line_unknown")


async def test_a_correction_of_what_somebody_else_has_changed_meanwhile_is_refused_by_the_case(
    world: World, calls: Calls
) -> None:
    subscription = world.subscription()
    agent = calls(AGENT)
    await agent.post(cases(subscription), json={}, headers=key())
    version = (await agent.get(cases(subscription, "1"))).headers["etag"]
    wish = {"answers": {"termination_date": (world.today(subscription) + timedelta(days=40)).isoformat()}}
    await agent.post(cases(subscription, "1", "answers"), json=wish, headers=key())
    body = {"answers": {"termination_date": "2030-01-31"}, "reason": "as agreed"}
    changed = await agent.post(
        cases(subscription, "1", "corrections"), json=body, headers={**key(), "if-match": version}
    )
    problem(changed, 412, "case_changed")
    malformed = await agent.post(
        cases(subscription, "1", "corrections"), json=body, headers={**key(), "if-match": "no quotes"}
    )
    problem(malformed, 422, "input_malformed")
    assert world.actions(subscription).count("cancellation.corrected") == 0


async def test_a_hold_is_placed_once_under_its_key_and_released_by_its_number(world: World, calls: Calls) -> None:
    subscription, other = world.subscription(), world.subscription()
    organization, supervisor = world.organization(subscription), calls(SUPERVISOR, subject="lead")
    path = f"/organizations/{organization}/holds"
    placed, again = await repeated(supervisor, "POST", path, {"reason": "a court"}, {"reason": "another"})
    assert (placed.status_code, placed.json()) == (201, again.json())
    assert placed.json()["placed_by"] == "lead"
    elsewhere = await supervisor.post(
        f"/organizations/{world.organization(other)}/holds", json={"reason": "a court"}, headers=key("hold-elsewhere")
    )
    assert elsewhere.json()["organization"] == world.organization(other)
    limited = calls(AUDITOR, organizations=[organization])
    assert [hold["organization"] for hold in (await limited.get("/holds")).json()] == [organization]
    problem(
        await limited.get("/holds", params={"organization": world.organization(other)}),
        403,
        "organization_not_permitted",
    )
    release = f"/holds/{placed.json()['id']}/releases"
    problem(
        await calls(SUPERVISOR, organizations=[world.organization(other)]).post(
            release, json={"reason": "over"}, headers=key()
        ),
        403,
        "organization_not_permitted",
    )
    released, again = await repeated(supervisor, "POST", release, {"reason": "it is over"}, {"reason": "not over"})
    assert released.json() == again.json()
    problem(await supervisor.post(release, json={"reason": "over"}, headers=key()), 409, "hold_released")
    problem(
        await supervisor.post("/holds/2147483647/releases", json={"reason": "checked"}, headers=key()),
        404,
        "hold_unknown",
    )


async def test_the_marketing_service_is_cancelled_by_whom_it_belongs_to(world: World, calls: Calls) -> None:
    subscription = world.subscription(marketing=True, campaigns=("spring",))
    organization, client = world.organization(subscription), calls(Role.MARKETING_ADMIN)
    path = f"/organizations/{organization}/marketing-cancellations"
    opened = await client.post(path, json={"administrator": MARKETING_OWNER}, headers=key())
    assert (opened.status_code, opened.headers["location"]) == (201, f"/v1{path}/1")
    attested = await client.post(f"{path}/1/attestations", json={"reason": "called back"}, headers=key())
    assert attested.json()["verified"] is True, attested.text
    shown = await until(client, f"{path}/newest", "campaigns_outstanding")
    [campaign] = shown["campaigns_outstanding"]
    stop = key()
    stopped = await client.post(f"/campaigns/{campaign}/stops", headers=stop)
    assert stopped.json()["ads_may_still_run"] is False, stopped.text
    assert (await client.post(f"/campaigns/{campaign}/stops", headers=stop)).json() == stopped.json()


async def test_limits_are_set_and_released_by_a_second_person(world: World, calls: Calls) -> None:
    supervisor = calls(SUPERVISOR, subject=f"lead-of-{world.subscription()}")
    limits = (await supervisor.get("/limits")).json()
    one = next(each for each in limits if (each["limited"], each["scope"]) == ("links", "caller"))
    body = {**one, "reason": "as it is"}
    same, again = await repeated(supervisor, "PUT", "/limits", body, {**body, "reason": "as it was"})
    assert same.json() == again.json() == one
    released = await supervisor.post(
        "/limits/releases", json={"scope": "caller", "subject": "nobody-yet", "reason": "checked"}, headers=key()
    )
    assert released.json() == {"scope": "caller", "subject": "nobody-yet", "uses": 0}
    subscription = world.subscription()
    agent = calls(AGENT, SUPERVISOR, subject=f"agent-of-{subscription}")
    await agent.post(cases(subscription), json={}, headers=key())
    own = {"scope": "caller", "subject": f"agent-of-{subscription}", "reason": "let me"}
    problem(await agent.post("/limits/releases", json=own, headers=key()), 403, "release_needs_second_person")


async def test_the_audit_trail_and_a_person_are_looked_at_by_whom_that_is_permitted(world: World, calls: Calls) -> None:
    subscription, auditor = world.subscription(), calls(AUDITOR)
    await started(calls(AGENT), world, subscription)
    assert (await auditor.get("/audit/head")).status_code == 200
    verified = await auditor.get("/audit/verification")
    assert verified.json()["broken"] == []
    problem(await auditor.get("/audit/verification", params={"kept": "nonsense"}), 422, "audit_head_malformed")
    kept = await auditor.post("/persons/searches", json={"address": "ann@contoso.example"})
    assert kept.status_code == 200, kept.text
    problem(await calls(AGENT).post("/persons/searches", json={"address": "a@b.example"}), 403, "role_missing")
    problem(await auditor.post("/persons/searches", json={"address": "nobody"}), 422, "input_malformed")


async def test_the_report_counts_the_organizations_of_the_token_alone(world: World, calls: Calls) -> None:
    one, other = world.subscription(), world.subscription()
    for subscription in (one, other):
        await started(calls(AGENT), world, subscription)
    limited = await calls(AUDITOR, organizations=[world.organization(one)]).get("/cancellations/report")
    assert limited.json()["total"]["started"] == 1
    both = await calls(AUDITOR, organizations=[world.organization(one), world.organization(other)]).get(
        "/cancellations/report"
    )
    assert both.json()["total"]["started"] == 2


async def test_a_list_has_the_cases_whose_stage_ends_by_an_instant(world: World, calls: Calls) -> None:
    soon, later = world.subscription(policy={"intake_timeout": "P1D"}), world.subscription()
    agent = calls(AGENT)
    with world.environment.with_time_skipping_disabled():
        for subscription in (soon, later):
            await agent.post(cases(subscription), json={}, headers=key())
        auditor = calls(AUDITOR, organizations=[world.organization(each) for each in (soon, later)])

        async def listed(until: str) -> list[tuple[str, str]]:
            answer = await auditor.get("/cancellations", params={"deadline_until": until})
            return [(case["subscription"], case["stage_deadline"]) for case in answer.json()["cancellations"]]

        both = dict(await listed("2099-01-01T00:00:00Z"))
        assert set(both) == {soon, later}
        assert await listed(both[soon]) == [(soon, both[soon])]

        async def is_that_of_the_workflow() -> bool:
            return bool((await agent.get(cases(soon, "1"))).json()["stage_deadline"] == both[soon])

        await eventually(is_that_of_the_workflow)
        problem(
            await auditor.get("/cancellations", params={"deadline_until": "2099-01-01T00:00:00"}),
            422,
            "input_malformed",
        )


async def test_what_there_is_not_is_said_with_its_code(world: World, calls: Calls) -> None:
    subscription = world.subscription()
    agent, team = calls(AGENT), calls(MIGRATORS)
    problem(await agent.get(f"/subscriptions/{subscription}/migration"), 404, "migration_unknown")
    problem(await agent.get(f"/subscriptions/{subscription}/export"), 404, "cancellation_unknown")
    problem(await team.get(cases(subscription, "1", "migration", "files")), 404, "migration_unknown")
    problem(
        await agent.get(f"/organizations/{world.organization(subscription)}/marketing-cancellations/newest"),
        404,
        "marketing_cancellation_unknown",
    )
    await started(agent, world, subscription)
    problem(await agent.get(cases(subscription, "1", "export", "files")), 404, "no_export")
    problem(await agent.get(cases(subscription, "newest", "consent")), 409, "consent_not_awaited")
    problem(await calls(OPERATOR).get("/reconciliations/nowhere"), 404, "reconciliation_unknown")
    problem(await calls(OPERATOR).get("/data"), 404, "tenant_database_not_configured")
    assert (
        await calls(AUDITOR).get("/migrations", params={"organization": world.organization(subscription)})
    ).json() == []


async def test_the_messages_of_a_case_are_listed_newest_first_without_texts_and_addresses(
    world: World, calls: Calls
) -> None:
    subscription = world.subscription()
    await world.start(subscription)
    await world.mails_arrived(subscription, 2)
    answer = await calls(Role.AUDITOR).get(f"/subscriptions/{subscription}/messages")
    assert answer.status_code == 200
    assert [one["event"] for one in answer.json() if one["channel"] == "mail"][-1] == "cancellation.received"
    assert "ada@contoso.example" not in answer.text
    assert (await calls(Role.AUDITOR).get("/subscriptions/SUB-NOWHERE/messages")).json() == []
