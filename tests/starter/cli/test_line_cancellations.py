"""``offramp lines``: single lines are cancelled, corrected and had back, as a support agent uses them against a real service."""

from datetime import timedelta

from sqlalchemy.orm import Session

from domain.vocabulary import Stage
from storage.tables import SubscriptionLineRow
from tests.support.command_line import CommandLine
from tests.support.single_lines import line_reached, pass_line_time, two_lines
from tests.support.world import World


def identity(world: World, subscription: str) -> tuple[str, ...]:
    """The information that cancels and reverses."""
    known = world.identity(subscription)
    return (
        *("--administrator", known.billing_administrator),
        *("--url", known.organization_url, "--name", known.organization_name),
    )


async def test_lines_are_cancelled_each_for_itself_and_the_last_one_is_refused(
    world: World, offramp: CommandLine
) -> None:
    subscription, line = two_lines(world)
    last = f"{subscription}-2"
    cancelled = await offramp("lines", "cancel", line, last, *identity(world, subscription), "--attest", "called back")
    assert cancelled.status == 1
    said = " ".join(cancelled.out.split())
    assert f"Cancellation {subscription}/line/{line}/1: intake." in said
    assert f"line {line} of {subscription}, which goes on" in said
    assert f"Cancel the subscription instead: `offramp cancellations start {subscription}`" in " ".join(
        cancelled.err.split()
    )
    again = await offramp("lines", "cancel", line, "NO-LINE", "--json")
    assert (again.status, again.json[0]["already_running"]) == (1, True)
    assert again.json[1] == {"subscription_line": "NO-LINE", "error": again.json[1]["error"]}
    assert again.json[1]["error"]["code"] == "subscription_line_unknown"


async def test_a_line_is_quoted_corrected_and_had_back(world: World, offramp: CommandLine) -> None:
    subscription, line = two_lines(world)
    day = world.today(subscription) + timedelta(days=45)
    quoted = await offramp("lines", "quote", line, "--terminate-on", day.isoformat(), "--json")
    assert (quoted.json["line"], quoted.json["lines"][0]["decision"]["end_date"]) == (line, day.isoformat())
    shown = await offramp("lines", "quote", line)
    assert f"Cancelling line {line} alone" in shown.out
    assert "Alternatives" not in shown.out

    started = await offramp("lines", "cancel", line, "--terminate-on", day.isoformat())
    assert f"offramp lines answer {line} and these options" in " ".join(started.out.split())
    await offramp("lines", "answer", line, *identity(world, subscription), "--send-code")
    [code] = world.codes(f"{subscription}/line/{line}")
    await offramp("lines", "answer", line, "--code", code)
    await line_reached(world, line, Stage.SCHEDULED)
    corrected = await offramp(
        "lines", "correct", line, "--terminate-on", "end_of_term", "--reason", "rather sooner", "--json"
    )
    assert corrected.json["line_ends_on"] == (world.today(subscription) + timedelta(days=20)).isoformat()
    await line_reached(world, line, Stage.SCHEDULED)
    early = await offramp("lines", "reverse", line, *identity(world, subscription))
    assert f"offramp lines withdraw {line} --reason REASON" in " ".join(early.err.split())

    await pass_line_time(world, line, timedelta(days=22))
    await line_reached(world, line, Stage.CANCELED)
    late = await offramp("lines", "withdraw", line, "--reason", "stays after all")
    assert f"offramp lines reverse {line} --administrator ADDRESS" in " ".join(late.err.split())
    reversed_ = await offramp("lines", "reverse", line, *identity(world, subscription))
    assert f"Cancellation {subscription}/line/{line}/1: reversed." in " ".join(reversed_.out.split())
    over = await offramp("lines", "withdraw", line, "--reason", "stays after all")
    assert f"offramp lines cancel {line}" in " ".join(over.err.split())


async def test_a_goodwill_for_a_line_is_approved_as_it_was_shown(world: World, offramp: CommandLine) -> None:
    subscription, line = two_lines(world)
    today = world.today(subscription).isoformat()
    await offramp(
        "lines", "cancel", line, *identity(world, subscription), "--attest", "called back",
        "--terminate-on", today, "--goodwill", "an upgrade", "--actor", "agent-1",
    )  # fmt: skip
    await line_reached(world, line, Stage.PREPARING)
    shown = await offramp("lines", "show", line, "--json")
    digest = shown.json["proposal"]["digest"]
    said = " ".join((await offramp("lines", "show", line)).out.split())
    assert f"offramp lines approve {line} --proposal {digest} --reason REASON" in said
    await offramp("lines", "approve", line, "--proposal", digest, "--reason", "agreed", "--actor", "boss")
    status = await line_reached(world, line, Stage.SCHEDULED)
    assert status.line_ends_on == world.today(subscription)


async def test_an_end_date_that_no_case_has_set_is_taken_away(world: World, offramp: CommandLine) -> None:
    subscription, line = two_lines(world)
    with Session(world.engine) as session, session.begin():
        session.get_one(SubscriptionLineRow, line).end_date = world.today(subscription) + timedelta(days=9)
    reopened = await offramp("lines", "reopen", line, "--reason", "ended by mistake")
    assert (reopened.status, reopened.out.strip()) == (0, f"Line {line} goes on.")
    again = await offramp("lines", "reopen", line, "--reason", "ended by mistake")
    assert (again.status, "line_has_no_end" in again.err) == (1, True)
