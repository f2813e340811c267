"""The worklists, and the nightly runs."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from domain.principals import Role
from domain.vocabulary import Stage
from starter.console.case_view import days_left
from starter.console.worklists import WORKLISTS
from storage.tables import CancellationRow
from tests.starter.console.browsing import Node, read, sent
from tests.starter.console.conftest import Browsers
from tests.support.world import World, eventually

pytestmark = pytest.mark.usefixtures("no_time_passes")


def rows(page: Node) -> dict[str, list[str]]:
    """The cells of a worklist by the case of each row."""
    return {row.one("th").text: [cell.text for cell in row.all("td")] for row in page.one("tbody").all("tr")}


async def test_a_case_is_overdue_when_its_stage_should_have_ended(world: World, browsers: Browsers) -> None:
    late, in_time = world.subscription(), world.subscription()
    for subscription in (late, in_time):
        await world.start(subscription, complete=False)
    with Session(world.engine) as session, session.begin():
        past = datetime.now(UTC) - timedelta(hours=2)
        session.execute(update(CancellationRow).where(CancellationRow.subscription == late).values(stage_deadline=past))

    found = rows(read(await browsers(Role.OPERATOR).get("/worklists/overdue")))

    assert found[f"{late}/1"][2].endswith("overdue")
    assert f"{in_time}/1" not in found


async def test_a_text_that_no_list_can_be_searched_for_is_refused_in_words(browsers: Browsers) -> None:
    answer = await browsers(Role.AUDITOR).get("/worklists/all", params={"text": "%-"})
    assert answer.status_code == 422
    assert read(answer).one("p", class_="code").text == "input_malformed"


async def test_a_list_goes_on_where_its_page_ends(
    world: World, browsers: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starter.console.lists.PAGE", 1)
    subscription = world.subscription(lines=[{}, {}])
    organization = world.organization(subscription)
    other = world.second_subscription(subscription)
    for each in (subscription, other):
        await world.start(each, complete=False)
    agent = browsers(Role.SUPPORT_AGENT)
    first = read(await agent.get(f"/worklists/customer?organization={organization}"))
    assert list(rows(first)) == [f"{other}/1"]
    second = read(await agent.get(f"/worklists/customer{first.one('a', rel='next').attributes['href']}"))
    assert list(rows(second)) == [f"{subscription}/1"]
    assert not list(second.all("a", rel="next"))


def test_every_stage_that_is_not_final_is_in_a_list() -> None:
    assert len({one.name for one in WORKLISTS}) == len(WORKLISTS)
    running = next(one for one in WORKLISTS if one.name == "running")
    assert set(running.stages) == {stage for stage in Stage if not stage.is_final}


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (-1, "overdue"),
        (0, "overdue"),
        (1, "1 hour left"),
        (23.5, "23 hours left"),
        (24, "1 day left of 30"),
        (719, "29 days left of 30"),
    ],
)
def test_what_is_left_is_said_in_whole_days_and_never_rounded_up(hours: float, words: str) -> None:
    left = days_left(timedelta(hours=hours), timedelta(days=30))
    assert left.words == words
    assert 0 <= left.left <= left.total == 30


async def test_an_operator_updates_line_dates_and_sees_the_run(world: World, browsers: Browsers) -> None:
    operator = browsers(Role.OPERATOR, subject="operator-1")
    page = read(await operator.get("/nights"))
    answer = await sent(operator, page, "line_dates.begin", as_of="2001-02-03")
    assert answer.headers["location"] == "/nights?done=line_dates.begin"
    assert (await sent(operator, page, "line_dates.begin", as_of="2001-02-03")).status_code == 303

    async def is_shown() -> bool:
        shown = read(await operator.get("/nights")).one("section", **{"aria-labelledby": "runs-title"}).text
        return shown.count("as of 2001-02-03") == 1

    await eventually(is_shown)
