"""The end of an erasure: nothing is left of the copies on the disks of the store when the certificate says so."""

import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

import obstore
import pytest
from sqlalchemy import Engine, text
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.erasure import STORE_COMPACTS, Eraser
from contract.steps import Erased
from records import erasure as erasures
from records.erasure import COMPACTION, erased_things
from records.export import objects_prefix
from records.transaction import Transaction
from storage.objects import Objects, ObjectStoreSettings
from tests.records.closed_cases import BOTH, CASE, case, closed, step
from tests.support.import_documents import NOON, document, engine, imported
from tests.support.servers import open_directory, running_object_store

__all__ = ["case", "closed", "document", "engine", "imported"]

TEN_MINUTES = timedelta(minutes=10)
MARK = b"a line of the customer's own data, which is to be gone from every disk; "


@pytest.fixture
def without_schema(closed: Engine) -> Engine:
    """A closed case whose organization has no schema here: its copies alone are to be erased."""
    with closed.begin() as connection:
        connection.execute(text("UPDATE organizations SET data_schema = NULL"))
    return closed


def eraser(engine: Engine, settings: ObjectStoreSettings, within: timedelta | None) -> Eraser:
    return Eraser(engine, BOTH, None, Objects(settings.model_copy(update={"compacted_within": within})))


def erase(by: Eraser) -> Erased:
    return ActivityEnvironment().run(by.erase_data, step("erase"))


def time_passes(engine: Engine, by: timedelta) -> None:
    """Let what was removed have been removed earlier, as only the owner of the tables can who switches their triggers off."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE erased_things SET erased_at = erased_at - :by"), {"by": by})


def test_the_certificate_waits_until_the_store_has_compacted_its_files(
    without_schema: Engine, object_store: ObjectStoreSettings
) -> None:
    by = eraser(without_schema, object_store, TEN_MINUTES)
    obstore.put(Objects(object_store).store, f"{objects_prefix(CASE)}lines.csv", MARK)

    with pytest.raises(ApplicationError) as early:
        erase(by)
    assert early.value.type == STORE_COMPACTS
    assert early.value.next_retry_delay is not None
    assert timedelta(minutes=9) < early.value.next_retry_delay <= TEN_MINUTES
    time_passes(without_schema, TEN_MINUTES)

    certificate = erase(by).certificate

    assert certificate is not None
    assert (certificate.objects, certificate.compacted) == (1, True)
    with Transaction.begin(without_schema) as transaction:
        assert COMPACTION in {thing.kind for thing in erased_things(transaction.session, CASE)}


@pytest.mark.parametrize(("within", "objects"), [(None, 1), (TEN_MINUTES, 0)])
def test_without_a_promise_or_without_files_it_waits_for_nothing_and_claims_nothing(
    without_schema: Engine, object_store: ObjectStoreSettings, within: timedelta | None, objects: int
) -> None:
    for number in range(objects):
        obstore.put(Objects(object_store).store, f"{objects_prefix(CASE)}{number}.csv", MARK)

    certificate = erase(eraser(without_schema, object_store, within)).certificate

    assert certificate is not None
    assert (certificate.objects, certificate.compacted) == (objects, False)


@pytest.mark.parametrize("confirmed", ["cancellations/%/none", "export/1/a.csv"])
def test_what_was_removed_when_a_worker_died_is_waited_for_as_well(
    without_schema: Engine, object_store: ObjectStoreSettings, confirmed: str
) -> None:
    """Its removal is recorded and not confirmed, and nothing is left to list; others may have been removed long ago."""
    by = eraser(without_schema, object_store, TEN_MINUTES)
    with Transaction.begin(without_schema) as transaction:
        erasures.begin_erasure(transaction, step("erase"))
    names = ("export/1/a.csv", "export/1/b.csv")
    with Transaction.begin(without_schema) as transaction:
        things = [erasures.ErasedThing(kind="object", name=name, bytes=1) for name in names]
        erasures.record_things(transaction, CASE, things, at=NOON)
    with without_schema.begin() as connection:
        long_ago = text("UPDATE erased_things SET erased_at = now() - interval '1 hour' WHERE name = :name")
        connection.execute(long_ago, {"name": confirmed})

    with pytest.raises(ApplicationError) as early:
        erase(by)

    assert early.value.type == STORE_COMPACTS
    time_passes(without_schema, TEN_MINUTES)
    certificate = erase(by).certificate
    assert certificate is not None
    assert certificate.compacted


def test_an_upload_that_was_never_finished_is_waited_for_as_well(
    without_schema: Engine, object_store: ObjectStoreSettings
) -> None:
    objects = Objects(object_store)
    client = objects._s3._client
    bucket, key = object_store.bucket, f"{object_store.prefix}/{objects_prefix(CASE)}export/1/big.csv"
    upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=MARK)

    with pytest.raises(ApplicationError) as early:
        erase(eraser(without_schema, object_store, TEN_MINUTES))

    assert early.value.type == STORE_COMPACTS
    assert list(objects.unfinished(objects_prefix(CASE))) == []


@pytest.fixture
def disks() -> Iterator[tuple[ObjectStoreSettings, Path]]:
    """A store of this test's own with its directory, as the local stack runs it."""
    with open_directory() as directory, running_object_store(directory / "objects", directory) as (settings, _):
        Objects(settings).ensure_bucket()
        yield settings, directory


def holding(directory: Path) -> list[str]:
    """The files that hold the customer's data, by ``grep``."""
    found = subprocess.run(
        ["grep", "-rlaF", MARK.decode(), str(directory)], capture_output=True, text=True, check=False
    )
    return found.stdout.splitlines()


@pytest.mark.soak
@pytest.mark.skipif("OFFRAMP_COMPACTION" not in os.environ, reason="it waits for two minutes: make soak-compaction")
def test_the_bytes_are_gone_from_the_disks_within_ten_minutes(
    without_schema: Engine, disks: tuple[ObjectStoreSettings, Path]
) -> None:
    """What docker-compose.yml promises, with the same options of the same store."""
    settings, directory = disks
    store = Objects(settings).store
    for number, copies in enumerate((1, 1_000, 300_000)):
        obstore.put(store, f"{objects_prefix(CASE)}{number}.csv", MARK * copies)
    obstore.put(store, "cancellations/SUB-2/1/lines.csv", b"somebody else's")
    by = eraser(without_schema, settings, TEN_MINUTES)
    with pytest.raises(ApplicationError):
        erase(by)
    assert holding(directory), "this test can see them"

    ends_at = monotonic() + TEN_MINUTES.total_seconds()
    while (found := holding(directory)) and monotonic() < ends_at:
        sleep(2)

    assert found == []
    assert bytes(obstore.get(store, "cancellations/SUB-2/1/lines.csv").bytes()) == b"somebody else's"
