"""Signing in: with the provider of the local stack, which is one like any other to the console."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from cryptography.fernet import Fernet
from starlette.types import ASGIApp

from domain.principals import Principal, Role
from starter.access.settings import AccessSettings
from starter.console.app import create_console
from starter.console.settings import ConsoleSettings
from starter.local.data_directory import DataDirectory
from starter.local.issuer import issuer_environment
from starter.local.sign_in import create_sign_in
from starter.service import Offramp
from tests.starter.console.browsing import form_key, read, refusal
from tests.starter.console.conftest import KEY, URL, session_cookie, settings
from tests.support.ports import free_port
from tests.support.serving import served_on

ROLES = {"subject": "anna", "role": ["support_agent", "billing"]}


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[str]:
    """The address of the provider of a local stack, for a console at `URL`."""
    data = DataDirectory(tmp_path / "stack")
    data.create()
    port = free_port()
    app = create_sign_in(data, f"{URL}/signed-in", "p {}")
    async with served_on(app, port) as address:
        yield address


@pytest.fixture
async def app(provider: str, tmp_path: Path, service_away: Offramp, monkeypatch: pytest.MonkeyPatch) -> ASGIApp:
    """The console, whose other parts do not answer."""
    for name, value in issuer_environment(DataDirectory(tmp_path / "stack")).items():
        monkeypatch.setenv(name, value)
    of_provider = {"console_authorization_url": f"{provider}/authorize", "console_token_url": f"{provider}/token"}
    return create_console(service_away, settings(**of_provider), AccessSettings())


def browser(app: ASGIApp, **more: object) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=URL, **more)  # type: ignore[arg-type]


async def believed(asked: str, **given: object) -> str:
    """Where the provider sends somebody back to who says who they are."""
    url = urlsplit(asked)
    async with httpx.AsyncClient() as client:
        page = await client.get(asked)
        assert page.status_code == 200
        form = dict(parse_qsl(url.query)) | ROLES | given
        answer = await client.post(f"{url.scheme}://{url.netloc}{url.path}", data=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def test_who_asks_for_a_page_signs_in_and_comes_back_to_it(app: ASGIApp) -> None:
    async with browser(app) as anna:
        first = await anna.get("/quote?line=L-1")
        assert first.headers["location"] == "/sign-in?to=/quote%3Fline%3DL-1"
        asked = await anna.get(first.headers["location"])
        query = parse_qs(urlsplit(asked.headers["location"]).query)
        assert (query["response_type"], query["code_challenge_method"]) == (["code"], ["S256"])
        back = await anna.get(await believed(asked.headers["location"]))
        assert back.headers["location"] == "/quote?line=L-1"

        page = read(await anna.get("/quote"))

    assert page.one("div", class_="person").one("strong").text == "anna"
    assert page.one("span", class_="roles").text == "billing, support agent"


async def test_an_answer_counts_once_in_the_browser_that_asked_and_for_what_it_asked(app: ASGIApp) -> None:
    async with browser(app) as anna, browser(app) as mallory:
        asked = (await anna.get("/sign-in")).headers["location"]
        answer = await believed(asked, subject="mallory")

        elsewhere = await mallory.get(answer)
        assert refusal(elsewhere).one("p", class_="code").text == "sign_in_failed"
        await mallory.get("/sign-in")
        of_another_attempt = await mallory.get(answer)
        assert "another sign-in" in refusal(of_another_attempt).text
        assert (await anna.get(answer)).status_code == 303
        again = await anna.get(answer)
        assert "did not begin in this browser" in refusal(again).text


async def test_a_code_without_the_secret_of_its_challenge_buys_nothing(app: ASGIApp, provider: str) -> None:
    async with browser(app) as anna, httpx.AsyncClient() as thief:
        answer = await believed((await anna.get("/sign-in")).headers["location"])
        code = parse_qs(urlsplit(answer).query)["code"][0]
        asked = {
            "grant_type": "authorization_code", "code": code, "client_id": "offramp-console",
            "redirect_uri": f"{URL}/signed-in", "code_verifier": "guessed" * 8,
        }  # fmt: skip
        stolen = await thief.post(f"{provider}/token", data=asked)
        assert (stolen.status_code, stolen.json()) == (400, {"error": "invalid_grant"})
        assert "the issuer refuses it: invalid_grant" in refusal(await anna.get(answer)).text


async def test_the_provider_sends_nobody_anywhere_but_to_its_console(provider: str) -> None:
    asked = {
        "response_type": "code", "client_id": "offramp-console", "redirect_uri": "https://evil.example/", "state": "s",
        "nonce": "n", "code_challenge": "c", "code_challenge_method": "S256",
    }  # fmt: skip
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{provider}/authorize", params=asked)).status_code == 400
        assert (await client.post(f"{provider}/authorize", data=asked | ROLES)).status_code == 400
        assert (await client.get(f"{provider}/authorize", headers={"host": "evil.example"})).status_code == 400


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/a\nb", "worklists"])
async def test_a_sign_in_leads_to_a_page_of_the_console_and_nowhere_else(app: ASGIApp, to: str) -> None:
    async with browser(app) as anna:
        asked = await anna.get("/sign-in", params={"to": to})
        assert (await anna.get(await believed(asked.headers["location"]))).headers["location"] == "/"


async def test_a_session_ends_with_its_token_and_when_somebody_signs_out(app: ASGIApp) -> None:
    person = Principal(subject="anna", roles=frozenset({Role.AUDITOR}))
    async with browser(app, cookies=session_cookie(person, lasts=-1)) as late:
        assert (await late.get("/quote")).headers["location"].startswith("/sign-in")
    async with browser(app, cookies=session_cookie(person)) as anna:
        page = read(await anna.get("/quote"))
        answer = await anna.post("/sign-out", data={"_form": form_key(page)})
        assert "You are signed out" in answer.text
        assert answer.headers["set-cookie"].startswith('__Host-offramp-console=""; expires=')


async def test_a_cookie_of_another_key_or_another_kind_is_no_session(app: ASGIApp) -> None:
    person = Principal(subject="anna", roles=frozenset({Role.ADMIN}))
    forged = session_cookie(person, key=Fernet.generate_key())
    async with browser(app, cookies=forged) as mallory:
        assert (await mallory.get("/quote")).status_code == 303
    async with browser(app) as mallory:
        await mallory.get("/sign-in")
        attempt = mallory.cookies["__Host-offramp-console-sign-in"]
        mallory.cookies.set("__Host-offramp-console", attempt)
        assert (await mallory.get("/quote")).status_code == 303


async def test_cookies_are_for_the_console_alone_and_no_script_reads_them(app: ASGIApp, provider: str) -> None:
    async with browser(app) as anna:
        asked = await anna.get("/sign-in")
        begun = await anna.get(await believed(asked.headers["location"]))
    for cookie in (asked.headers["set-cookie"], begun.headers.get_list("set-cookie")[0]):
        name, *attributes = cookie.split("; ")
        assert name.startswith("__Host-")
        assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(attributes)
        assert "anna" not in cookie


async def test_a_script_that_is_not_signed_in_any_more_is_told_so_and_not_sent_to_the_issuer(app: ASGIApp) -> None:
    async with browser(app) as anna:
        answer = await anna.get("/quote", headers={"sec-fetch-mode": "cors"})
        assert answer.status_code == 401
        assert refusal(answer).one("p", class_="code").text == "not_signed_in"


def test_a_console_that_lacks_what_it_needs_says_what() -> None:
    with pytest.raises(Exception, match="no URL under which people find it"):
        _ = ConsoleSettings(console_session_keys=KEY.decode()).url
    with pytest.raises(Exception, match="no usable key of sessions"):
        _ = ConsoleSettings(console_url=URL, console_session_keys="short").session_keys
