"""Commands by way of the API: what they do and print is what they do directly, and the audit trail has the token's subject."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from domain.principals import Role
from starter.remote import facade
from tests.starter.remote.conftest import Logged
from tests.support.ports import free_port
from tests.support.world import World

AGENT, SUPERVISOR, BILLING, OPERATOR = Role.SUPPORT_AGENT, Role.SUPERVISOR, Role.BILLING, Role.OPERATOR


def answers(world: World, subscription: str) -> list[str]:
    """Everything that a start can be told."""
    identity = world.identity(subscription)
    return [
        *("--administrator", identity.billing_administrator, "--url", identity.organization_url),
        *(
            "--name",
            identity.organization_name,
            "--terminate-on",
            "now",
            "--data",
            "none",
            "--campaigns",
            "no_campaigns",
        ),
        *("--attest", "called back"),
    ]


async def test_a_life_is_led_without_a_database(world: World, somebody: Logged) -> None:
    subscription, agent = world.subscription(), somebody(AGENT)
    with world.environment.with_time_skipping_disabled():
        quoted = await agent("quote", subscription, "--json")
        assert quoted.json["subscription"] == subscription, quoted.err
        started = await agent("cancellations", "start", subscription, "--json", "--request-id", "ticket-7")
        assert started.status == 0, started.err
        again = await agent("cancellations", "start", subscription, "--json", "--request-id", "ticket-7")
        assert again.json["cancellation"] == started.json["cancellation"]
        until = (world.today(subscription) + timedelta(days=40)).isoformat()
        answered = await agent("cancellations", "answer", subscription, "--terminate-on", until, "--json")
        assert answered.status == 0, answered.err
        shown = await agent("cancellations", "show", subscription)
        assert (shown.status, f"{subscription}/1" in shown.out) == (0, True)
        listed = await agent("cancellations", "list", "--text", subscription, "--json")
        assert [case["cancellation"] for case in listed.json["cancellations"]] == [f"{subscription}/1"]
        withdrawn = await agent("cancellations", "withdraw", subscription, "--reason", "they stay", "--json")
        assert withdrawn.json["stage"] == "withdrawn"
    history = await agent("cancellations", "history", subscription, "--json")
    actors = {entry["actor"] for entry in history.json if entry["action"].startswith("cancellation.")}
    assert actors == {"ann"}, "and not the name that somebody typed"


async def test_a_refusal_is_what_it_is_directly(world: World, somebody: Logged) -> None:
    agent = somebody(AGENT)
    unknown = await agent("cancellations", "start", "SUB-NOWHERE", "--json")
    assert (unknown.status, unknown.json["error"]["code"]) == (1, "subscription_unknown")
    assert unknown.json["error"]["way_out"]
    subscription = world.subscription()
    refused = await somebody(Role.AUDITOR)("cancellations", "start", subscription, "--json")
    assert refused.json["error"]["code"] == "role_missing"
    in_words = await somebody(Role.AUDITOR)("cancellations", "start", subscription)
    assert "Ask somebody with one of these roles" in in_words.err
    elsewhere = somebody(AGENT, organizations=["ORG-1"])
    assert (await elsewhere("quote", subscription, "--json")).json["error"]["code"] == "organization_not_permitted"


async def test_documents_lines_holds_and_limits_go_the_same_way(world: World, somebody: Logged, tmp_path: Path) -> None:
    subscription = world.subscription(lines=({"start_date": date(2026, 1, 1)},))
    organization = world.organization(subscription)
    document = tmp_path / "run.json"
    invoice = {
        "kind": "invoice",
        "number": f"INV-{subscription}",
        "period_start": "2026-01-01",
        "period_end": "2026-01-31",
    }
    entry = {"line": f"{subscription}-1", "documents": [invoice]}
    document.write_text(json.dumps({"source": f"run-{subscription}", "sequence": 1, "lines": [entry]}))
    billing = somebody(BILLING)
    taken = await billing("billing", "import", str(document))
    assert (taken.status, "1 taken" in taken.out) == (0, True), taken.err
    posted = await billing("credit-memos", "post", f"INV-{subscription}", "--json")
    assert posted.json["subscription"] == subscription, posted.err

    document.write_text(json.dumps({"organizations": [{"id": organization}]}))
    wrong = await somebody(OPERATOR)("import", str(document), "--json")
    assert (wrong.status, wrong.json["error"]["code"]) == (1, "import_malformed")
    assert wrong.json["error"]["problems"][0]["path"].startswith("organizations[0]")

    supervisor = somebody(SUPERVISOR, subject="lead")
    placed = await supervisor("hold", "place", organization, "--reason", "a court", "--json")
    assert placed.json["placed_by"] == "lead", placed.err
    listed = await supervisor("hold", "list", "--organization", organization, "--json")
    assert [hold["id"] for hold in listed.json] == [placed.json["id"]]
    released = await supervisor("hold", "release", str(placed.json["id"]), "--reason", "it is over", "--json")
    assert released.json["released_by"] == "lead"
    assert (await supervisor("limits", "list", "--json")).status == 0

    operator = somebody(OPERATOR)
    updated = await operator("lines", "update-dates", "--subscription", subscription, "--json")
    assert updated.status == 0, updated.err
    lines = await operator("lines", "list", "--subscription", subscription, "--json")
    assert [line["id"] for line in lines.json] == [f"{subscription}-1"]
    assert (await somebody(Role.AUDITOR)("audit", "verify", "--json")).json["broken"] == []


async def test_an_api_that_does_not_answer_is_said_so(
    somebody: Logged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facade, "_LOOK_AGAIN", 0.01)
    line = somebody(AGENT)
    line._environment["OFFRAMP_API_URL"] = f"http://127.0.0.1:{free_port()}"
    away = await line("cancellations", "list", "--json")
    assert (away.status, away.json["error"]["code"]) == (1, "api_unavailable")
    line._environment["OFFRAMP_API_URL"] = "http://offramp.example"
    clear = await line("cancellations", "list", "--json")
    assert (clear.status, clear.json["error"]["code"]) == (1, "api_without_tls")
