"""What a page that is kept current asks for: the parts that have changed, and the rows of the cases that events name."""

from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from domain.principals import Role
from starter.console import case_view
from starter.console.parts import HAVE
from storage.rights import DatabaseRole
from tests.starter.console.areas import bulk_of
from tests.starter.console.browsing import Node, read
from tests.starter.console.conftest import Browsers
from tests.starter.console.test_costs import rows_read
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_time_passes")


def parts(page: Node) -> dict[str, str]:
    """The digests of a page's live parts, by their ids."""
    live = (one for one in page.all() if "data-live" in one.attributes)
    return {one.attributes["id"]: one.attributes["data-digest"] for one in live}


def had(page: Node) -> dict[str, str]:
    """The header of a browser that has a page."""
    return {HAVE: " ".join(f"{name}={digest}" for name, digest in parts(page).items())}


class Standing(datetime):
    """A clock that stands: the bar of the days that are left moves every quarter of an hour, perhaps between two looks."""

    at = datetime.now(UTC)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Standing":
        return cls.fromtimestamp(cls.at.timestamp(), tz)


async def test_a_browser_gets_the_parts_that_have_changed_and_no_others(
    world: World, browsers: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_view, "datetime", Standing)
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    agent, here = browsers(Role.SUPPORT_AGENT), f"/cases/{subscription}/1"
    page = read(await agent.get(here))
    assert set(parts(page)) == {"top", "now", "actions", "timeline", "dates", "lines", "messages", "audit"}
    await world.mails_arrived(subscription, 1)

    page = read(await agent.get(here))
    before = (await agent.get(here, headers=had(page))).json()
    assert before == {"names": list(parts(page)), "changed": [], "every": None}

    await world.service.answer(subscription, {"data": "none"}, actor="somebody-else")
    answer = (await agent.get(here, headers=had(page))).json()
    changed = {name for name in parts(page) for html in answer["changed"] if f'id="{name}"' in html}
    assert {"now", "actions", "timeline", "audit"} <= changed
    assert not {"dates", "lines"} & changed
    assert len("".join(answer["changed"])) < len((await agent.get(here)).text)


async def test_a_part_that_is_gone_is_not_named_any_more(world: World, browsers: Browsers) -> None:
    subscription = world.subscription()
    in_time = world.answers(subscription, terminate_on=world.today(subscription) + timedelta(days=20))
    await world.start(subscription, answers=in_time)
    agent, here = browsers(Role.SUPPORT_AGENT), f"/cases/{subscription}/1"
    page = read(await agent.get(here))
    await world.service.withdraw(subscription, actor="agent-7", reason="they stay")
    answer = (await agent.get(here, headers=had(page))).json()
    assert "actions" in parts(page)
    assert "actions" not in answer["names"], "nothing can be done to it any more"


async def test_a_list_asks_for_the_rows_of_the_cases_that_changed_and_reads_no_others(
    world: World, browsers: Browsers
) -> None:
    subscriptions = [world.subscription() for _ in range(3)]
    for each in subscriptions:
        await world.start(each, complete=False)
    left, stays, _ = subscriptions
    await world.service.withdraw(left, actor="agent-7", reason="they stay")
    agent = browsers(Role.SUPPORT_AGENT)
    page = read(await agent.get("/worklists/customer"))
    rows = page.one("tbody").attributes["data-rows"]

    with rows_read(world.engines[DatabaseRole.CALLERS], "cancellations JOIN subscriptions") as read_rows:
        found = (await agent.get(rows, params=[("case", f"{left}/1"), ("case", f"{stays}/1")])).json()

    assert list(found) == [f"{stays}/1"], "what has left the list has no row in it"
    assert f'data-case="{stays}/1"' in found[f"{stays}/1"]
    assert found[f"{stays}/1"].strip() in (await agent.get("/worklists/customer")).text
    assert max(read_rows) == 1


async def test_rows_are_of_the_cases_that_a_person_may_see_as_the_list_is_narrowed_down(
    world: World, browsers: Browsers
) -> None:
    mine, others = world.subscription(), world.subscription()
    for each in (mine, others):
        await world.start(each, complete=False)
    cases = {"case": [f"{mine}/1", f"{others}/1"]}
    limited = browsers(Role.SUPPORT_AGENT, organizations=[world.organization(mine)])
    assert list((await limited.get("/worklists/customer/rows", params=cases)).json()) == [f"{mine}/1"]
    agent = browsers(Role.SUPPORT_AGENT)
    narrowed = {**cases, "text": [others]}
    assert list((await agent.get("/worklists/customer/rows", params=narrowed)).json()) == [f"{others}/1"]
    assert (await browsers().get("/worklists/customer/rows", params=cases)).status_code == 403
    for wrong in ([], ["no case"], [f"{mine}/{n}" for n in range(1, 60)]):
        assert (await agent.get("/worklists/customer/rows", params={"case": wrong})).status_code == 422


async def test_a_page_that_nobody_may_see_any_more_has_no_parts(world: World, browsers: Browsers) -> None:
    bulk = await bulk_of(world, world.subscription())
    limited = browsers(Role.SUPERVISOR, organizations=["ORG-ELSEWHERE"])
    answer = await limited.get(f"/bulk/{bulk}", headers={HAVE: "progress=0"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("header", ["", "=", "now", "now=x now=y", "a=b " * 500])
async def test_a_header_that_names_no_part_gets_all_of_them(world: World, browsers: Browsers, header: str) -> None:
    answer = (await browsers(Role.AUDITOR).get("/limits", headers={HAVE: header})).json()
    assert (answer["names"], len(answer["changed"])) == (["limits"], 1)
