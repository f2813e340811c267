"""``offramp cancellations`` as a support agent uses it, against a real service."""

import re
from datetime import date, timedelta

from domain.vocabulary import Stage
from tests.support.command_line import CommandLine
from tests.support.world import ADMINISTRATOR, World

ATTESTED = ("--attest", "called back on the number on file")


def identity(world: World, subscription: str) -> tuple[str, ...]:
    record = world.identity(subscription)
    return (
        *("--administrator", record.billing_administrator),
        *("--url", record.organization_url),
        *("--name", record.organization_name),
    )


def everything(world: World, subscription: str, *, end: str | None = None) -> tuple[str, ...]:
    """Every answer: the end lies some days ahead, so that the case stays scheduled while the test looks."""
    end = end or (world.today(subscription) + timedelta(days=30)).isoformat()
    return (*identity(world, subscription), "--terminate-on", end, "--data", "none", *ATTESTED)


async def test_a_start_without_answers_says_what_is_still_open_and_how_to_answer(
    world: World, offramp: CommandLine
) -> None:
    subscription = world.subscription()
    started = await offramp("cancellations", "start", subscription)
    assert started.status == 0, started.err
    assert f"Cancellation {subscription}/1: intake." in started.out
    assert "- organization url       --url URL" in started.out
    assert "- verification           --send-code, then --code CODE; or --attest REASON" in started.out
    assert f"offramp cancellations answer {subscription}" in started.out


async def test_a_second_start_says_since_when_the_first_runs_and_who_started_it(
    world: World, offramp: CommandLine
) -> None:
    subscription = world.subscription()
    first = await offramp("cancellations", "start", subscription, "--request-id", "ticket-1", "--json")
    second = await offramp("cancellations", "start", subscription, "--request-id", "ticket-2", "--json")
    again = await offramp("cancellations", "start", subscription, "--request-id", "ticket-1", "--json")
    assert [called.json["already_running"] for called in (first, second, again)] == [False, True, False]
    assert second.json["request_id"] == "ticket-1"
    assert second.json["cancellation"] == first.json["cancellation"]

    said = await offramp("cancellations", "start", subscription, "--data", "none")
    assert said.status == 0
    since = r"\d{4}-\d\d-\d\d \d\d:\d\d \S+ \(UTC[+-]\d\d:\d\d\)"
    assert re.search(rf"Already running since {since}, started by request ticket-1", " ".join(said.out.split()))
    assert "The answers given were not accepted." in said.out


