"""The pages behind a link to transferred data, as the IT department uses them."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy.orm import Session

from activities.messaging.links import LinkPurpose
from domain.migration import MigrationStage
from domain.refusals import Refusal
from storage.tables import MigrationRow
from tests.support.migrations import CONTACT, Migrations
from tests.support.world import AGENT, LINKS, eventually

READY = "Your data is ready"


def link(site: Migrations, subscription: str) -> str:
    """The newest link to the data."""
    row = site.row(subscription)
    assert row is not None
    assert row.link_expires_at is not None
    return LINKS.link(LinkPurpose.MIGRATION, f"{subscription}/1/{row.transfers}", row.link_expires_at)


def mailed_link(site: Migrations, subscription: str, transfer: int) -> str:
    """The newest link to a transfer, as it was mailed to its contact."""
    row = site.row(subscription)
    assert row is not None
    assert row.link_expires_at is not None
    return LINKS.link(LinkPurpose.MIGRATION, f"{subscription}/1/{transfer}", row.link_expires_at, row.contact)


def expired_link(site: Migrations, subscription: str) -> str:
    """The same, a minute after its end."""
    with Session(site.world.engine) as session, session.begin():
        session.get_one(MigrationRow, f"{subscription}/1").link_expires_at = datetime.now(UTC) - timedelta(minutes=1)
    return link(site, subscription)


async def available(site: Migrations) -> str:
    """Have the data of an organization transferred; return its subscription's id."""
    subscription = site.organization(rows=1234)
    await site.requested(subscription)
    await site.available(subscription)
    return subscription


async def mailed_links(site: Migrations, subscription: str, number: int) -> list[str]:
    """The links that were mailed to the IT department, once there are so many."""

    def found() -> list[str]:
        texts = [
            site.world.mailbox.text_of(mail)
            for mail in site.world.mailbox.of(subscription)
            if mail["To"] == CONTACT and str(mail["Subject"]).startswith(READY)
        ]
        return re.findall(r"https://offramp\.example/links/\S+", " ".join(texts))

    async def there() -> bool:
        return len(found()) == number

    await eventually(there)
    return found()


async def stage(site: Migrations, subscription: str) -> MigrationStage:
    return (await site.status(subscription)).stage


async def test_the_link_in_the_mail_leads_to_the_dump_and_its_manifest_and_these_to_the_store(
    site: Migrations, browser: httpx.AsyncClient
) -> None:
    subscription = await available(site)
    [mailed] = await mailed_links(site, subscription, 1)

    page = await browser.get(mailed)
    assert page.status_code == 200
    assert f"{subscription}/1, transfer 1" in page.text
    assert "1,234" in page.text
    row = site.row(subscription)
    assert row is not None
    assert str(row.sha256) in page.text
    files = re.findall(r'href="(/links/[^"]+/files/[^"]+)"', page.text)
    assert [path.rpartition("/")[2] for path in files] == ["manifest.json", "data.dump"]

    for path, name in zip(files, ("manifest.json", "data.dump"), strict=True):
        redirect = await browser.get(path)
        assert redirect.status_code == 303
        fetched = await asyncio.to_thread(httpx.get, redirect.headers["location"])
        assert fetched.content == site.objects.get(f"cancellations/{subscription}/1/migration/1/{name}")
        assert f'filename="{name}"' in fetched.headers["content-disposition"]
    assert (await browser.get(f"{mailed}/files/other.dump")).status_code == 404


async def test_the_button_says_once_that_the_data_is_there_and_who_presses_it_late_is_thanked_all_the_same(
    site: Migrations, browser: httpx.AsyncClient
) -> None:
    subscription = await available(site)
    await browser.get(link(site, subscription))
    await browser.get(f"{link(site, subscription)}/files/data.dump")
    assert await stage(site, subscription) is MigrationStage.AVAILABLE, "looking and fetching change nothing"

    asked = await browser.post(f"{link(site, subscription)}/downloaded")
    assert "the subscription is cancelled here" in asked.text
    assert await stage(site, subscription) is MigrationStage.AVAILABLE, "nothing is noted by asking"

    for after in (MigrationStage.DOWNLOADED, MigrationStage.DOWNLOADED, MigrationStage.COMPLETED):
        if after is MigrationStage.COMPLETED:
            await site.reported(subscription)
        answer = await browser.post(f"{link(site, subscription)}/have-all")
        assert answer.status_code == 200
        assert "We have noted that you have the data." in answer.text
        assert await stage(site, subscription) is after

    assert site.world.audit(subscription, "migration.downloaded").actor == "IT department, by link"
    assert site.world.refusals(subscription) == []
    again = await browser.get(link(site, subscription))
    assert "We have downloaded the data" not in again.text
    assert "/files/data.dump" in again.text, "it can be fetched once more"


async def test_an_expired_link_or_one_for_something_else_opens_nothing_and_the_first_has_a_fresh_one_mailed(
    site: Migrations, browser: httpx.AsyncClient
) -> None:
    subscription = await available(site)
    old = expired_link(site, subscription)

    page = await browser.get(old)
    assert page.status_code == 410
    assert "This link has expired" in page.text
    assert "data.dump" not in page.text
    assert CONTACT not in page.text
    assert (await browser.get(f"{old}/files/data.dump")).status_code == 410
    assert (await browser.post(f"{old}/have-all")).status_code == 410
    answer = await browser.post(f"{old}/fresh-link")
    assert "A fresh link is on its way" in answer.text
    assert "/links/" not in re.sub(r'action="[^"]*"', "", answer.text)
    again = await browser.post(f"{old}/fresh-link")
    assert (again.status_code, "link_replaced" in again.text) == (410, True)

    fresh = (await mailed_links(site, subscription, 2))[-1]
    assert (await browser.get(fresh)).status_code == 200
    assert await stage(site, subscription) is MigrationStage.AVAILABLE
    await _opens_nothing(site, browser, subscription)


