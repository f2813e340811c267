"""``offramp cancellations list`` and ``--reason-code``, as people and programs use them."""

import pytest

from domain.vocabulary import Stage
from tests.starter.cli.test_cancellations import everything
from tests.support.command_line import CommandLine
from tests.support.world import World


async def test_a_start_carries_its_reason_by_code_into_status_list_and_show(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription()
    code = ("--reason", "too dear for us", "--reason-code", "too_expensive")
    started = await offramp("cancellations", "start", subscription, *code, "--json")
    assert started.json["reason_code"] == "too_expensive"
    shown = await offramp("cancellations", "show", subscription)
    assert "reason for leaving   too_expensive" in shown.out
    listed = await offramp("cancellations", "list", "--text", subscription, "--json")
    assert [case["reason_code"] for case in listed.json["cancellations"]] == ["too_expensive"]


@pytest.mark.parametrize(("code", "refusal"), [("bored", "reason_code_unknown"), ("", "input_malformed")])
async def test_a_reason_that_is_none_of_the_policys_starts_nothing(
    world: World, offramp: CommandLine, code: str, refusal: str
) -> None:
    subscription = world.subscription()
    refused = await offramp("cancellations", "start", subscription, "--reason-code", code, "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, refusal)
    if refusal == "reason_code_unknown":
        assert "too_expensive" in refused.json["error"]["way_out"]
        assert world.refusals(subscription) == [("cancellation.refused", refusal)]
    assert (await offramp("cancellations", "list", "--text", subscription, "--json")).json["cancellations"] == []


async def test_a_list_is_filtered_paged_and_counted(world: World, offramp: CommandLine) -> None:
    scheduled, withdrawn, open_ = (world.subscription() for _ in range(3))
    await offramp("cancellations", "start", scheduled, *everything(world, scheduled))
    for subscription in (withdrawn, open_):
        await offramp("cancellations", "start", subscription)
    await offramp("cancellations", "withdraw", withdrawn, "--reason", "stays after all")
    while (await offramp("cancellations", "show", scheduled, "--json")).json["stage"] != Stage.SCHEDULED:
        continue

    first = (await offramp("cancellations", "list", "--limit", "2", "--json")).json
    rest = (await offramp("cancellations", "list", "--limit", "2", "--after", first["next"], "--json")).json
    assert list(first) == ["cancellations", "next", "counts"]
    found = [case["cancellation"] for page in (first, rest) for case in page["cancellations"]]
    assert found == [f"{open_}/1", f"{withdrawn}/1", f"{scheduled}/1"]
    assert (rest["next"], first["counts"]) == (None, rest["counts"])
    assert {stage: number for stage, number in first["counts"].items() if number} == {
        "intake": 1,
        "scheduled": 1,
        "withdrawn": 1,
    }

    both = await offramp("cancellations", "list", "--stage", "intake", "--stage", "withdrawn", "--json")
    assert [case["cancellation"] for case in both.json["cancellations"]] == [f"{open_}/1", f"{withdrawn}/1"]
    customer = await offramp("cancellations", "list", "--waiting-for", "customer", "--json")
    assert [case["cancellation"] for case in customer.json["cancellations"]] == [f"{open_}/1"]
    assert customer.json["cancellations"][0]["waits_for"] == ["customer"]
    of_one = await offramp("cancellations", "list", "--organization", world.organization(scheduled), "--json")
    assert [case["cancellation"] for case in of_one.json["cancellations"]] == [f"{scheduled}/1"]
    later = (await offramp("cancellations", "list", "--received-from", "2090-01-01", "--json")).json
    assert (later["cancellations"], later["next"], set(later["counts"].values())) == ([], None, {0})

    said = await offramp("cancellations", "list", "--limit", "2")
    assert "3 in all: 1 intake, 1 scheduled, 1 withdrawn." in said.out
    assert f"There are more: --after {withdrawn}/1" in said.out
    nothing = await offramp("cancellations", "list", "--text", "no such thing")
    assert "offramp cancellations start" in nothing.out


async def test_a_cursor_that_is_none_is_refused_or_a_wrong_call(world: World, offramp: CommandLine) -> None:
    world.subscription()
    unknown = await offramp("cancellations", "list", "--after", "SUB-UNKNOWN/1", "--json")
    assert (unknown.status, unknown.json["error"]["code"]) == (1, "cursor_unknown")
    wrong = await offramp("cancellations", "list", "--after", "nonsense")
    assert wrong.status == 2
