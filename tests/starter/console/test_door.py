"""The console as a door: headers, forms of other sites, addresses that lead nowhere."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

import starter.console
from domain.permissions import ROLES
from domain.principals import Role
from starter.console.actions.table import ACTIONS
from starter.service import Offramp
from starter.web.bodies import LARGEST_BODY, SMALL_BODY
from tests.starter.console.browsing import fields, post, read, refusal
from tests.starter.console.conftest import URL, Browsers
from tests.support.parsing import parsed_here
from tests.support.world import World

FORM = {"origin": URL, "content-type": "application/x-www-form-urlencoded"}
TEMPLATES = Path(starter.console.__file__).parent / "templates"


@pytest.mark.usefixtures("no_time_passes")
async def test_a_form_of_another_site_or_another_session_changes_nothing(world: World, browsers: Browsers) -> None:
    subscription = world.subscription()
    await world.start(
        subscription, answers=world.answers(subscription, terminate_on=world.today(subscription) + timedelta(days=9))
    )
    agent, other = browsers(Role.SUPPORT_AGENT), browsers(Role.SUPPORT_AGENT)
    form = fields(read(await agent.get(f"/cases/{subscription}/1")), "cancellations.withdraw") | {"reason": "they stay"}

    attacks = [
        await post(agent, "cancellations.withdraw", form, headers={"origin": "https://evil.example"}),
        await post(agent, "cancellations.withdraw", form, headers={"origin": "null"}),
        await post(agent, "cancellations.withdraw", form, headers={"sec-fetch-site": "cross-site"}),
        await post(agent, "cancellations.withdraw", form | {"_form": ""}),
        await post(other, "cancellations.withdraw", form),
        await agent.post("/actions/cancellations.withdraw", json=form),
    ]

    assert {refusal(answer).one("p", class_="code").text for answer in attacks} == {"form_not_ours"}
    assert await world.stage(subscription) == "scheduled"


async def test_who_may_not_send_a_form_is_answered_before_a_byte_of_it_is_read(
    browsers: Browsers, service_away: Offramp
) -> None:
    reads = 0

    async def form() -> AsyncIterator[bytes]:
        nonlocal reads
        reads += 1
        yield b"_form=x"

    for operation in ACTIONS:
        for role in set(Role) - set(ROLES[operation]):
            browser = browsers(role, service=service_away)
            answer = await browser.post(f"/actions/{operation}", content=form(), headers=FORM)
            assert (answer.status_code, refusal(answer).one("p", class_="code").text) == (403, "role_missing")
        nobody = browsers(service=service_away)
        nobody.cookies.clear()
        answer = await nobody.post(f"/actions/{operation}", content=form(), headers=FORM)
        assert (answer.status_code, refusal(answer).one("p", class_="code").text) == (401, "not_signed_in")
    assert reads == 0
    await browsers(*Role, service=service_away).post(f"/actions/{operation}", content=form(), headers=FORM)
    assert reads == 1


async def test_the_largest_form_is_parsed_beside_the_loop_of_all_requests(browsers: Browsers) -> None:
    browser = browsers(Role.ADMIN)
    with parsed_here(SMALL_BODY) as here:
        answer = await post(browser, "cancellations.withdraw", {"reason": "%" * (LARGEST_BODY // 4)})
    assert refusal(answer).one("p", class_="code").text == "form_not_ours"
    assert here == []


async def test_every_answer_has_a_policy_that_lets_nothing_from_elsewhere_in(world: World, browsers: Browsers) -> None:
    browser = browsers(Role.ADMIN)
    paths = [
        "/",
        "/quote",
        "/worklists/all",
        "/nights",
        "/nowhere",
        "/cases/x",
        "/static/console.js",
        "/health",
        "/sign-out",
    ]
    for path in paths:
        headers = (await browser.get(path)).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert (await browser.get("/quote", headers={"host": "evil.example"})).status_code == 400


def test_no_page_has_a_script_or_a_style_in_itself_or_names_another_host() -> None:
    for template in TEMPLATES.glob("*.j2"):
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:|https?://", text), template.name
        assert re.findall(r"<script(?! type=\"module\" src=\"/static/)", text) == [], template.name


@pytest.mark.parametrize(
    "path", ["/nowhere", "/cases/no-number", "/cases/ORG/marketing/1", "/worklists/none", "/static/../app.py"]
)
async def test_an_address_that_leads_nowhere_says_so(world: World, browsers: Browsers, path: str) -> None:
    answer = await browsers(Role.ADMIN).get(path)
    assert answer.status_code == 404
    assert refusal(answer).text.startswith("There is nothing under this address.")


async def test_what_others_write_is_shown_as_text(world: World, browsers: Browsers) -> None:
    subscription = world.subscription()
    await world.start(subscription, reason="<script>alert(1)</script>", complete=False)
    answer = await browsers(Role.ADMIN).get(f"/cases/{subscription}/1")
    assert "<script>alert" not in answer.text
    assert "<script>alert(1)</script>" in read(answer).text


async def test_a_page_says_what_is_away_and_that_nothing_changed(
    browsers: Browsers, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> object:
        raise RuntimeError("ada@contoso.example")

    browser = browsers(Role.ADMIN)
    monkeypatch.setattr(world.offramp.cancellations, "list", fails)
    answer: httpx.Response = await browser.get("/worklists/all")
    assert answer.status_code == 500
    assert "ada@contoso.example" not in answer.text
    assert "A fault of the service" in refusal(answer).text
