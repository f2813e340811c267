"""``offramp lines`` and ``offramp schedule`` as people and programs call them."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

import contract
from storage.rights import DatabaseRole
from tests.support.command_line import CommandLine
from tests.support.databases import as_role
from tests.support.nights import line_held, progress_of, start_update
from tests.support.world import Mailbox, World, eventually

DUE: dict[str, Any] = {
    "subsequent_term": "1Y",
    "notice_period": "3M",
    "term_until": date(2026, 12, 31),
    "cancellation_possible_until": date(2026, 9, 30),
}
BEYOND_THE_CALENDAR = {**DUE, "term_until": date(9999, 12, 31)}


@pytest.fixture
async def world(plain_temporal: WorkflowEnvironment, database_url: str) -> AsyncIterator[World]:
    """A world whose worker serves the task queue that commands use."""
    with Mailbox() as mailbox:
        world = World(plain_temporal, database_url, mailbox)
        world.task_queue = contract.TASK_QUEUE
        async with world.worker():
            yield world
        world.close()


@pytest.fixture
def offramp(world: World, plain_temporal: WorkflowEnvironment, database_url: str) -> CommandLine:
    """The command line of somebody who is up at night."""
    return CommandLine(
        {
            "OFFRAMP_DATABASE_URL": as_role(database_url, DatabaseRole.CALLERS),
            "OFFRAMP_ACTOR": "night owl",
            "OFFRAMP_NIGHTLY_ZONE": "Asia/Tokyo",
            "TEMPORAL_ADDRESS": plain_temporal.client.service_client.config.target_host,
            "COLUMNS": "200",
        }
    )


async def test_an_update_on_request_says_what_it_did(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription(lines=[DUE, {}])
    other = world.subscription(lines=[DUE])
    said = await offramp("lines", "update-dates", "--as-of", "2026-10-01", "--subscription", subscription)
    assert said.status == 0, said.err
    assert f"Line dates of subscription {subscription} as of 2026-10-01" in said.out
    assert "0 closed, 1 rolled, 1 unchanged, 0 failed" in said.out
    assert world.line(subscription).term_until == date(2027, 12, 31)
    assert world.line(other).term_until == date(2026, 12, 31)
    assert "line.term_rolled" in world.actions(subscription)


async def test_a_request_is_no_numbered_run_that_was_there_before(world: World, offramp: CommandLine) -> None:
    asked = (
        "lines",
        "update-dates",
        "--as-of",
        "2026-10-01",
        "--subscription",
        world.subscription(lines=[DUE]),
        "--json",
    )
    numbered = await offramp(*asked)
    requested, repeated = [await offramp(*asked, "--request-id", "1") for _ in range(2)]
    runs = [each.json["run"].partition("/")[0] for each in (numbered, requested, repeated)]
    assert runs[0].endswith(":here:1")
    assert runs[1].endswith(":here:request:1")
    assert requested.json == repeated.json


async def test_lines_that_failed_are_named_and_the_exit_status_says_so(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription(lines=[BEYOND_THE_CALENDAR, DUE])
    said = await offramp("lines", "update-dates", "--as-of", "2026-10-01", "--json")
    assert said.status == 1
    assert (said.json["rolled"], said.json["failed"]) == (1, 1)
    assert said.json["failures"][0]["id"] == f"{subscription}-1"
    assert said.json["failures"][0]["code"] == "date_out_of_range"


async def test_lines_that_ended_and_were_never_billed_are_named(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription(lines=[{"end_date": date(2026, 9, 30)}])
    said = await offramp("lines", "update-dates", "--as-of", "2026-10-01", "--subscription", subscription)
    assert said.status == 0, said.err
    assert "1 line past the end date and open" in said.out
    assert f"{subscription}-1 ({subscription}): Line {subscription}-1 ended on 2026-09-30" in said.out


async def test_a_day_ahead_is_refused_then_forced_and_the_run_taken_back(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription(lines=[DUE, DUE])
    update = ("lines", "update-dates", "--as-of", "2040-01-01", "--subscription", subscription)
    refused = await offramp(*update, "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "day_not_reached")
    assert "--force" in (await offramp(*update)).err
    forced = await offramp(*update, "--force", "--json")
    assert (forced.status, forced.json["rolled"]) == (0, 2)
    assert world.line(subscription).term_until == date(2040, 12, 31)

    take_back = ("lines", "restore", "--run", forced.json["run"], "--reason", "a typing error")
    restored = await offramp(*take_back)
    assert restored.status == 0, restored.err
    assert "2 lines restored, 0 left alone" in restored.out
    assert world.line(subscription).term_until == date(2026, 12, 31)
    again = await offramp(*take_back, "--json")
    assert (again.status, again.json["restored"], again.json["restored_before"]) == (0, 0, 2)
    assert "line.restored" in world.actions(subscription)


async def test_a_run_that_nobody_knows_is_not_taken_back(world: World, offramp: CommandLine) -> None:
    said = await offramp(
        "lines", "restore", "--run", "subscription-line-dates/1", "--reason", "a typing error", "--json"
    )
    assert (said.status, said.json["error"]["code"]) == (1, "run_unknown")
    assert (await offramp("lines", "restore", "--run", "x")).status == 2


async def test_a_run_in_progress_is_taken_back_only_when_its_workflow_has_ended(
    world: World, offramp: CommandLine
) -> None:
    subscription = world.subscription(lines=[DUE, DUE])
    with line_held(world, f"{subscription}-1"):
        update = await start_update(world, as_of=date(2026, 10, 1))

        async def passed() -> bool:
            progress = await progress_of(world, update.id)
            return progress is not None and progress.busy == 1

        await eventually(passed)
        progress = await progress_of(world, update.id)
        assert progress is not None
        take_back = ("lines", "restore", "--run", progress.run, "--reason", "a typing error", "--json")
        said = await offramp(*take_back)
        assert (said.status, said.json["error"]["code"]) == (1, "run_in_progress")
        await update.terminate()
    restored = await offramp(*take_back)
    assert (restored.status, restored.json["restored"]) == (0, 1)
    assert world.line(subscription, 2).term_until == date(2026, 12, 31)


async def test_a_backfill_of_nights_ahead_is_refused_and_runs_if_it_is_forced(
    world: World, offramp: CommandLine
) -> None:
    subscription = world.subscription(zone="Asia/Tokyo", lines=[DUE])
    await offramp("schedule", "ensure")
    days = ("--first", "2040-01-01", "--last", "2040-01-02")
    refused = await offramp("schedule", "backfill", *days, "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "night_not_reached")
    assert "--force" in (await offramp("schedule", "backfill", *days)).err
    assert world.line(subscription).term_until == date(2026, 12, 31)
    forced = await offramp("schedule", "backfill", *days, "--force", "--json")
    assert forced.status == 0, forced.err
    runs = (await offramp("schedule", "show", "--json")).json["latest_runs"]
    assert [(run["as_of"], run["rolled"]) for run in runs] == [("2040-01-02", 0), ("2040-01-01", 1)]
    assert runs[1]["instant"] == "2039-12-31T19:00:00Z"
    await world.environment.client.get_schedule_handle(contract.NIGHTLY_SCHEDULE).delete()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--subscription", "SUB-0"), "subscription_unknown"),
        (("--vendor-contract", "VC-0"), "contract_unknown"),
        (("--vendor-contract", "VC-0", "--subscription", "SUB-0"), "scope_ambiguous"),
    ],
)
async def test_what_there_is_not_is_refused_by_name(
    world: World, offramp: CommandLine, arguments: tuple[str, ...], code: str
) -> None:
    said = await offramp("lines", "update-dates", *arguments, "--json")
    assert (said.status, said.json["error"]["code"]) == (1, code)


async def test_lines_are_listed_with_the_day_until_which_they_stay_as_they_are(
    world: World, offramp: CommandLine
) -> None:
    subscription = world.subscription(lines=[DUE, {}])
    said = await offramp("lines", "list", "--subscription", subscription, "--json")
    assert [(line["id"], line["due_after"]) for line in said.json] == [
        (f"{subscription}-1", "2026-09-30"),
        (f"{subscription}-2", None),
    ]
    due = await offramp("lines", "list", "--due", "2026-10-01", "--json")
    assert [line["id"] for line in due.json] == [f"{subscription}-1"]
    assert (await offramp("lines", "list", "--due", "2026-09-30", "--json")).json == []
    assert subscription in (await offramp("lines", "list")).out


async def test_the_schedule_is_ensured_paused_resumed_backfilled_and_shown(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription(zone="Asia/Tokyo", lines=[DUE])
    missing = await offramp("schedule", "show", "--json")
    assert (missing.status, missing.json["error"]["code"]) == (1, "schedule_missing")
    assert (await offramp("schedule", "ensure", "--json")).json["zone"] == "Asia/Tokyo"
    assert (await offramp("schedule", "pause", "--note", "stocktaking")).out.count("paused (stocktaking)") == 1
    assert not (await offramp("schedule", "resume", "--json")).json["paused"]
    backwards = await offramp("schedule", "backfill", "--first", "2026-10-02", "--last", "2026-10-01", "--json")
    assert backwards.json["error"]["code"] == "backfill_ends_before_it_starts"
    assert (await offramp("schedule", "backfill", "--first", "2026-09-30", "--last", "2026-10-01")).status == 0
    runs: list[Any] = []
    while len(runs) < 2 or not all(run["finished_at"] for run in runs):
        runs = (await offramp("schedule", "show", "--json")).json["latest_runs"]
    assert [(run["as_of"], run["rolled"]) for run in runs] == [("2026-10-01", 1), ("2026-09-30", 0)]
    assert world.line(subscription).term_until == date(2027, 12, 31)
    await world.environment.client.get_schedule_handle(contract.NIGHTLY_SCHEDULE).delete()
