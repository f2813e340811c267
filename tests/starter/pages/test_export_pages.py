"""The pages behind a link to an export, as the billing administrator uses them."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from activities.messaging.links import LINKS_PATH, LinkPurpose
from contract import ExportStatus
from domain.vocabulary import Stage
from storage.tables import ExportRow
from tests.support.world import AGENT, LINKS, World, eventually
from tests.workflows.cancellation.test_export import exported, reached, ready_mail


def link(world: World, subscription: str) -> str:
    """The newest link to the export."""
    with Session(world.engine) as session:
        expires = session.get_one(ExportRow, f"{subscription}/1").link_expires_at
    assert expires is not None
    return LINKS.link(LinkPurpose.EXPORT, f"{subscription}/1", expires)


def expired_link(world: World, subscription: str) -> str:
    """The same, a minute after its end."""
    with Session(world.engine) as session, session.begin():
        session.get_one(ExportRow, f"{subscription}/1").link_expires_at = datetime.now(UTC) - timedelta(minutes=1)
    return link(world, subscription)


async def test_the_link_in_the_mail_leads_to_the_files_and_each_file_to_the_store(
    data_world: World, browser: httpx.AsyncClient
) -> None:
    subscription = await exported(data_world)
    mail = await ready_mail(data_world, subscription)
    found = re.search(r"https://offramp\.example/links/\S+", data_world.mailbox.text_of(mail))
    assert found

    page = await browser.get(found[0])
    assert page.status_code == 200
    assert re.search(
        r"link works until</th><td>\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d \S+ \(UTC[+-]\d\d:\d\d\)</td>", page.text
    )
    files = re.findall(r'href="(/links/[^"]+/files/[^"]+)"', page.text)
    assert files[0].endswith("/manifest.json")
    redirect = await browser.get(files[0])

    assert redirect.status_code == 303
    fetched = await asyncio.to_thread(httpx.get, redirect.headers["location"])
    assert fetched.content == data_world.the_data.objects.get(f"cancellations/{subscription}/1/export/1/manifest.json")
    assert 'filename="manifest.json"' in fetched.headers["content-disposition"]


async def test_looking_changes_nothing_and_the_button_says_once_that_the_files_are_there(
    data_world: World, browser: httpx.AsyncClient
) -> None:
    subscription = await exported(data_world)
    await browser.get(link(data_world, subscription))
    assert (await data_world.service.status(subscription)).export is ExportStatus.READY

    asked = await browser.post(f"{link(data_world, subscription)}/downloaded")
    assert "we erase the data here" in asked.text
    assert f'action="{urlsplit(link(data_world, subscription)).path}/have-all"' in asked.text
    assert (await data_world.service.status(subscription)).export is ExportStatus.READY, "nothing is noted by asking"

    for _ in range(2):
        answer = await browser.post(f"{link(data_world, subscription)}/have-all")
        assert answer.status_code == 200
        assert "We have noted that you have the files." in answer.text

    assert (await data_world.service.status(subscription)).export is ExportStatus.ACKNOWLEDGED
    assert data_world.audit(subscription, "export.acknowledged").actor == "billing administrator, by link"
    assert "I have downloaded the files" not in (await browser.get(link(data_world, subscription))).text


async def test_an_expired_link_shows_nothing_and_mails_one_fresh_link_to_the_address_on_record(
    data_world: World, browser: httpx.AsyncClient
) -> None:
    subscription = await exported(data_world)
    old = expired_link(data_world, subscription)

    page = await browser.get(old)
    assert page.status_code == 410
    assert "This link has expired" in page.text
    assert "manifest.json" not in page.text
    assert (await browser.get(f"{old}/files/manifest.json")).status_code == 410
    for step in ("downloaded", "have-all"):
        assert (await browser.post(f"{old}/{step}")).status_code == 410
    answer = await browser.post(f"{old}/fresh-link")
    assert "A fresh link is on its way" in answer.text
    assert "/links/" not in re.sub(r'action="[^"]*"', "", answer.text)
    again = await browser.post(f"{old}/fresh-link")
    assert (again.status_code, "link_replaced" in again.text) == (410, True)

    async def mailed() -> bool:
        return sum("ready to be downloaded" in s for s in data_world.mailbox.subjects_of(subscription)) == 2

    await eventually(mailed)


async def test_a_fresh_link_ends_those_before_it_at_once(data_world: World, browser: httpx.AsyncClient) -> None:
    subscription = await exported(data_world)
    old = link(data_world, subscription)
    await data_world.offramp.exports.renew_link(subscription, actor=AGENT)
    new = link(data_world, subscription)

    assert old != new
    for answer in (
        await browser.get(old),
        await browser.get(f"{old}/files/manifest.json"),
        *[await browser.post(f"{old}/{step}") for step in ("downloaded", "have-all", "fresh-link")],
    ):
        assert (answer.status_code, "link_replaced" in answer.text) == (410, True)
        assert "Open the link in the newest mail" in answer.text
    assert (await data_world.service.status(subscription)).export is ExportStatus.READY
    assert (await browser.get(new)).status_code == 200


@pytest.mark.parametrize(
    "spoil", [lambda url: url[:-2], lambda url: url.replace("/links/", "/links/x"), lambda url: url[:-40] + "A" * 40]
)
async def test_a_link_that_was_tampered_with_leads_nowhere(
    data_world: World, browser: httpx.AsyncClient, spoil: Callable[[str], str]
) -> None:
    subscription = await exported(data_world)

    page = await browser.get(spoil(link(data_world, subscription)))

    assert page.status_code == 404
    assert "link_tampered" in page.text


async def test_a_link_for_another_purpose_opens_no_export(data_world: World, browser: httpx.AsyncClient) -> None:
    subscription = await exported(data_world)
    other = LINKS.link(LinkPurpose.MIGRATION, f"{subscription}/1", datetime.now(UTC) + timedelta(days=1))

    assert (await browser.get(other)).status_code >= 400
    assert (await browser.post(f"{other}/downloaded")).status_code >= 400
    assert (await browser.get(f"{other}/files/manifest.json")).status_code >= 400
    assert (await data_world.service.status(subscription)).export is ExportStatus.READY


async def test_a_file_that_is_not_of_the_export_is_not_given(data_world: World, browser: httpx.AsyncClient) -> None:
    mine, other = await exported(data_world), await exported(data_world)
    for name in ("nothing.csv", f"../../../{other}/1/export/1/manifest.json", "%2e%2e/manifest.json"):
        assert (await browser.get(f"{link(data_world, mine)}/files/{name}")).status_code in (404, 409)


async def test_pages_take_no_scripts_are_kept_by_nobody_and_pass_the_link_on_to_nobody(
    data_world: World, browser: httpx.AsyncClient
) -> None:
    page = await browser.get(link(data_world, await exported(data_world)))

    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert (await browser.get(f"{LINKS_PATH}anything")).headers["cache-control"] == "no-store"


async def test_an_export_that_lost_files_in_the_store_is_not_offered_for_download_nor_acknowledgement(
    data_world: World, browser: httpx.AsyncClient
) -> None:
    subscription = await exported(data_world)
    key = next(key for key in data_world.the_data.keys(f"{subscription}/1") if key.endswith(".xlsx"))
    await asyncio.to_thread(data_world.the_data.objects.delete, [key])

    page = await browser.get(link(data_world, subscription))

    assert "export_files_missing" in page.text
    assert "I have downloaded the files" not in page.text
    assert (await browser.get(f"{link(data_world, subscription)}/files/manifest.json")).status_code == 409


async def test_who_says_so_after_the_window_is_thanked_and_shown_no_files_that_are_being_erased(
    data_world: World, browser: httpx.AsyncClient
) -> None:
    subscription = await exported(data_world)
    await data_world.pass_time(subscription, timedelta(days=31))
    await reached(data_world, subscription, Stage.CLOSED)

    answer = await browser.post(f"{link(data_world, subscription)}/have-all")
    assert "We have noted that you have the files." in answer.text
    await data_world.handle(subscription).result()
    again = await browser.post(f"{link(data_world, subscription)}/have-all")
    later = await browser.get(link(data_world, subscription))

    assert [page.status_code for page in (answer, again, later)] == [200, 200, 200]
    assert "We have noted that you have the files." in again.text
    assert "that you have the files" in later.text
    for page in (again, later):
        assert "They are erased here: nothing can be downloaded any more." in page.text
        assert "manifest.json" not in page.text


async def test_an_address_that_leads_nowhere_is_answered_by_a_page_too(browser: httpx.AsyncClient) -> None:
    for answer in (await browser.get("/"), await browser.get("/links/"), await browser.put("/links/x/y")):
        assert answer.status_code == 404
        assert "There is nothing under this address." in answer.text
        assert answer.headers["content-type"].startswith("text/html")


async def test_a_link_ends_at_once_when_another_administrator_is_on_record(
    data_world: World, browser: httpx.AsyncClient
) -> None:
    subscription = await exported(data_world)
    mail = await ready_mail(data_world, subscription)
    mailed = re.findall(r"https://offramp\.example/links/\S+", data_world.mailbox.text_of(mail))[0]
    [manifest, *_] = re.findall(r'href="(/links/[^"]+/files/[^"]+)"', (await browser.get(mailed)).text)
    organization = data_world.organization(subscription)

    with data_world.engine.begin() as connection:
        new = text("UPDATE organizations SET billing_administrator = 'new@contoso.example' WHERE id = :id")
        connection.execute(new, {"id": organization})

    for answer in (
        await browser.get(mailed),
        await browser.get(manifest),
        await browser.post(f"{mailed}/have-all"),
        await browser.post(f"{mailed}/fresh-link"),
    ):
        assert answer.status_code == 410
        assert "A newer link has taken the place of this one." in answer.text
    assert (await data_world.service.status(subscription)).export is ExportStatus.READY


async def test_each_file_that_is_fetched_is_kept_once_for_a_link(data_world: World, browser: httpx.AsyncClient) -> None:
    subscription = await exported(data_world)
    here = link(data_world, subscription)
    for _ in range(2):
        assert (await browser.get(f"{here}/files/manifest.json")).status_code == 303
    assert (await browser.get(f"{here}/files/none.csv")).status_code == 404

    fetched = data_world.audit(subscription, "file.fetched")

    assert fetched.actor == "billing administrator, by link"
    assert (fetched.after or {})["file"] == "manifest.json"
    assert fetched.cancellation == f"{subscription}/1"
