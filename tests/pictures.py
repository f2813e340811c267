"""Pictures of the console for the documents: ``python -m tests.pictures URL``, from a running ``offramp up --demo``.

It starts a case that asks for goodwill, unless there is one, and looks at it as its supervisor; and it carries out a bulk.
"""

import asyncio
import shutil
import sys
from pathlib import Path

from playwright.async_api import Page, async_playwright

DOCS = Path(__file__).parents[1] / "docs"
SUBSCRIPTION, WISHED_ON = "SUB-1018", "2027-03-31"
IDENTITY = {
    "billing_administrator": "buchhaltung@elbe.example.com",
    "organization_url": "https://elbe.example.com",
    "organization_name": "elbe-sails",
}
LEAVERS = [f"SUB-{number},end_of_term,none" for number in range(1005, 1015)]
WIDE = {"width": 1280, "height": 860}


async def _signed_in(page: Page, url: str, name: str, role: str) -> None:
    await page.goto(url)
    await page.uncheck("#supervisor")
    await page.check(f"#{role}")
    await page.fill("#subject", name)
    await page.get_by_role("button", name="Sign in").click()


async def _ask_for_goodwill(page: Page, url: str) -> None:
    await page.goto(f"{url}/quote?subscription={SUBSCRIPTION}&terminate_on={WISHED_ON}&goodwill=yes")
    await page.get_by_text("Start the cancellation of").click()
    form = page.locator("form[action='/actions/cancellations.start']")
    for name, value in IDENTITY.items():
        await form.locator(f"[name={name}]").fill(value)
    await form.get_by_label("Keep the data").select_option("none")
    await form.get_by_label("How you know").fill("called back on the number on file")
    await form.get_by_label("Why the notice deadline").fill("a customer of twenty years, whose season is over")
    await form.get_by_role("button").click()
    await page.wait_for_url("**/cases/**")


async def _carry_out_a_bulk(page: Page, url: str, agent: Page) -> None:
    """Plan a bulk as an agent, confirm it as the supervisor, and look at it while it is carried out."""
    await _signed_in(agent, url, "agent-7", "support_agent")
    await agent.goto(f"{url}/bulk")
    form = agent.locator("#do-bulk-plan")
    await form.locator("summary").click()
    await form.get_by_label("Or its text").fill("\n".join(["subscription,termination_date,data", *LEAVERS]))
    await form.get_by_label("Begun in a minute").fill("60")
    await form.get_by_label("Reason").fill("the product ends with this year")
    await form.locator("button").click()
    await agent.wait_for_url("**/bulk/bulk-*")
    await page.goto(agent.url.partition("?")[0])
    form = page.locator("#do-bulk-confirm")
    await form.locator("summary").click(timeout=60_000)
    await form.get_by_label("Reason").fill("looked at every row")
    await form.locator("button").click()
    await page.locator("progress[value='4'], progress[value='5'], progress[value='6']").wait_for()
    await page.screenshot(path=DOCS / "console-bulk.png")


async def main(url: str) -> None:
    """Make the pictures of the console at a URL."""
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page(viewport=WIDE)  # type: ignore[arg-type] # two numbers
        await _signed_in(page, url, "supervisor-3", "supervisor")
        if await page.get_by_role("link", name=f"{SUBSCRIPTION}/").count() == 0:
            agent = await browser.new_page()
            await _signed_in(agent, url, "agent-7", "support_agent")
            await _ask_for_goodwill(agent, url)
        await page.goto(f"{url}/worklists/running")
        await page.screenshot(path=DOCS / "console-worklist.png", clip={"x": 0, "y": 0, "width": 1280, "height": 420})
        await page.goto(f"{url}/subscriptions/{SUBSCRIPTION}")
        await page.get_by_text("Approve the goodwill").click()
        await page.screenshot(path=DOCS / "console-case.png")
        await page.locator("#lines").screenshot(path=DOCS / "console-lines.png")
        await _carry_out_a_bulk(page, url, await browser.new_page())
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1].rstrip("/")))
