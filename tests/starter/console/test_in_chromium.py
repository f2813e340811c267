"""The console in a real browser: no violation of axe's rules, the keyboard alone, and pages that stay current."""

import re
from datetime import timedelta

import pytest

from domain.principals import Role
from tests.starter.console.areas import bulk_of, endpoint_of, reconciliation_of
from tests.starter.console.chromium import NEEDED, Visits, address, chromium, is_watching, violations, visits
from tests.starter.console.test_cases import YEARLY
from tests.support.world import World, eventually

__all__ = ["address", "chromium", "visits"]

pytestmark = [NEEDED, pytest.mark.usefixtures("no_time_passes")]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), pytest.param(390, "dark", marks=pytest.mark.soak)])
async def test_axe_finds_nothing_on_any_page_wide_and_light_or_narrow_and_dark(
    world: World, visits: Visits, width: int, scheme: str
) -> None:
    intake, waiting = world.subscription(), world.subscription(lines=[YEARLY, {"partner": "vendor"}])
    today = world.today(waiting)
    world.invoice(waiting, f"INV-{waiting}", today - timedelta(days=10), today + timedelta(days=300), line=2)
    await world.start(intake, complete=False)
    await world.start(waiting)
    how = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    page = await visits("/worklists/all", Role.ADMIN, **how)
    address = page.url.removesuffix("/worklists/all")
    bulk, endpoint, reconciliation = (
        await bulk_of(world, intake),
        await endpoint_of(world),
        await reconciliation_of(world),
    )
    paths = [
        "/worklists/all", "/worklists/overdue?text=nothing-has-this", f"/cases/{intake}/1", f"/cases/{waiting}/1",
        f"/quote?subscription={waiting}", "/quote?subscription=SUB-NOWHERE", f"/marketing?organization={world.organization(intake)}", "/nights", "/reasons", "/nowhere",
        "/bulk", f"/bulk/{bulk}", "/webhooks", f"/webhooks/{endpoint}", "/limits", "/documents", "/reconciliation",
        f"/reconciliation/{reconciliation}", "/audit", "/persons", "/data", f"/data/{world.organization(intake)}",
    ]  # fmt: skip
    for path in paths:
        await page.goto(f"{address}{path}")
        await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert await violations(page) == [], path
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path


async def test_a_supervisor_approves_with_the_keyboard_alone(world: World, visits: Visits) -> None:
    subscription = world.subscription(lines=[YEARLY])
    in_time = world.today(subscription) + timedelta(days=20)
    await world.start(
        subscription,
        answers=world.answers(subscription, terminate_on=in_time),
        goodwill={"reason": "a loyal customer"},
    )
    page = await visits(f"/worklists/approval?text={subscription}", Role.SUPERVISOR, subject="manager-2")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
    await page.keyboard.press("Enter")

    async def until(selector: str) -> None:
        for _ in range(60):
            await page.keyboard.press("Tab")
            if await page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
        pytest.fail(f"the keyboard does not lead to {selector}")

    await until(f"a[href='/cases/{subscription}/1']")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/cases/{subscription}/1")
    await until("#do-cancellations-approve > summary")
    await page.keyboard.press("Enter")
    await until("#do-cancellations-approve textarea")
    await page.keyboard.type("twenty years with us")
    await until("#do-cancellations-approve button")
    await page.keyboard.press("Enter")

    await page.get_by_text("The goodwill is approved.").wait_for()
    assert await world.stage(subscription) == "scheduled"


async def test_focus_goes_to_a_refusal_and_loading_the_page_again_sends_nothing(world: World, visits: Visits) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    page = await visits(f"/cases/{subscription}/1", Role.SUPPORT_AGENT)
    await page.get_by_text("Enter the one-time code").click()
    await page.get_by_label("Code").fill("000000")
    await page.get_by_role("button", name="Verify").click()

    await page.get_by_role("alert").wait_for()
    assert await page.evaluate("document.activeElement.classList.contains('refusal')")
    assert await violations(page) == []
    assert page.url.endswith(f"/cases/{subscription}/1")
    before = (await world.service.history(subscription)).entries
    await page.reload()
    assert await page.get_by_role("alert").count() == 0
    assert (await world.service.history(subscription)).entries == before


async def test_a_list_and_a_case_show_what_happens_without_loading_them_again(world: World, visits: Visits) -> None:
    subscription = world.subscription()
    listed = await visits(f"/worklists/customer?text={subscription}", Role.AUDITOR)
    await is_watching(listed)
    await world.start(subscription, complete=False)
    await listed.get_by_role("link", name=f"{subscription}/1").wait_for(timeout=10_000)

    case = await visits(f"/cases/{subscription}/1", Role.SUPPORT_AGENT)
    await is_watching(case)
    await case.get_by_text("Attest who is asking").click()
    await case.get_by_label("How you know").fill("half a sentence")
    await world.service.answer(subscription, {"data": "none"}, actor="somebody-else")
    await case.locator("#timeline").get_by_text("by somebody-else").wait_for(timeout=10_000)

    assert await case.get_by_label("How you know").input_value() == "half a sentence"
    # It is said after what has changed is there.
    await case.locator("#news", has_text="This page was updated.").wait_for(state="attached", timeout=10_000)
    assert await violations(case) == []


async def test_a_stream_gives_its_place_back_when_its_page_is_left(world: World, visits: Visits) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    watchers = world.offramp.events._watchers
    before = len(watchers)
    page = await visits(f"/cases/{subscription}/1", Role.AUDITOR)
    await is_watching(page)
    assert len(watchers) == before + 1
    await page.goto("about:blank")

    async def has_gone() -> bool:
        return len(watchers) == before

    await eventually(has_gone)


async def test_a_quote_follows_its_dates_and_works_without_scripts(world: World, visits: Visits) -> None:
    subscription = world.subscription(lines=[YEARLY])
    later = world.today(subscription) + timedelta(days=800)
    end = (await world.service.quote(subscription, terminate_on=later)).billing_ends_on
    for scripts in (True, False):
        page = await visits("/quote", Role.AUDITOR, java_script_enabled=scripts)
        await page.get_by_label("Subscription").fill(subscription)
        await page.get_by_label("Last day").fill(str(later))
        if not scripts:
            await page.get_by_role("button", name="Quote", exact=True).click()
        await page.locator("#result").get_by_text(re.compile(f"billing ends on {end}")).first.wait_for(timeout=10_000)
        await page.wait_for_url(f"**/quote?subscription={subscription}*")
