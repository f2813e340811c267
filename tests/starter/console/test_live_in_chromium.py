"""Pages that stay current in a real browser: nothing that a person does is taken from them, and little is asked for."""

import asyncio
from typing import Any

import pytest

from domain.permissions import ROLES, Operation
from domain.principals import Role
from tests.starter.console.areas import bulk_of
from tests.starter.console.chromium import NEEDED, Visits, address, chromium, is_watching, violations, visits
from tests.support.bulks import planned, row
from tests.support.world import World

__all__ = ["address", "chromium", "visits"]

pytestmark = [NEEDED, pytest.mark.usefixtures("no_time_passes")]


def fetches(page: Any) -> list[str]:
    """The addresses that the scripts of a page ask for, from now on."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if request.resource_type == "fetch" else None)
    return found


def most_at_once(page: Any) -> list[int]:
    """The number of requests of scripts that were under way, at each begin of one."""
    under_way: set[Any] = set()
    found: list[int] = []

    def begun(request: Any) -> None:
        if request.resource_type == "fetch":
            under_way.add(request)
            found.append(len(under_way))

    def ended(request: Any) -> None:
        under_way.discard(request)

    page.on("request", begun)
    page.on("requestfinished", ended)
    page.on("requestfailed", ended)
    return found


async def test_an_update_leaves_focus_what_is_open_and_what_was_written(world: World, visits: Visits) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    page = await visits(f"/cases/{subscription}/1", Role.SUPPORT_AGENT)
    await is_watching(page)
    await page.get_by_text("Attest who is asking").click()
    await page.get_by_text("Correct the request").click()
    await page.locator("#audit summary").click()
    await page.get_by_label("How you know").fill("half a sentence")
    await page.get_by_label("How you know").evaluate("(one) => one.setSelectionRange(4, 8)")
    timeline = await page.locator("#timeline").element_handle()

    await world.service.answer(subscription, {"data": "none"}, actor="somebody-else")
    await page.locator("#timeline").get_by_text("by somebody-else").wait_for(timeout=10_000)

    focused = "[document.activeElement.tagName, document.activeElement.selectionStart, document.activeElement.value]"
    assert await page.evaluate(focused) == ["TEXTAREA", 4, "half a sentence"]
    assert await page.evaluate("(one) => one.isConnected", timeline), "its elements are the same ones"
    for opened in ("#do-cancellations-correct", "#audit details"):
        assert await page.locator(opened).evaluate("(one) => one.open")
    assert await page.locator("#audit").get_by_text("somebody-else").count() > 0, "also in what is open"
    assert await violations(page) == []


async def test_a_form_that_nobody_has_touched_follows_the_case(world: World, visits: Visits) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    page = await visits(f"/cases/{subscription}/1", Role.SUPPORT_AGENT)
    await is_watching(page)
    expects = page.locator("#do-cancellations-correct input[name=expects]")
    before = await expects.input_value()
    await world.service.answer(subscription, {"data": "none"}, actor="somebody-else")
    await page.locator("#timeline").get_by_text("by somebody-else").wait_for(timeout=10_000)
    assert await expects.input_value() == (await world.service.status(subscription)).version != before
    await world.service.attest(subscription, reason="called back", actor="somebody-else")
    await page.get_by_text("Attest who is asking").wait_for(state="detached", timeout=10_000)


async def test_a_list_asks_for_what_changed_and_never_twice_at_once(world: World, visits: Visits) -> None:
    subscriptions = [world.subscription() for _ in range(8)]
    for each in subscriptions[:4]:
        await world.start(each, complete=False)
    page = await visits("/worklists/customer", Role.AUDITOR)
    await is_watching(page)
    asked, at_once = fetches(page), most_at_once(page)
    first = page.get_by_role("link", name=f"{subscriptions[0]}/1")
    await first.focus()

    await asyncio.gather(*(world.start(each, complete=False) for each in subscriptions[4:]))
    for each in subscriptions[4:]:
        await page.get_by_role("link", name=f"{each}/1").wait_for(timeout=10_000)
    await world.service.withdraw(subscriptions[1], actor="agent-7", reason="they stay")
    await page.get_by_role("link", name=f"{subscriptions[1]}/1").wait_for(state="detached", timeout=10_000)

    assert await first.evaluate("(one) => one === document.activeElement")
    received = await page.locator("tbody tr").evaluate_all("(rows) => rows.map((one) => one.dataset.received)")
    assert received == sorted(received, reverse=True)
    assert all("/worklists/customer/rows?" in each for each in asked)
    assert len(asked) <= 6, "events that come together are asked about together"
    assert max(at_once) == 1
    assert await page.locator("#news").text_content() == "This list was updated."


async def test_a_page_that_is_not_to_be_seen_any_more_says_that_it_is_not_current(
    world: World, visits: Visits, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await planned(world, [row(world, world.subscription()) for _ in range(2)], per_minute=1, at_once=1)
    await world.offramp.bulk.confirm(plan.bulk, digest=str(plan.digest), reason="all of it", actor="lead-2")
    page = await visits(f"/bulk/{plan.bulk}", Role.AUDITOR)
    stale = page.get_by_text("This page is not kept current any more.")
    with monkeypatch.context() as forgetful:
        forgetful.setitem(ROLES, Operation.LIST_BULK_ROWS, frozenset())  # as after another role was given to them
        await stale.wait_for(timeout=10_000)
    await stale.wait_for(state="hidden", timeout=10_000)
    await world.offramp.bulk.kill(plan.bulk, reason="the test is over", actor="lead-2")


async def test_a_quote_that_is_refused_while_somebody_writes_leaves_them_where_they_are(
    world: World, visits: Visits
) -> None:
    mine = world.subscription()
    page = await visits("/quote", Role.SUPPORT_AGENT, organizations=[world.organization(mine)])
    await page.get_by_label("Subscription").press_sequentially(mine[:5])
    await page.locator("#result").get_by_text("organization_not_permitted").wait_for(timeout=10_000)
    await page.keyboard.type(mine[5:])
    await page.locator("#result h2").get_by_text(mine).wait_for(timeout=10_000)
    assert await page.evaluate("document.activeElement.id") == "subscription"


async def test_the_progress_of_a_bulk_moves_by_itself_and_stops_with_it(world: World, visits: Visits) -> None:
    plan = await planned(world, [row(world, world.subscription()) for _ in range(3)])
    page = await visits(f"/bulk/{plan.bulk}", Role.SUPERVISOR, subject="lead-2")
    await page.get_by_text("Confirm the plan").click()
    await page.get_by_label("Reason").first.fill("looked at every row")
    await page.get_by_role("button", name="Confirm").click()
    await page.locator("progress[value='3'][max='3']").wait_for(timeout=30_000)
    await page.get_by_text("finished").first.wait_for(timeout=30_000)
    asked = fetches(page)
    await page.wait_for_function("document.body.dataset.every === ''")
    assert await page.locator("#actions").count() == 0
    assert asked == []
    assert await violations(page) == []


async def test_a_plan_is_confirmed_with_the_keyboard_alone(world: World, visits: Visits) -> None:
    bulk = await bulk_of(world, world.subscription())
    page = await visits("/bulk", Role.SUPERVISOR, subject="lead-2")

    async def until(selector: str) -> None:
        for _ in range(80):
            await page.keyboard.press("Tab")
            if await page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
        pytest.fail(f"the keyboard does not lead to {selector}")

    await until(f"a[href='/bulk/{bulk}']")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/bulk/{bulk}")
    await until("#do-bulk-confirm > summary")
    await page.keyboard.press("Enter")
    await until("#do-bulk-confirm textarea")
    await page.keyboard.type("looked at every row")
    await until("#do-bulk-confirm button")
    await page.keyboard.press("Enter")
    await page.get_by_text("The plan is confirmed").wait_for()
    assert (await world.offramp.bulk.status(bulk)).confirmed_by == "lead-2"


async def test_a_secret_is_focused_and_gone_when_the_page_is_loaded_again(world: World, visits: Visits) -> None:
    page = await visits("/webhooks", Role.OPERATOR)
    await page.get_by_text("Add an endpoint").click()
    await page.get_by_label("Name").fill("crm-in-chromium")
    await page.get_by_label("URL").fill("https://crm.example/hooks")
    await page.get_by_role("button", name="Add").click()
    await page.get_by_text("whsec_").wait_for()
    assert await page.evaluate("document.activeElement.id") == "shown"
    assert await violations(page) == []
    await page.reload()
    assert await page.get_by_text("whsec_").count() == 0
    await world.offramp.webhooks.remove("crm-in-chromium", reason="the test is over", actor="operator-1")
