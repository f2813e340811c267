"""Temporal's files after a run of every life there is: nothing of a person, and nothing that opens anything, can be read in them."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import CompoundSelect, select, union
from sqlalchemy.orm import Session

from domain.actors import THE_SERVICE
from domain.marketing import ConsentDecision
from runtime.payload_keys import PayloadKeys
from storage.objects import Objects, ObjectStoreSettings
from storage.tables import (
    AuditRow,
    CancellationRow,
    HoldRow,
    MarketingServiceRow,
    MessageRow,
    MigrationRow,
    OrganizationRow,
)
from storage.tenants.database import TenantDatabase
from tests.support import lives
from tests.support.databases import migrated_database
from tests.support.migrations import on_site
from tests.support.servers import temporal_server
from tests.support.tenants import tenant_settings, tenants_database
from tests.support.world import AGENT, Data, Mailbox, World, refused
from tests.workflows.cancellation import test_export_histories
from tests.workflows.marketing.campaign_stops import consent_awaited, the_mail
from tests.workflows.migration import test_histories

KEYS = PayloadKeys.read(f"2026-11:{base64.b64encode(b'k' * 32).decode()}")
WRONG = "no code at all"
OUR_WORDS = {"agreed", "billing"}
"""What the lives give as a reason and as an actor, and our own summaries say as well."""


async def verified_by_code(world: World) -> str:
    """The administrator is verified at the second try."""
    subscription = world.subscription()
    await world.start(subscription, attestation=None, reason="too dear for the branch in Kiel")
    await world.service.send_code(subscription, actor=AGENT)
    [code] = world.codes(subscription)
    assert (await refused(world.service.verify_code(subscription, WRONG, actor=AGENT))).code == "code_wrong"
    await world.service.verify_code(subscription, code, actor=AGENT)
    await world.pass_time(subscription, timedelta(days=32))
    await world.handle(subscription).result()
    return subscription


async def declined_by_link(world: World) -> str:
    """The marketing service's administrator follows the link in the mail, and declines."""
    subscription = world.subscription(campaigns=["A"])
    await consent_awaited(world, subscription)
    _, text = await the_mail(world, subscription, "marketing.consent_requested")
    [token] = re.findall(r"https://offramp\.example/links/(\S+)", text)
    await world.service.consent(subscription, ConsentDecision.DECLINED, actor="page", link=token)
    await world.service.withdraw(subscription, actor=AGENT, reason="they keep their campaigns and all")
    await world.handle(subscription).result()
    return subscription


@asynccontextmanager
async def worlds_of_their_own(
    file: Path, keys: PayloadKeys | None, postgres_url: str, template_database: str, store: ObjectStoreSettings
) -> AsyncIterator[World]:
    """A world with data and a worker, on a Temporal server that keeps everything in a file."""
    objects = Objects(store)
    objects.ensure_bucket()
    async with temporal_server(file=file, keys=keys) as environment:
        with ExitStack() as parts:
            url = parts.enter_context(migrated_database(postgres_url, template_database))
            tenants = TenantDatabase(tenant_settings(parts.enter_context(tenants_database(postgres_url))))
            world = World(environment, url, parts.enter_context(Mailbox()), data=Data(tenants, objects))
            parts.callback(world.close)
            async with world.worker():
                yield world


@pytest.mark.soak
async def test_nothing_of_a_person_is_in_temporals_files(
    tmp_path: Path, postgres_url: str, template_database: str, object_store_server: ObjectStoreSettings
) -> None:
    file = tmp_path / "temporal.db"
    async with worlds_of_their_own(file, KEYS, postgres_url, template_database, object_store_server) as world:
        site = on_site(world)
        await live(
            [
                *(partial(life, world) for life in lives.LIVES.values()),
                *(partial(life, world) for life in test_export_histories.LIVES.values()),
                *(partial(life, site) for life in test_histories.LIVES.values()),
                partial(verified_by_code, world),
                partial(declined_by_link, world),
            ]
        )
        secrets = secrets_of(world)

        assert len(secrets) > len(world.subscriptions)
        assert len(found_in(file, world.subscriptions)) >= 20  # the right files are searched: ids stay readable
        assert found_in(file, secrets) == set()


async def test_what_opens_something_is_in_no_history_even_without_encryption(
    tmp_path: Path, postgres_url: str, template_database: str, object_store_server: ObjectStoreSettings
) -> None:
    file = tmp_path / "temporal.db"
    async with worlds_of_their_own(file, None, postgres_url, template_database, object_store_server) as world:
        await live([partial(verified_by_code, world), partial(declined_by_link, world)])

        assert ADDRESS in found_in(file, secrets_of(world))  # nothing is encrypted here
        assert found_in(file, keys_of(world)) == set()


ADDRESS = "ada@contoso.example"


async def live(all_of_them: Iterable[Callable[[], Awaitable[str]]]) -> None:
    """Live several lives, a few at a time."""
    room = asyncio.Semaphore(4)

    async def one(life: Callable[[], Awaitable[str]]) -> None:
        async with room:
            await life()

    await asyncio.gather(*(one(life) for life in all_of_them))


def keys_of(world: World) -> set[str]:
    """The codes, as JSON has them, and the tokens that were mailed; and a code that was tried."""
    texts = [world.mailbox.text_of(mail) for mail in world.mailbox.mails]
    tokens = {token for text in texts for token in re.findall(r"https://offramp\.example/links/([^\s\"<]+)", text)}
    codes = {f'"{code}"' for subscription in world.subscriptions for code in world.codes(subscription)}
    assert tokens
    assert codes
    return tokens | codes | {f'"{WRONG}"'}


def secrets_of(world: World) -> set[str]:
    """Every address, name, URL, reason, contact, code and token of a world."""
    columns: CompoundSelect[str] = union(
        select(OrganizationRow.billing_administrator),
        select(OrganizationRow.unique_name),
        select(OrganizationRow.url),
        select(MarketingServiceRow.billing_administrator),
        select(MigrationRow.contact),
        select(MessageRow.recipient).where(MessageRow.recipient.contains("@")),
        select(AuditRow.why).where(AuditRow.actor != THE_SERVICE),
        select(AuditRow.actor).where(AuditRow.actor != THE_SERVICE),
        select(CancellationRow.reason),
        select(CancellationRow.goodwill_reason),
        select(HoldRow.reason),
    )
    with Session(world.engine) as session:
        words = {text for text in session.scalars(columns) if text}
    hosts = {urlsplit(text).hostname or "" for text in words if text.startswith("https://")}
    return {word for word in words | hosts if word} - OUR_WORDS | keys_of(world)


def found_in(database: Path, words: Iterable[str]) -> set[str]:
    """The words that can be read in a database of Temporal, its log included; as they are, or as JSON escapes them."""
    content = b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))
    return {word for word in words if word.encode() in content or word.encode("ascii", "backslashreplace") in content}
