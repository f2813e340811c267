"""Every area beside the cancellations of whole subscriptions, over HTTP: each request once under its key, by its principal."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from domain.principals import Role
from tests.starter.api.asking import AGENT, AUDITOR, SUPERVISOR, cases, key, problem, repeated, started
from tests.starter.api.conftest import Calls
from tests.support.world import MARKETING_OWNER, World, eventually

BILLING, OPERATOR, MIGRATORS = Role.BILLING, Role.OPERATOR, Role.MIGRATION_TEAM


async def until(client: httpx.AsyncClient, path: str, name: str = "is_done") -> dict[str, Any]:
    """Ask until what takes long is done."""
    found: dict[str, Any] = {}

    async def is_done() -> bool:
        answer = await client.get(path)
        found.update(answer.json())
        return bool(answer.status_code == 200 and answer.json()[name])

    await eventually(is_done)
    return found


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


async def test_a_billing_document_is_answered_line_by_line_and_the_same_again_with_the_first_report(
    world: World, calls: Calls
) -> None:
    subscription = world.subscription(lines=({"start_date": date(2026, 1, 1)},))
    today = date(2026, 1, 1)
    invoice = {
        "kind": "invoice",
        "number": f"INV-{subscription}",
        "period_start": today.isoformat(),
        "period_end": (today + timedelta(days=29)).isoformat(),
    }
    document = {
        "source": f"run-{subscription}",
        "sequence": 1,
        "lines": [{"line": f"{subscription}-1", "documents": [invoice]}, {"line": "NOWHERE", "documents": [invoice]}],
    }
    biller, path, named = calls(BILLING, subject="run"), "/billing-documents", {"name": "run.json"}
    first, again = await repeated(biller, "POST", path, document, {**document, "sequence": 2}, params=named)
    assert first.status_code == 200, first.text
    assert first.json() == again.json(), "the first report, and not that nothing was left to take"
    assert [line["result"] for line in first.json()["lines"]] == ["taken", "refused"], first.text
    assert first.json()["lines"][1]["problems"][0]["code"] == "billed_line_unknown"
    later = await biller.post(path, json=document, params=named, headers=key())
    assert [line["result"] for line in later.json()["lines"]] == ["unchanged", "refused"]

    credited, repeated_ = await repeated(
        biller,
        "POST",
        f"/invoices/INV-{subscription}/credit-memos",
        {"number": f"CM-{subscription}"},
        {"number": f"CM-{subscription}", "credits_from": (today + timedelta(days=1)).isoformat()},
    )
    assert (credited.status_code, credited.json()) == (201, repeated_.json())
    assert credited.json()["subscription"] == subscription
    history = (await calls(AUDITOR).get(f"/subscriptions/{subscription}/history")).json()["entries"]
    assert {entry["actor"] for entry in history if entry["action"] in ("line.billed", "credit_memo.posted")} == {"run"}


@pytest.mark.parametrize("content_type", ["text/csv", "", "application/x-www-form-urlencoded"])
async def test_a_document_of_another_type_is_refused_unread(world: World, calls: Calls, content_type: str) -> None:
    for path, role in (("/imports", OPERATOR), ("/billing-documents", BILLING)):
        answer = await calls(role).post(
            path, content=b"a,b", params={"name": "x"}, headers={**key(), "content-type": content_type}
        )
        problem(answer, 415, "content_type_unknown")


async def test_master_data_is_imported_whole_or_not_at_all(world: World, calls: Calls) -> None:
    subscription = world.subscription()
    line = {"id": f"{subscription}-new", "start_date": "2026-01-01", "billing_rhythm": "1M"}
    document = {
        "subscriptions": [{"id": subscription, "organization": world.organization(subscription), "lines": [line]}]
    }
    operator, named = calls(OPERATOR), {"name": "master.json"}
    line["billing_rhythm"] = ""
    refused = await operator.post("/imports", json=document, params=named, headers=key())
    [wrong] = problem(refused, 422, "import_malformed")["problems"]
    assert (wrong["path"], wrong["code"]) == ("subscriptions[0].lines[0].billing_rhythm", "field_missing")
    line["billing_rhythm"] = "1M"
    first, again = await repeated(operator, "POST", "/imports", document, {}, params=named)
    assert first.json()["kinds"]["lines"] == {"created": 1, "changed": 0, "unchanged": 0}, first.text
    assert first.json() == again.json()
    listed = await calls(AUDITOR).get("/lines", params={"subscription": subscription})
    assert [each["id"] for each in listed.json()] == [f"{subscription}-1", f"{subscription}-new"]
    next_page = await calls(AUDITOR).get(
        "/lines", params={"subscription": subscription, "limit": 1, "after": f"{subscription}-1"}
    )
    assert [each["id"] for each in next_page.json()] == [f"{subscription}-new"]
    problem(
        await calls(OPERATOR, organizations=["ORG-1"]).post("/imports", json=document, params=named, headers=key()),
        403,
        "organization_not_permitted",
    )
    both = await calls(AUDITOR).get("/lines", params={"subscription": subscription, "vendor_contract": "V-1"})
    problem(both, 422, "scope_ambiguous")


async def test_an_update_of_line_dates_is_accepted_and_shown_until_it_is_done(world: World, calls: Calls) -> None:
    terms = {"start_date": date(2020, 1, 1), "subsequent_term": "1Y", "notice_period": "1M"}
    subscription = world.subscription(
        lines=({**terms, "term_until": date(2020, 12, 31), "cancellation_possible_until": date(2020, 11, 30)},)
    )
    operator, asked = calls(OPERATOR, subject="night-desk"), key()
    body = {"subscription": subscription}
    begun = await operator.post("/line-dates/runs", json=body, headers=asked)
    assert begun.status_code == 202, begun.text
    again = await operator.post("/line-dates/runs", json=body, headers=asked)
    assert (again.status_code, again.headers["location"]) == (202, begun.headers["location"])
    problem(await operator.post("/line-dates/runs", json={}, headers=asked), 409, "request_id_reused")
    done = await until(operator, begun.headers["location"].removeprefix("/v1"))
    assert done["progress"]["rolled"] == 1
    run = done["progress"]["run"]
    listed = (await calls(AUDITOR).get("/line-dates/runs", params={"limit": 100})).json()
    assert run in [each["run"] for each in listed]
    restored, repeated_ = await repeated(
        operator, "POST", "/line-dates/restorations", {"run": run, "reason": "too early"}, {"run": run, "reason": "why"}
    )
    assert restored.json() == repeated_.json()
    assert restored.json()["restored"] == 1
    problem(await operator.get("/line-dates/runs/nowhere"), 404, "run_unknown")
    problem(await operator.get(f"/line-dates/runs/cancellation:{subscription}"), 404, "run_unknown")
    early = {"subscription": subscription, "as_of": "2099-01-01"}
    refused = await operator.post("/line-dates/runs", json=early, headers=key())
    if refused.status_code == 202:  # before the workflow has looked at it
        place = refused.headers["location"].removeprefix("/v1")

        async def is_refused() -> bool:
            return (await operator.get(place)).status_code == 409

        await eventually(is_refused)
        refused = await operator.get(place)
    assert refused.json()["code"] in ("day_not_reached", "night_not_reached"), refused.text


async def test_a_line_is_reopened_under_its_key(world: World, calls: Calls) -> None:
    subscription = world.subscription(lines=({"end_date": date(2099, 12, 31)},))
    path = f"/lines/{subscription}-1/reopenings"
    reopened, again = await repeated(calls(BILLING), "POST", path, {"reason": "a mistake"}, {"reason": "another"})
    assert reopened.status_code == 200, reopened.text
    assert reopened.json() == again.json()
    assert reopened.json()["end_date"] is None


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
    problem(await calls(OPERATOR).get("/data"), 500, "tenant_database_not_configured")
    assert (
        await calls(AUDITOR).get("/migrations", params={"organization": world.organization(subscription)})
    ).json() == []
