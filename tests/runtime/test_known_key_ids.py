"""A key that is missing, and one that nobody ever had: what the records of an installation tell from each other."""

import asyncio
import base64
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event, text
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter

import contract
from runtime.known_key_ids import KnownKeyIds
from runtime.payload_codec import ENCRYPTED, KEY_ID, EncryptionKeyMissing
from runtime.payload_keys import PayloadKeys
from runtime.temporal import offramp_plugin
from storage.database import create_database_engine
from storage.refusals import DatabaseNotMigrated, DatabaseRightMissing, DatabaseUnavailable
from storage.rights import DatabaseRole
from tests.support.databases import as_role
from tests.support.ports import free_port

NONE = PayloadKeys()
KEY, OTHER = (PayloadKeys.read(f"{name}:{base64.b64encode(name.encode() * 32).decode()}") for name in "ko")
REASON = "they are closing the branch in Kiel"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_database_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def nowhere() -> Engine:
    return create_database_engine(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing", pool_size=1)


def process(engine: Engine | None, keys: PayloadKeys) -> DataConverter:
    """The data converter of a process with these keys, of the installation with these records."""
    plugin = offramp_plugin(keys, known=KnownKeyIds(engine, keys) if engine else None)
    assert isinstance(plugin.data_converter, DataConverter)
    return plugin.data_converter


def invented(key_id: str = "nokey") -> Payload:
    return Payload(metadata={"encoding": ENCRYPTED, KEY_ID: key_id.encode()}, data=b"whatever it may be")


def ids(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT id FROM payload_key_ids ORDER BY id")))


@pytest.mark.parametrize("keys", [NONE, KEY])
async def test_what_names_a_key_that_nobody_had_is_malformed(engine: Engine, keys: PayloadKeys) -> None:
    assert isinstance((await process(engine, keys).decode([invented()]))[0], contract.Unreadable)


async def test_what_names_a_key_that_another_process_has_waits_for_it(engine: Engine) -> None:
    payloads = await process(engine, KEY).encode([REASON])

    for keys in (NONE, OTHER):
        with pytest.raises(EncryptionKeyMissing, match=r"k\.[0-9a-f]{8}"):
            await process(engine, keys).decode(payloads)
    assert await process(engine, KEY).decode(payloads, [str]) == [REASON]


async def test_the_ids_of_all_keys_of_a_process_are_recorded_before_it_encrypts(engine: Engine) -> None:
    both = PayloadKeys((*OTHER, *KEY))
    lacking = process(engine, NONE)
    assert isinstance((await lacking.decode([invented()]))[0], contract.Unreadable)
    # At once after another process has looked: what it found then may not count for this.
    payloads = await process(engine, both).encode([REASON])

    assert ids(engine) == sorted(key.id for key in both)
    with pytest.raises(EncryptionKeyMissing):
        await lacking.decode(payloads)


async def test_a_key_that_comes_later_opens_no_payload_that_was_there_before_it(engine: Engine) -> None:
    [key] = KEY
    before = process(engine, OTHER)
    assert isinstance((await before.decode([invented(key.id)]))[0], contract.Unreadable)

    await KnownKeyIds(engine, KEY).record()
    assert isinstance((await process(engine, KEY).decode([invented(key.id)]))[0], contract.Unreadable)
    with pytest.raises(EncryptionKeyMissing):
        await process(engine, OTHER).decode([invented(key.id)])


@pytest.mark.parametrize("role", list(DatabaseRole))
async def test_every_role_knows_the_ids_and_the_pages_add_none(
    database_url: str, engine: Engine, role: DatabaseRole
) -> None:
    limited = create_database_engine(as_role(database_url, role), pool_size=1)
    try:
        if role is DatabaseRole.PAGES:
            with pytest.raises(DatabaseRightMissing):
                await process(limited, KEY).encode([REASON])
            await KnownKeyIds(engine, KEY).record()
        await process(limited, KEY).encode([REASON])
        assert isinstance((await process(limited, NONE).decode([invented()]))[0], contract.Unreadable)
    finally:
        limited.dispose()
    assert len(ids(engine)) == 1


async def test_processes_that_start_at_once_record_a_key_once(engine: Engine) -> None:
    await asyncio.gather(*(KnownKeyIds(engine, KEY).record() for _ in range(5)))

    assert len(ids(engine)) == 1


async def test_while_the_records_cannot_be_read_every_key_is_waited_for(nowhere: Engine) -> None:
    with pytest.raises(EncryptionKeyMissing, match="nokey"):
        await process(nowhere, KEY).decode([invented()])


async def test_nothing_is_encrypted_with_a_key_that_cannot_be_recorded(nowhere: Engine, engine: Engine) -> None:
    with pytest.raises(DatabaseUnavailable):
        await process(nowhere, KEY).encode([REASON])
    assert (await process(nowhere, NONE).encode([REASON]))[0].data == f'"{REASON}"'.encode()

    with engine.begin() as connection:
        connection.execute(text("DROP TABLE payload_key_ids"))
    with pytest.raises(DatabaseNotMigrated):
        await process(engine, KEY).encode([REASON])
    with pytest.raises(EncryptionKeyMissing):
        await process(engine, KEY).decode([invented()])


async def test_without_records_every_key_is_waited_for() -> None:
    with pytest.raises(EncryptionKeyMissing, match="nokey"):
        await process(None, KEY).decode([invented()])


async def test_invented_ids_without_end_are_looked_up_together(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.known_key_ids._COUNTS_FOR", 3600.0)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
    payloads = [invented(f"nokey-{number}") for number in range(1000)]

    found = await process(engine, KEY).decode(payloads)

    assert all(isinstance(each, contract.Unreadable) for each in found)
    assert len([statement for statement in asked if "payload_key_ids" in statement]) == 1