async def _opens_nothing(site: Migrations, browser: httpx.AsyncClient, subscription: str) -> None:
    """Links of ours that are for another purpose, or of no transfer."""
    week = datetime.now(UTC) + timedelta(days=7)
    for other in (
        *(LINKS.link(purpose, f"{subscription}/1/1", week) for purpose in set(LinkPurpose) - {LinkPurpose.MIGRATION}),
        LINKS.link(LinkPurpose.EXPORT, f"{subscription}/1", week),
        LINKS.link(LinkPurpose.MIGRATION, f"{subscription}/1", week),
        LINKS.link(LinkPurpose.MIGRATION, f"{subscription}/1/one", week),
        LINKS.link(LinkPurpose.MIGRATION, "SUB-NONE/1/1", week),
    ):
        for answer in (
            await browser.get(other),
            await browser.post(f"{other}/downloaded"),
            await browser.post(f"{other}/have-all"),
            await browser.post(f"{other}/fresh-link"),
            await browser.get(f"{other}/files/data.dump"),
        ):
            assert 400 <= answer.status_code < 500, (other, answer.text)
    assert await stage(site, subscription) is MigrationStage.AVAILABLE
    assert len(await mailed_links(site, subscription, 2)) == 2


async def test_a_corrected_contact_ends_the_link_that_went_to_the_wrong_one_at_once(
    site: Migrations, browser: httpx.AsyncClient
) -> None:
    subscription = await available(site)
    wrong = link(site, subscription)
    assert (await browser.get(f"{wrong}/files/data.dump")).status_code == 303
    corrected = await site.corrected(subscription, contact="it@right.example")
    right = link(site, subscription)
    assert [(file.name, file.by) for file in corrected.fetched] == [("data.dump", "IT department, by link")]

    for answer in (
        await browser.get(wrong),
        await browser.get(f"{wrong}/files/data.dump"),
        *[await browser.post(f"{wrong}/{step}") for step in ("downloaded", "have-all", "fresh-link")],
    ):
        assert (answer.status_code, "link_replaced" in answer.text) == (410, True)
        assert "right.example" not in answer.text
    assert await stage(site, subscription) is MigrationStage.AVAILABLE
    assert (await browser.get(right)).status_code == 200


@pytest.mark.parametrize(
    "spoil",
    [
        lambda url: url[:-2],
        lambda url: url.replace("/links/", "/links/x"),
        lambda url: url[:-40] + "A" * 40,
    ],
)
async def test_a_link_that_was_tampered_with_leads_nowhere(
    browser: httpx.AsyncClient, spoil: Callable[[str], str]
) -> None:
    spoiled = spoil(LINKS.link(LinkPurpose.MIGRATION, "SUB-1001/1/1", datetime.now(UTC) + timedelta(days=7)))
    for answer in (
        await browser.get(spoiled),
        await browser.post(f"{spoiled}/have-all"),
        await browser.post(f"{spoiled}/fresh-link"),
        await browser.get(f"{spoiled}/files/data.dump"),
    ):
        assert (answer.status_code, "link_tampered" in answer.text) == (404, True)


async def test_the_link_to_a_transfer_that_was_replaced_or_withdrawn_shows_nothing_and_acknowledges_nothing(
    site: Migrations, browser: httpx.AsyncClient
) -> None:
    subscription = await available(site)
    [old] = await mailed_links(site, subscription, 1)
    stored = await browser.get(f"{old}/files/data.dump")
    await site.corrected(subscription, transfer_again=True)
    await site.transferred(subscription, 2)

    page = await browser.get(old)
    assert (page.status_code, "migration_of_another_case" in page.text) == (409, True)
    assert str((await site.status(subscription)).sha256) not in page.text
    assert (await browser.get(f"{old}/files/data.dump")).status_code == 409
    assert (await browser.post(f"{old}/have-all")).status_code == 409
    assert (await asyncio.to_thread(httpx.get, stored.headers["location"])).status_code == 404
    assert await stage(site, subscription) is MigrationStage.AVAILABLE
    assert site.world.refusals(subscription) == [
        ("migration_acknowledge_download.refused", "migration_of_another_case")
    ]

    new = (await mailed_links(site, subscription, 2))[-1]
    assert "transfer 2" in (await browser.get(new)).text

    await site.world.service.withdraw(subscription, actor=AGENT, reason="they stay")
    page = await browser.get(new)
    assert (page.status_code, "nothing_to_download" in page.text) == (409, True)
    late = await browser.post(f"{new}/have-all")
    assert (late.status_code, "migration_ended" in late.text) == (409, True)


async def test_a_link_to_a_transfer_that_was_replaced_mails_nobody_a_fresh_one_and_ends_no_other(
    site: Migrations, browser: httpx.AsyncClient
) -> None:
    subscription = await available(site)
    mailed_wrongly = mailed_link(site, subscription, 1)
    await site.corrected(subscription, contact="it@right.example", transfer_again=True)
    await site.transferred(subscription, 2)
    right = mailed_link(site, subscription, 2)
    for what in ("fresh-link", "downloaded", "have-all"):
        assert (await browser.post(f"{mailed_wrongly}/{what}")).status_code == 409
    assert (await browser.get(right)).status_code == 200
    with pytest.raises(Refusal) as refused:
        await site.world.offramp.migrations.renew_link(subscription, actor="it", transfer=1)
    assert refused.value.details.code == "migration_of_another_case"