async def test_the_administrator_is_verified_by_the_code_that_was_mailed(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription()
    await offramp("cancellations", "start", subscription)
    sent = await offramp("cancellations", "answer", subscription, "--data", "none", "--send-code")
    assert "Done: the answers are kept and a one-time code is on its way" in sent.out
    mail = next(mail for mail in world.mailbox.mails if "code" in mail["Subject"].lower())
    assert mail["To"] == ADMINISTRATOR
    found = re.search(r"\b\d{6}\b", world.mailbox.text_of(mail))
    assert found is not None

    wrong = "000000" if found[0] != "000000" else "111111"
    refused = await offramp("cancellations", "answer", subscription, "--code", wrong)
    assert (refused.status, "(code_wrong)" in refused.err) == (1, True)
    verified = await offramp("cancellations", "answer", subscription, "--code", found[0], "--json")
    assert verified.json["verified"] is True
    assert verified.json["open_questions"] == [
        "billing_administrator",
        "organization_url",
        "organization_name",
        "termination_date",
    ]


async def test_what_was_done_before_a_refusal_is_said(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription()
    await offramp("cancellations", "start", subscription)
    refused = await offramp("cancellations", "answer", subscription, "--data", "none", "--code", "000000")
    assert refused.status == 1
    assert "Done: the answers are kept." in refused.err
    assert "Refused (no_code_sent)" in refused.err


async def test_show_and_list_say_the_end_of_the_last_day_and_never_midnight(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription()
    await offramp("cancellations", "start", subscription, *everything(world, subscription, end="now"))
    shown = await offramp("cancellations", "show", subscription)
    while "canceled" not in shown.out:
        shown = await offramp("cancellations", "show", subscription)
    last = (world.today(subscription) + timedelta(days=30)).isoformat()
    assert f"reversible until     the end of {last}" in shown.out
    listed = await offramp("cancellations", "list", "--stage", "canceled")
    assert f"reversible until the end of {last}" in " ".join(listed.out.split())
    assert "00:00" not in shown.out + listed.out


async def test_a_scheduled_cancellation_is_withdrawn_and_a_second_withdrawal_refused(
    world: World, offramp: CommandLine
) -> None:
    subscription = world.subscription()
    await offramp("cancellations", "start", subscription, *everything(world, subscription))
    withdrawn = await offramp("cancellations", "withdraw", subscription, "--reason", "stays after all", "--json")
    assert withdrawn.json["stage"] == Stage.WITHDRAWN
    refused = await offramp("cancellations", "withdraw", subscription, "--reason", "stays after all", "--json")
    assert refused.status == 1
    assert refused.json["error"]["code"] == "cancellation_ended"


async def test_a_reversal_needs_the_information_of_the_cancellation(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription()
    await offramp("cancellations", "start", subscription, *everything(world, subscription, end="now"))
    while (await offramp("cancellations", "show", subscription, "--json")).json["stage"] != Stage.CANCELED:
        continue
    other = ("--administrator", "eve@other.example", *identity(world, subscription)[2:])
    refused = await offramp("cancellations", "reverse", subscription, *other)
    assert (refused.status, "(identity_mismatch)" in refused.err, refused.out) == (1, True, "")
    reversed_ = await offramp("cancellations", "reverse", subscription, *identity(world, subscription), "--json")
    assert reversed_.json["stage"] == Stage.REVERSED


async def test_goodwill_is_approved_by_a_second_person_only(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription()
    await offramp(
        "cancellations", "start", subscription, *everything(world, subscription), "--goodwill", "a loyal customer"
    )
    why = ("--reason", "agreed with sales")
    own = await offramp("cancellations", "approve", subscription, *why)
    assert (own.status, "(own_approval)" in own.err) == (1, True)
    approved = await offramp("cancellations", "approve", subscription, *why, "--actor", "agent-2", "--json")
    assert approved.status == 0, approved.out
    assert approved.json["waiting_for"] != "a second person: approval of the goodwill"
    history = await offramp("cancellations", "history", subscription)
    assert "agent-2\n  goodwill approved\n" in history.out


async def test_the_history_has_an_entry_for_each_event_in_the_zone_of_the_organization(
    world: World, offramp: CommandLine
) -> None:
    subscription = world.subscription()
    await offramp("cancellations", "start", subscription, *everything(world, subscription), "--reason", "too dear")
    await offramp("cancellations", "withdraw", subscription, "--reason", "found the budget")
    history = await offramp("cancellations", "history", subscription)
    assert history.status == 0, history.err
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ \(UTC[+-]\d\d:\d\d\)  agent-1$", history.out, re.MULTILINE)
    assert "  cancellation opened\n    stage: intake\n    why: too dear\n" in history.out
    assert "    stage: scheduled -> withdrawn\n    why: found the budget\n" in history.out
    assert f"  line {subscription}-1: end date set\n    end date: not set -> " in history.out
    assert "None" not in history.out
    assert max(map(len, history.out.splitlines())) <= 80

    entries = (await offramp("cancellations", "history", subscription, "--json")).json
    assert list(entries[0]) == ["at", "actor", "action", "cancellation", "line", "before", "after", "why"]
    assert entries[0]["after"] == {"stage": "intake"}


async def test_a_quote_has_a_block_for_each_line_with_every_step_as_a_sentence(
    world: World, offramp: CommandLine
) -> None:
    subscription = world.subscription()
    day = world.today(subscription).isoformat()
    quoted = await offramp("quote", subscription, "--received-on", day)
    assert quoted.status == 0, quoted.err
    assert f"{subscription}-1, customer: billing ends on " in quoted.out
    assert "  - Received one day later: " in quoted.out
    assert max(map(len, quoted.out.splitlines())) <= 80
    as_json = (await offramp("quote", subscription, "--received-on", day, "--json")).json
    assert as_json["access_ends_on"] == day
    assert as_json["lines"][0]["decision"]["line_id"] == f"{subscription}-1"


async def test_a_credit_memo_ends_the_line_that_waits_for_it(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription()
    world.invoice(subscription, f"INV-{subscription}", date(2026, 1, 1), date(2035, 12, 31))
    started = await offramp("cancellations", "start", subscription, *everything(world, subscription))
    assert started.status == 0, started.err
    shown = await offramp("cancellations", "show", subscription)
    while "scheduled" not in shown.out:
        shown = await offramp("cancellations", "show", subscription)
    assert f"offramp credit-memos post INV-{subscription}" in shown.out
    assert f"the end of the last day of access; billing: credit memos for INV-{subscription}" in " ".join(
        shown.out.split()
    )
    posted = await offramp("credit-memos", "post", f"INV-{subscription}", "--json")
    assert posted.json == {
        "credit_memo": f"CM-INV-{subscription}",
        "invoice": f"INV-{subscription}",
        "subscription": subscription,
    }
    again = await offramp("credit-memos", "post", f"INV-{subscription}")
    assert again.status == 0, "the same memo again changes nothing"
    twice = await offramp("credit-memos", "post", f"INV-{subscription}", "--number", "CM-OTHER")
    assert (twice.status, "(invoice_already_credited)" in twice.err) == (1, True)
    while (status := (await offramp("cancellations", "show", subscription, "--json")).json)["open_billing"]:
        continue
    assert (status["stage"], status["outstanding_credit_memos"]) == (Stage.SCHEDULED, [])


async def test_the_messages_of_a_case_are_listed_without_any_address(world: World, offramp: CommandLine) -> None:
    subscription = world.subscription()
    assert (await offramp("cancellations", "messages", subscription)).out == "No message yet.\n"
    await offramp("cancellations", "start", subscription, *everything(world, subscription))
    await world.mails_arrived(subscription, 2)
    listed = await offramp("cancellations", "messages", subscription)
    assert "cancellation.scheduled, mail: delivered" in listed.out
    assert ADMINISTRATOR not in listed.out
    documents = (await offramp("cancellations", "messages", subscription, "--limit", "1", "--json")).json
    assert [one["cancellation"] for one in documents] == [f"{subscription}/1"]
