"""Bulks in the console: planned from a file, looked at, confirmed by a second person, watched, stopped, resumed and killed."""

from collections.abc import AsyncIterator

import httpx
import pytest

from domain.bulk import BulkState
from domain.principals import Role
from tests.starter.console.browsing import Node, fields, form_key, offered, post, read, refusal, sent
from tests.starter.console.conftest import Browsers
from tests.support.bulks import as_file, planned, row, short, until
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_time_passes")


@pytest.fixture
async def switched_on_again(world: World) -> AsyncIterator[None]:
    """The kill switch is everybody's: whatever a test does with it, it is on afterwards."""
    yield
    await world.offramp.bulk.set_switch(off=False, reason="the test is over", actor="operator-1")


async def planned_by_file(browser: httpx.AsyncClient, content: bytes, **more: str) -> httpx.Response:
    """Send the form that plans a bulk with a file."""
    page = read(await browser.get("/bulk"))
    given = fields(page, "bulk.plan") | {"reason": "the product ends", "at_once": "5", "per_minute": "120"} | more
    files = {"file": ("leavers.csv", content, "text/csv")}
    return await post(browser, "bulk.plan", given, files=files)


def cells(page: Node) -> dict[str, list[str]]:
    """The cells of each row of a bulk, by its number."""
    rows = page.one("section", id="rows").one("tbody").all("tr")
    return {one.one("th").text: [cell.text for cell in one.all("td")] for one in rows}


async def test_an_agent_plans_a_file_and_a_supervisor_confirms_what_they_are_shown(
    world: World, browsers: Browsers
) -> None:
    agent, lead = browsers(Role.SUPPORT_AGENT, subject="ann"), browsers(Role.SUPERVISOR, subject="lead-2")
    subscriptions = [world.subscription() for _ in range(11)]
    rows = [*(row(world, one) for one in subscriptions), short("SUB-NOWHERE")]
    rows[1]["goodwill"] = "a good customer"
    answer = await planned_by_file(agent, as_file(rows).encode("utf-8-sig"))
    assert answer.status_code == 303, answer.text
    here = answer.headers["location"].partition("?")[0]
    await until(world, here.rpartition("/")[2], BulkState.PLANNED)

    page = read(await agent.get(here))
    assert "leavers.csv" in page.text
    assert offered(page) == set(), "an agent plans, and does not confirm"
    shown = cells(page)
    assert shown["2"][:2] == [subscriptions[0], "ready"]
    assert shown["13"][1] == "refused"
    assert "There is no subscription" in shown["13"][-1]
    refused = read(await agent.get(f"{here}?state=refused"))
    assert list(cells(refused)) == ["13"]

    assert "a good customer" not in page.text, "an agent's colleague need not read what names persons"
    page = read(await lead.get(here))
    assert offered(page) == {"bulk.confirm", "bulk.kill"}
    assert "goodwill: a good customer" in cells(page)["3"][-1], "who confirms sees what they put their name to"
    assert "attested: a list by the sales team" in cells(page)["2"][-1]
    assert "Ask for a goodwill" in page.text
    assert (await sent(lead, page, "bulk.confirm", reason="looked at every row")).status_code == 303
    await until(world, here.rpartition("/")[2], BulkState.FINISHED)
    page = read(await lead.get(here))
    progress = page.one("progress").attributes
    assert (progress["max"], progress["value"]) == ("11", "11")
    assert cells(page)["2"][-1] == f"{subscriptions[0]}/1"
    assert offered(page) == set()
    assert world.audit(subscriptions[0], "cancellation.opened").actor == "lead-2"


async def test_who_planned_many_rows_reads_in_the_form_that_somebody_else_confirms(
    world: World, browsers: Browsers
) -> None:
    plan = await planned(world, [short(world.subscription()) for _ in range(11)], actor="lead-2")
    lead = browsers(Role.SUPERVISOR, subject="lead-2")
    page = read(await lead.get(f"/bulk/{plan.bulk}"))
    answer = await sent(lead, page, "bulk.confirm", reason="it is fine with me")
    assert answer.status_code == 403
    form = read(answer).one("form", action="/actions/bulk.confirm")
    assert form.one("p", class_="code").text == "bulk_needs_second_person"
    assert form.one("textarea").text == "it is fine with me"


