"""Bulks on the command line, directly and by way of the API: a file, its plan, its confirmation, its results."""

import csv
import io
from pathlib import Path

import pytest

from domain.principals import Role
from tests.starter.remote.conftest import Logged, calls, issuer, served, shared_world, somebody, verifier, world
from tests.support.bulks import as_file, row, short
from tests.support.world import World

__all__ = ["calls", "issuer", "served", "shared_world", "somebody", "verifier", "world"]

WHY = ("--reason", "the product ends")


@pytest.fixture
def leavers(tmp_path: Path, world: World) -> Path:
    file = tmp_path / "leavers.csv"
    rows = [row(world, world.subscription()), short("SUB-NOWHERE"), short("=HYPERLINK(1)")]
    file.write_text(as_file(rows), encoding="utf-8")
    return file


async def test_a_file_is_planned_shown_confirmed_and_its_results_are_listed(
    world: World, somebody: Logged, leavers: Path
) -> None:
    agent, supervisor = somebody(Role.SUPPORT_AGENT), somebody(Role.SUPERVISOR, subject="lead")
    with world.environment.with_time_skipping_disabled():
        planned = await agent("cancellations", "bulk", str(leavers), *WHY)
        assert planned.status == 1, "a row is refused"
        assert "rows: 1 ready, 2 refused" in planned.out, planned.err
        assert "row 3, SUB-NOWHERE (subscription_unknown)" in planned.out
        assert "Nothing is started yet; to confirm it until" in planned.out
        listed = await agent("bulk", "list", "--state", "planned", "--json")
        plan = next(each for each in listed.json if each["source"] == "leavers.csv")
        bulk = plan["bulk"]
        wrong = await supervisor("bulk", "confirm", bulk, "--digest", "another", *WHY, "--json")
        assert (wrong.status, wrong.json["error"]["code"]) == (1, "bulk_plan_differs")
        confirmed = await supervisor("bulk", "confirm", bulk, "--digest", plan["digest"], *WHY)
        assert "finished" in confirmed.out, confirmed.err
        assert "confirmed by lead (the product ends)" in confirmed.out
    as_csv = list(csv.DictReader(io.StringIO((await agent("bulk", "rows", bulk, "--csv")).out)))
    assert [each["state"] for each in as_csv] == ["started", "refused", "refused"]
    assert (as_csv[2]["subscription"], as_csv[2]["code"]) == ("", "bulk_row_malformed"), "no spreadsheet calculates it"
    assert "started" in (await agent("bulk", "rows", bulk, "--state", "started")).out
    assert (await agent("bulk", "show", bulk, "--json")).json["rows"] == {"started": 1, "refused": 2}
    ended = await supervisor("bulk", "kill", bulk, *WHY, "--json")
    assert ended.json["error"]["code"] == "bulk_has_other_state"


async def test_who_may_confirm_reads_what_each_row_says_before(world: World, somebody: Logged, tmp_path: Path) -> None:
    file = tmp_path / "generous.csv"
    rows = [row(world, world.subscription(), goodwill="a promise") for _ in range(2)]
    file.write_text(as_file(rows), encoding="utf-8")
    agent, supervisor = somebody(Role.SUPPORT_AGENT), somebody(Role.SUPERVISOR, subject="lead")
    with world.environment.with_time_skipping_disabled():
        planned = await agent("cancellations", "bulk", str(file), *WHY, "--json")
    bulk = planned.json["bulk"]
    shown = await supervisor("bulk", "show", bulk)
    assert "goodwill is asked for in 2 rows" in shown.out
    read = " ".join((await supervisor("bulk", "rows", bulk)).out.split())
    for said in ("goodwill: a promise", "attested by who confirms: a list by the sales team", "data: none"):
        assert said in read
    [first, _] = csv.DictReader(io.StringIO((await supervisor("bulk", "rows", bulk, "--csv")).out))
    assert (first["goodwill"], first["attestation"]) == ("a promise", "a list by the sales team")
    assert first["goodwill_ends_on"]
    assert "a promise" not in (await agent("bulk", "rows", bulk)).out


async def test_an_organization_leaves_at_once_where_one_person_may(world: World, somebody: Logged) -> None:
    subscription = world.subscription()
    world.second_subscription(subscription)
    supervisor = somebody(Role.SUPERVISOR, subject="lead")
    with world.environment.with_time_skipping_disabled():
        done = await supervisor(
            *("cancellations", "bulk", "--organization", world.organization(subscription), "--terminate-on", "now"),
            *("--data", "none", "--attest", "called back", "--execute", *WHY, "--json"),
        )
    assert (done.status, done.json["state"], done.json["rows"]) == (0, "finished", {"started": 2}), done.err


async def test_the_kill_switch_says_what_it_does(somebody: Logged) -> None:
    operator = somebody(Role.OPERATOR, subject="night")
    assert (await operator("bulk", "kill-switch", "off")).status == 2, "it asks for a reason"
    try:
        off = await operator("bulk", "kill-switch", "off", "--reason", "too many mails")
        assert "no bulk starts anything" in off.out
        assert "night (too many mails)" in off.out
    finally:
        on = await operator("bulk", "kill-switch", "on", "--reason", "it is over")
    assert "bulks may start cancellations" in on.out
    assert (await operator("bulk", "kill-switch", "--json")).json["off_since"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        [*WHY],
        ["nowhere.csv", *WHY],
        ["-", "--organization", "ORG-1", *WHY],
        ["--organization", "ORG-1"],
    ],
)
async def test_a_wrong_call_is_said_so(somebody: Logged, arguments: list[str]) -> None:
    assert (await somebody(Role.SUPPORT_AGENT)("cancellations", "bulk", *arguments)).status == 2


async def test_a_file_that_is_no_text_is_refused_with_a_reason(somebody: Logged, tmp_path: Path) -> None:
    file = tmp_path / "sheet.xlsx"
    file.write_bytes(b"PK\x03\x04\xff\xfe")
    refused = await somebody(Role.SUPPORT_AGENT)("cancellations", "bulk", str(file), *WHY, "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "bulk_file_malformed")
