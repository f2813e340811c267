"""``offramp migrations`` as a support agent uses it, against a real service and a real object store."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest

from domain.migration import MigrationStage
from domain.vocabulary import Stage
from storage.objects import ObjectStoreSettings
from storage.rights import DatabaseRole
from tests.support.command_line import CommandLine
from tests.support.databases import as_role
from tests.support.migrations import CONTACT, Migrations, on_site
from tests.support.servers import object_store_environment
from tests.support.world import World, eventually
from tests.workflows.conftest import data_world, shared_data_world

__all__ = ["data_world", "shared_data_world"]

TOKYO = "Asia/Tokyo"


@pytest.fixture
def site(data_world: World) -> Migrations:
    return on_site(data_world)


@pytest.fixture
def offramp(data_world: World, object_store_server: ObjectStoreSettings) -> CommandLine:
    """The command line of an agent of the technical support queue."""
    client = data_world.environment.client
    return CommandLine(
        {
            "OFFRAMP_DATABASE_URL": as_role(data_world.database_url, DatabaseRole.CALLERS),
            "OFFRAMP_ACTOR": "support-3",
            "TEMPORAL_ADDRESS": client.service_client.config.target_host,
            "TEMPORAL_NAMESPACE": client.namespace,
            **object_store_environment(object_store_server),
        }
    )


def in_words(text: str) -> str:
    return " ".join(text.split())


async def civil_time(site: Migrations, subscription: str, zone: str, *, after: timedelta) -> str:
    """A time on a wall clock in a zone, as an agent writes it."""
    at = (await site.now(subscription) + after).astimezone(ZoneInfo(zone))
    return at.replace(tzinfo=None).isoformat(timespec="minutes")


async def test_an_agent_carries_a_migration_from_the_request_to_its_end(site: Migrations, offramp: CommandLine) -> None:
    subscription = site.organization(rows=1234, zone=TOKYO)
    await site.requested(subscription)

    listed = await offramp("migrations", "list", "--stage", "requested", "--queue", "technical_support")
    assert (listed.status, f"{subscription}/1" in listed.out) == (0, True), listed.err
    shown = in_words((await offramp("migrations", "show", subscription)).out)
    assert f"Migration of {subscription}/1: requested." in shown
    assert "waits for technical support: acceptance of the migration" in shown
    assert "queue technical_support (microsoft_online_services)" in shown
    assert "given up" in shown

    at = await civil_time(site, subscription, TOKYO, after=timedelta(hours=1))
    accepted = await offramp("migrations", "accept", subscription, "--contact", CONTACT, "--transfer-at", at)
    assert accepted.status == 0, accepted.err
    assert f"Migration of {subscription}/1: scheduled." in accepted.out
    assert f"{at[:10]} {at[-5:]} Asia/Tokyo (UTC+09:00)" in in_words(accepted.out)
    row = site.row(subscription)
    assert row is not None
    assert row.transfer_at == datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(TOKYO)).astimezone(UTC)
    assert (row.contact, row.accepted_by) == (CONTACT, "support-3")

    await site.pass_time(subscription, timedelta(hours=1, minutes=1))
    await site.reached(subscription, MigrationStage.AVAILABLE)
    shown = in_words((await offramp("migrations", "show", subscription)).out)
    assert "transferred 1,234 rows of 1 tables" in shown
    assert f"IT department {CONTACT}" in shown
    assert f"SHA-256 {(await site.status(subscription)).sha256}" in shown

    for_people = (await offramp("migrations", "links", subscription)).out.splitlines()
    assert for_people[0::2] == ["manifest.json", "data.dump"]
    assert "X-Amz-Signature=" in for_people[1], "a link is not broken into lines"
    found = await offramp("migrations", "links", subscription, "--json")
    assert [file["name"] for file in found.json] == ["manifest.json", "data.dump"]
    fetched = await asyncio.to_thread(httpx.get, found.json[1]["link"])
    assert fetched.content == site.objects.get(f"cancellations/{subscription}/1/migration/1/data.dump")

    renewed = await offramp("migrations", "renew", subscription)
    assert renewed.status == 0, renewed.err
    assert "/links/" not in renewed.out, "it is mailed to the contact, and shown to nobody else"
    await eventually(lambda: mailed(site, subscription, "Your data is ready", 2))

    acknowledged = await offramp("migrations", "acknowledge", subscription)
    assert f"Migration of {subscription}/1: downloaded." in acknowledged.out
    confirmed = await offramp("migrations", "confirm", subscription, "--json")
    assert (confirmed.json["stage"], confirmed.json["rows"]) == ("completed", 1234)
    await eventually(lambda: is_canceled(site, subscription))
    shown = in_words((await offramp("migrations", "show", subscription)).out)
    assert f"Migration of {subscription}/1: completed." in shown
    assert "ended" in shown

    late = await offramp("migrations", "confirm", subscription, "--json")
    assert (late.status, late.json["error"]["code"]) == (1, "migration_ended")


async def test_what_was_wrong_is_put_right_and_what_is_refused_says_what_to_do_instead(
    site: Migrations, offramp: CommandLine
) -> None:
    subscription, other = site.organization(), site.organization()
    await site.requested(subscription)
    await site.requested(other)

    async def code(*arguments: str) -> str:
        called = await offramp("migrations", *arguments, "--json")
        assert called.status == 1, called.out
        return str(called.json["error"]["code"])

    contact = ("--contact", CONTACT)
    past = await civil_time(site, subscription, "Europe/Berlin", after=-timedelta(hours=1))
    assert await code("accept", subscription, *contact, "--transfer-at", past) == "transfer_time_in_past"
    assert await code("accept", subscription, *contact, "--transfer-at", "2027-03-28T02:30") == "local_time_unclear"
    assert await code("confirm", subscription) == "migration_step_not_awaited"
    assert await code("links", subscription) == "nothing_to_download"
    assert await code("show", "SUB-NONE") == "migration_unknown"
    assert await code("accept", "SUB-NONE", *contact, "--transfer-at", past) == "migration_unknown"

    soon = (await site.now(subscription) + timedelta(hours=1)).isoformat()
    accept = ("accept", subscription, *contact, "--transfer-at", soon, "--request-id", "ticket-1", "--json")
    first, again = await offramp("migrations", *accept), await offramp("migrations", *accept)
    assert (first.status, first.json) == (0, again.json), "the same request gets the same answer"

    later = await civil_time(site, subscription, "Europe/Berlin", after=timedelta(hours=5))
    why = ("--reason", "a wrong address, and too early")
    corrected = await offramp(
        "migrations", "correct", subscription, "--contact", "right@contoso.example", "--transfer-at", later, *why
    )
    assert corrected.status == 0, corrected.err
    assert later[-5:] in in_words(corrected.out)
    await site.pass_time(subscription, timedelta(hours=5, minutes=1))
    await site.reached(subscription, MigrationStage.AVAILABLE)

    for_another = await offramp("migrations", "acknowledge", subscription, "--cancellation", f"{other}/1")
    assert for_another.status == 1
    assert f"The request is about {other}/1, but this is {subscription}/1." in in_words(for_another.err)
    assert await code("acknowledge", subscription, "--transfer", "2") == "migration_of_another_case"
    assert (await site.status(subscription)).stage is MigrationStage.AVAILABLE

    moved = await offramp("migrations", "correct", subscription, "--transfer-again", *why, "--json")
    assert moved.status == 0, moved.err
    await site.transferred(subscription, 2)
    assert (await offramp("migrations", "acknowledge", subscription, "--transfer", "2")).status == 0
    listed = await offramp("migrations", "list", "--json", "--stage", "downloaded")
    [found] = [migration for migration in listed.json if migration["subscription"] == subscription]
    assert (found["transfer"], found["contact"]) == (2, "right@contoso.example")
    assert other not in str(listed.json)
    assert [action for action, _ in site.world.refusals(subscription)] == [
        "migration_accept.refused",
        "migration_accept.refused",
        "migration_report_completed.refused",
        "migration_acknowledge_download.refused",
        "migration_acknowledge_download.refused",
    ]


async def test_what_holds_a_transfer_up_is_shown_to_the_agent(site: Migrations, offramp: CommandLine) -> None:
    subscription = site.organization(prepared=False)
    await site.requested(subscription)
    await site.begun(subscription)
    await site.held_up(subscription, "tenant_login_refused")

    shown = in_words((await offramp("migrations", "show", subscription)).out)
    assert "waits for the transfer of the data, which runs by itself" in shown
    assert "held up by" in shown
    assert f"prepare the schema of {site.world.organization(subscription)}" in shown

    site.prepare(subscription)
    again = ("--transfer-again", "--reason", "the schema is prepared now")
    assert (await offramp("migrations", "correct", subscription, *again)).status == 0
    await site.reached(subscription, MigrationStage.AVAILABLE)
    assert "held up by" not in (await offramp("migrations", "show", subscription)).out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("accept", "SUB-1", "--contact", "nobody", "--transfer-at", "2026-12-01T18:00"), "write an e-mail address"),
        (("accept", "SUB-1", "--contact", CONTACT, "--transfer-at", "tomorrow"), "is not a time"),
        (("accept", "SUB-1", "--transfer-at", "2026-12-01T18:00"), "Missing option '--contact'"),
        (("correct", "SUB-1", "--reason", "it was wrong"), "Give --contact, --transfer-at or --transfer-again"),
        (("correct", "SUB-1", "--transfer-again"), "Missing option '--reason'"),
        (("acknowledge", "SUB-1", "--transfer", "0"), "greater than or equal to 1"),
        (("acknowledge", "SUB-1", "--cancellation", "no id"), "SUB-1001/1"),
        (("list", "--stage", "lost"), "is not one of"),
        (("show", "no id"), "is not possible"),
    ],
)
async def test_a_wrong_call_is_told_before_any_work(arguments: tuple[str, ...], says: str) -> None:
    called = await CommandLine({"OFFRAMP_ACTOR": "support-3"})("migrations", *arguments)
    assert called.status == 2
    assert says in in_words(called.err.replace("│", " "))


async def mailed(site: Migrations, subscription: str, what: str, number: int) -> bool:
    return sum(subject.startswith(what) for subject in site.mails(subscription, CONTACT)) == number


async def is_canceled(site: Migrations, subscription: str) -> bool:
    return await site.world.stage(subscription) is Stage.CANCELED