async def test_a_bulk_is_stopped_resumed_and_killed_by_those_who_may(world: World, browsers: Browsers) -> None:
    plan = await planned(world, [row(world, world.subscription()) for _ in range(3)], per_minute=1, at_once=1)
    lead, here = browsers(Role.SUPERVISOR, subject="lead-2"), f"/bulk/{plan.bulk}"

    async def page(browser: httpx.AsyncClient = lead) -> Node:
        return read(await browser.get(here))

    await sent(lead, await page(), "bulk.confirm", reason="looked at every row")
    for role, can in {
        Role.SUPPORT_AGENT: {"bulk.stop"},
        Role.OPERATOR: {"bulk.stop", "bulk.kill"},
        Role.AUDITOR: set(),
    }.items():
        assert offered(await page(browsers(role))) == can, role
    assert read(await lead.get(here)).one("body").attributes["data-every"] == "2"
    assert (await sent(lead, await page(), "bulk.stop", reason="a doubt")).status_code == 303
    assert "lead-2" in (await page()).one("section", id="progress").text
    assert "data-every" not in (await page()).one("body").attributes, "nothing happens to it"
    assert offered(await page()) == {"bulk.resume", "bulk.kill"}
    assert (await sent(lead, await page(), "bulk.resume", reason="no doubt")).status_code == 303
    assert (await sent(lead, await page(), "bulk.kill", reason="for good")).status_code == 303
    assert offered(await page()) == set()
    assert (await world.offramp.bulk.status(plan.bulk)).state is BulkState.KILLED


@pytest.mark.usefixtures("switched_on_again")
async def test_the_kill_switch_stands_on_every_bulk_page(world: World, browsers: Browsers) -> None:
    plan = await planned(world, [short(world.subscription())])
    operator = browsers(Role.OPERATOR, subject="operator-1")
    answer = await sent(operator, read(await operator.get("/bulk")), "bulk.set_switch", reason="an incident")
    assert answer.status_code == 303
    for path in ("/bulk", f"/bulk/{plan.bulk}"):
        assert "by operator-1 (an incident): no bulk starts anything" in read(await operator.get(path)).text
    answer = await sent(operator, read(await operator.get("/bulk")), "bulk.set_switch", reason="it is over")
    assert (await world.offramp.bulk.switch()).off_since is None


async def test_an_organization_as_a_whole_is_planned_by_a_form(world: World, browsers: Browsers) -> None:
    subscription = world.subscription()
    both = {subscription, world.second_subscription(subscription)}
    agent = browsers(Role.SUPPORT_AGENT)
    form = read(await agent.get("/bulk")).one("details", id="do-bulk-plan-organization")
    given = {one.attributes["name"]: one.attributes.get("value", "") for one in form.all("input")}
    given |= {"organization": world.organization(subscription), "termination": "end_of_term", "data": "none"}
    answer = await post(agent, "bulk.plan", given | {"reason": "all of it", "attestation": "called back"})
    assert answer.status_code == 303, answer.text
    here = answer.headers["location"].partition("?")[0]
    await until(world, here.rpartition("/")[2], BulkState.PLANNED)
    assert {one[0] for one in cells(read(await agent.get(here))).values()} == both


@pytest.mark.parametrize(
    ("content", "more", "code"),
    [
        (b"\xff\xfe", {}, "bulk_file_malformed"),
        (b"subject\nSUB-1\n", {}, "bulk_file_malformed"),
        (b"subscription\n" + b"SUB-1\n" * 10_001, {}, "bulk_file_too_large"),
        (b"subscription\nSUB-1\n", {"at_once": "21"}, "input_malformed"),
        (b"subscription\nSUB-1\n", {"reason": ""}, "input_malformed"),
    ],
)
async def test_a_file_that_is_no_plan_is_refused_in_its_form(
    browsers: Browsers, content: bytes, more: dict[str, str], code: str
) -> None:
    answer = await planned_by_file(browsers(Role.SUPPORT_AGENT), content, **more)
    assert refusal(answer).one("p", class_="code").text == code
    assert read(answer).one("h1").text == "Bulk cancellations"


async def test_who_is_limited_to_organizations_plans_and_sees_their_own_alone(world: World, browsers: Browsers) -> None:
    mine, others = world.subscription(), world.subscription()
    limited = browsers(Role.SUPERVISOR, subject="lead-3", organizations=[world.organization(mine)])
    foreign = await planned(world, [short(others)])
    page = read(await limited.get("/bulk"))
    assert foreign.bulk not in page.text
    assert "bulk.set_switch" not in offered(page)
    assert (await limited.get(f"/bulk/{foreign.bulk}")).status_code == 404
    answer = await planned_by_file(limited, as_file([short(mine), short(others)]).encode())
    bulk = answer.headers["location"].partition("?")[0].rpartition("/")[2]
    status = await until(world, bulk, BulkState.PLANNED)
    assert status.refusals == {"organization_not_permitted": 1}
    killed = {"_subject": foreign.bulk, "_form": form_key(page), "_key": "k-1", "_back": "/bulk", "reason": "mine"}
    answer = await post(limited, "bulk.kill", killed)
    assert refusal(answer).one("p", class_="code").text == "bulk_unknown"
    assert (await world.offramp.bulk.status(foreign.bulk)).state is BulkState.PLANNED
