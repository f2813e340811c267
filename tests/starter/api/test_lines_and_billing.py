"""Billing, master data and the dates of lines over HTTP: documents with a result for each item, and what takes long."""

from datetime import date, timedelta

import pytest

from domain.principals import Role
from tests.starter.api.asking import AUDITOR, key, problem, repeated, until
from tests.starter.api.conftest import Calls
from tests.support.world import World, eventually

pytestmark = pytest.mark.usefixtures("no_time_passes")

BILLING, OPERATOR, MIGRATORS = Role.BILLING, Role.OPERATOR, Role.MIGRATION_TEAM


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
