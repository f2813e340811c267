"""The quote form, and the charts."""

from datetime import date, timedelta

import pytest

from domain.lines.decision import decide
from domain.lines.line import SubscriptionLine
from domain.principals import Role
from starter.console.charts import HEIGHT, stacked
from starter.console.diagrams import LEFT, RIGHT, WIDTH, term_diagram
from tests.starter.console.browsing import fields, read, refusal, sent
from tests.starter.console.conftest import Browsers
from tests.support.world import World

YEARLY = {"initial_term": "1Y", "subsequent_term": "1Y", "notice_period": "3M"}


async def test_a_quote_says_what_the_facade_says_and_follows_its_dates(world: World, browsers: Browsers) -> None:
    subscription = world.subscription(lines=[YEARLY])
    browser = browsers(Role.AUDITOR)
    for day in (world.today(subscription) + timedelta(days=days) for days in (10, 700)):
        quote = await world.service.quote(subscription, terminate_on=day)
        page = read(await browser.get("/quote", params={"subscription": subscription, "terminate_on": str(day)}))
        result = page.one("div", id="result")
        assert f"Billing ends on {quote.billing_ends_on}" in result.one("dl").text
        steps = [step.text for step in result.one("ol", class_="steps").all("li")]
        assert [step[1:] for step in steps] == [f"{step.text[1:]}." for step in quote.lines[0].decision.explanation]
        assert page.one("input", id="terminate_on").attributes["value"] == str(day)
    assert not (await world.service.list(text=subscription)).cancellations


async def test_a_quote_that_is_refused_says_why_beside_the_form_that_asked(world: World, browsers: Browsers) -> None:
    browser = browsers(Role.AUDITOR)
    unknown = await browser.get("/quote", params={"subscription": "SUB-NOWHERE"})
    assert (unknown.status_code, refusal(unknown).one("p", class_="code").text) == (404, "subscription_unknown")
    malformed = await browser.get("/quote", params={"subscription": world.subscription(), "received_on": "soon"})
    assert "a day, as in 2026-12-31, is expected" in refusal(malformed).text
    assert read(malformed).one("form", id="ask").tag == "form"


async def test_a_start_that_is_refused_keeps_the_quote_and_what_was_written(world: World, browsers: Browsers) -> None:
    subscription = world.subscription()
    agent = browsers(Role.SUPPORT_AGENT)
    page = read(await agent.get("/quote", params={"subscription": subscription, "termination": "end_of_term"}))
    assert fields(page, "cancellations.start")["wish"] == "end_of_term"
    answer = await sent(agent, page, "cancellations.start", organization_name="somebody-else", reason_code="no_such")
    shown = read(answer)
    assert answer.status_code >= 400
    assert shown.one("input", id="subscription").attributes["value"] == subscription
    assert shown.one("input", id="cancellations-start-organization_name").attributes["value"] == "somebody-else"


LINE = SubscriptionLine.model_validate(
    {
        "id": "L-1", "start_date": date(2026, 1, 1), "billing_rhythm": "1Y", "next_billing_date": date(2027, 1, 1),
        "term_until": date(2026, 12, 31), "cancellation_possible_until": date(2026, 9, 30), **YEARLY,
    }
)  # fmt: skip


def test_a_diagram_is_to_scale_and_its_dates_are_those_of_the_decision() -> None:
    late = decide(LINE, date(2026, 10, 4))
    drawn = term_diagram(LINE, today=date(2026, 10, 4), decision=late, access_ends_on=date(2026, 10, 4))

    term, billing, access = drawn.lanes
    assert [bar.kind for bar in term.bars] == ["term", "extended"]
    assert term.ends[1] == billing.ends[1] == "2027-12-31"
    assert access.ends[1] == "2026-10-04"
    per_day = term.bars[0].width / 365
    assert abs(term.bars[1].width / 365 - per_day) < 0.01
    assert dict(drawn.facts)["Deadline (cancellation possible until)"] == "2027-09-30"
    marks = {mark.kind: mark.x for mark in drawn.marks}
    assert marks["today"] < marks["deadline"] < marks["end"]
    assert abs((marks["end"] - marks["deadline"]) - 92 * per_day) < 0.5


def test_what_is_billed_beyond_the_end_stands_out() -> None:
    at_any_time = LINE.revised(
        subsequent_term=None, notice_period=None, initial_term=None, term_until=None, cancellation_possible_until=None
    )
    decision = decide(at_any_time, date(2026, 10, 4))
    billing = term_diagram(at_any_time, today=date(2026, 10, 4), decision=decision).lanes[1]
    assert [(bar.kind, bar.words.rpartition(" ")[2]) for bar in billing.bars] == [
        ("billed", "2026-10-04"),
        ("beyond", "2026-12-31"),
    ]


@pytest.mark.parametrize("start", [date(1, 1, 1), date(1990, 5, 31), date(2026, 10, 4), date(9999, 12, 1)])
def test_every_diagram_stays_within_its_frame(start: date) -> None:
    line = SubscriptionLine.model_validate({"id": "L-1", "start_date": start, "billing_rhythm": "1M"})
    drawn = term_diagram(line, today=date(2026, 10, 4), access_ends_on=date(2027, 1, 1))
    bars = [bar for lane in drawn.lanes for bar in lane.bars]
    assert all(bar.x >= LEFT and bar.x + bar.width <= WIDTH - RIGHT + 2 for bar in bars)
    assert all(LEFT <= mark.x <= WIDTH - RIGHT for mark in drawn.marks)
    assert len(drawn.ticks) <= 12


def test_a_chart_stacks_its_numbers_to_scale() -> None:
    chart = stacked([("a", {"closed": 30, "running": 10}), ("b", {}), ("c", {"closed": 3})], ["closed", "running"])
    closed, running = chart.columns[0].parts
    assert closed.height == pytest.approx(3 * running.height, abs=0.2)
    assert closed.y + closed.height == pytest.approx(HEIGHT - chart.bottom, abs=0.2)
    assert running.words == "a: 10 running"
    assert chart.columns[1].parts == []
    assert [label for _, label in chart.ticks] == ["0", "20", "40"]


async def test_the_reasons_are_a_chart_with_its_numbers_beside_it(world: World, browsers: Browsers) -> None:
    await world.start(world.subscription(), complete=False)
    page = read(await browsers(Role.AUDITOR).get("/reasons"))
    assert page.one("svg", role="img").one("title").text.endswith("the table below has the numbers")
    report = await world.service.report()
    numbers = [int(row.one("td").text.replace(",", "")) for row in page.one("table").one("tbody").all("tr")]
    assert numbers == [row.started for row in report.reasons]
