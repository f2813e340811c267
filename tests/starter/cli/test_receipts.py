"""Receipts on the command line: a letter that is entered later, and a quote for a past day."""

from datetime import UTC, date, datetime, timedelta

import pytest
import typer

from starter.cli.receipt import instant_or_day
from tests.starter.cli.test_cancellations import ATTESTED, everything, identity
from tests.support.command_line import CommandLine
from tests.support.world import World, eventually

KNOWN = datetime(2026, 1, 1, tzinfo=UTC)
BY_LETTER = ("--channel", "letter")


def missed(today: date, days: int) -> dict[str, object]:
    """A line that was extendable until some days ago."""
    return {
        "subsequent_term": "1Y",
        "notice_period": "31D",
        "term_until": today + timedelta(days=31 - days),
        "cancellation_possible_until": today - timedelta(days=days),
        "known_since": KNOWN,
    }


async def test_a_letter_is_entered_with_the_day_on_which_it_came(world: World, offramp: CommandLine) -> None:
    today = world.today(world.subscription())
    subscription = world.subscription(lines=[missed(today, 3)])
    day = (today - timedelta(days=3)).isoformat()
    said = await offramp("cancellations", "start", subscription, "--received-at", day, *BY_LETTER)
    listed = await offramp("cancellations", "list", "--json")
    shown = await offramp("cancellations", "show", subscription, "--json")
    history = await offramp("cancellations", "history", subscription)

    assert said.status == 0, said.err
    assert "23:59" in said.out
    assert "by letter" in " ".join(said.out.split())
    assert f"billing ends on {today + timedelta(days=28)}" in " ".join(said.out.split())
    (case,) = (case for case in listed.json["cancellations"] if case["subscription"] == subscription)
    for of_case in (case, shown.json):
        assert (of_case["channel"], of_case["received_at"]) == ("letter", shown.json["received_at"])
        assert of_case["request_id"] == shown.json["request_id"]
    assert "channel: letter" in history.out


async def test_a_letter_of_long_ago_needs_a_reason(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription()
    day = (world.today(subscription) - timedelta(days=20)).isoformat()
    start = ("cancellations", "start", subscription, "--received-at", day, *BY_LETTER)
    refused = await offramp(*start, "--json")
    accepted = await offramp(*start, "--received-because", "found behind a cupboard", "--json")

    assert (refused.status, refused.json["error"]["code"]) == (1, "backdating_needs_reason")
    assert (accepted.status, accepted.json["channel"]) == (0, "letter")


async def test_a_withdrawal_and_a_reversal_have_their_receipts(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription()
    await offramp("cancellations", "start", subscription, *everything(world, subscription))
    now = datetime.now(UTC)
    said = await offramp(
        *("cancellations", "withdraw", subscription, "--reason", "stays"),
        *("--received-at", now.isoformat(), "--channel", "phone"),
    )
    assert said.status == 0, said.err
    assert (world.audit(subscription, "cancellation.withdrawn").after or {})["channel"] == "phone"

    at_once = (*identity(world, subscription), "--terminate-on", "now", "--data", "none", *ATTESTED)
    again = await offramp("cancellations", "start", subscription, *at_once)
    assert again.status == 0, again.err
    await eventually(lambda: _has_no_access(world, subscription))
    reversed_ = await offramp(
        "cancellations", "reverse", subscription, *identity(world, subscription), "--channel", "mail", "--json"
    )
    assert (reversed_.status, reversed_.json["stage"]) == (0, "reversed"), reversed_.err
    assert (world.audit(subscription, "cancellation.reversed").after or {})["channel"] == "mail"


async def test_a_quote_is_for_today_and_a_past_day_takes_the_line_as_it_was(world: World, offramp: CommandLine) -> None:
    zone = "Pacific/Auckland"
    today = world.today(world.subscription(zone=zone))
    subscription = world.subscription(zone=zone, lines=[missed(today, 1)])
    quoted = await offramp("quote", subscription, "--json")
    in_time = await offramp("quote", subscription, "--received-on", (today - timedelta(days=1)).isoformat(), "--json")

    assert (quoted.status, quoted.json["received_on"]) == (0, today.isoformat())
    (line,) = in_time.json["lines"]
    assert line["decision"]["end_date"] == (today + timedelta(days=30)).isoformat()
    assert quoted.json["lines"][0]["decision"]["end_date"] != line["decision"]["end_date"]


@pytest.mark.parametrize("text", ["yesterday", "2026-09-28T16:30", "28.09.2026", ""])
def test_anything_but_a_day_or_an_instant_with_its_offset_is_a_wrong_call(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        instant_or_day(text)


def test_a_day_is_a_day_and_an_instant_an_instant() -> None:
    assert instant_or_day("2026-09-28") == date(2026, 9, 28)
    assert instant_or_day("2026-09-28T16:30+02:00") == datetime(2026, 9, 28, 14, 30, tzinfo=UTC)


async def _has_no_access(world: World, subscription: str) -> bool:
    return world.access(subscription) == "off"
