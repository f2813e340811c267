"""The object store, on a real SeaweedFS and on a folder."""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import botocore.session
import httpx
import obstore
import pytest
from pydantic import SecretStr

from starter.cli.remedies import operators_text
from storage.objects import (
    Deleted,
    ObjectNotFound,
    Objects,
    ObjectStoreRefuses,
    ObjectStoreSettings,
    ObjectStoreUnavailable,
)
from tests.support.ports import free_port
from tests.support.processes import python
from tests.support.servers import object_store_environment, open_directory, running_object_store

MIB = 1024 * 1024
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["s3", "folder"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStoreSettings:
    if request.param == "folder":
        return ObjectStoreSettings(url=(tmp_path / "objects").as_uri())
    settings: ObjectStoreSettings = request.getfixturevalue("object_store")
    return settings


@pytest.fixture
def objects(settings: ObjectStoreSettings) -> Objects:
    return Objects(settings)


def unfinished_keys(settings: ObjectStoreSettings) -> list[str]:
    """The uploads that the server itself lists as begun and not finished, below the prefix of this test."""
    key = settings.access_key
    assert key is not None
    client = botocore.session.Session().create_client(
        "s3",
        region_name=settings.region,
        endpoint_url=settings.endpoint,
        aws_access_key_id=key[0],
        aws_secret_access_key=key[1],
    )
    listed = client.list_multipart_uploads(Bucket=settings.bucket, Prefix=f"{settings.prefix}/").get("Uploads", [])
    return [upload["Key"].removeprefix(f"{settings.prefix}/") for upload in listed]


def test_what_is_put_is_listed_and_read_back_and_put_again_it_is_replaced(objects: Objects) -> None:
    objects.put("export/1/manifest.json", b"first", content_type="application/json")
    objects.put("export/1/manifest.json", b"second")
    objects.put("export/10/other", b"")
    assert objects.get("export/1/manifest.json") == b"second"
    assert [(found.key, found.size) for found in objects.list("export/1")] == [("export/1/manifest.json", 6)]
    assert sorted(found.key for found in objects.list("export")) == ["export/1/manifest.json", "export/10/other"]


def test_an_object_larger_than_a_part_is_written_in_parts_and_streamed_back_the_same(objects: Objects) -> None:
    content = os.urandom(MIB) * 20
    with objects.refusing(), obstore.open_writer(objects.store, "big", buffer_size=6 * MIB) as writer:
        for start in range(0, len(content), MIB):
            writer.write(content[start : start + MIB])
    assert [found.size for found in objects.list("big")] in ([], [len(content)])
    pieces = list(objects.stream("big"))
    assert len(pieces) > 1
    assert hashlib.sha256(b"".join(pieces)).digest() == hashlib.sha256(content).digest()


def test_an_object_that_is_not_there_is_refused_by_name(objects: Objects) -> None:
    for read in (objects.get, lambda key: list(objects.stream(key))):
        with pytest.raises(ObjectNotFound, match="does not have the object") as refused:
            read("export/none")
        assert "export/none" in operators_text(refused.value)


def test_deleting_goes_in_batches_ends_with_nothing_and_done_twice_changes_nothing(objects: Objects) -> None:
    for number in range(501):
        objects.put(f"export/1/{number}", b"ab")
    objects.put("export/11/kept", b"kept")
    heard: list[Deleted] = []
    assert objects.delete_all("export/1", on_batch=heard.append) == Deleted(501, 1002)
    assert [batch.objects for batch in heard] == [500, 501]
    assert objects.delete_all("export/1", on_batch=heard.append) == Deleted()
    assert [found.key for found in objects.list("export")] == ["export/11/kept"]
    with pytest.raises(ValueError, match="at least one segment"):
        objects.delete_all("/")


WRITE_WITHOUT_END = """
import sys, obstore
from storage.objects import Objects, ObjectStoreSettings
writer = obstore.open_writer(Objects(ObjectStoreSettings()).store, sys.argv[1], buffer_size=5 * 1024 * 1024)
for number in range(1_000_000):
    writer.write(b"x" * 1024 * 1024)
    print(number, flush=True)
    if number == 20:
        sys.stdin.read()
"""


def left_by_a_killed_writer(environment: dict[str, str], key: str) -> None:
    with python("-c", WRITE_WITHOUT_END, key, environment=environment) as process:
        assert process.stdout is not None
        while process.stdout.readline() != "20\n":
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_an_upload_left_by_a_killed_process_is_no_object_and_is_discarded(
    object_store: ObjectStoreSettings, s3: Objects
) -> None:
    left_by_a_killed_writer(object_store_environment(object_store), "export/1/table.csv")
    left_by_a_killed_writer(object_store_environment(object_store), "export/10/table.csv")
    assert sorted(unfinished_keys(object_store)) == ["export/1/table.csv", "export/10/table.csv"]
    assert list(s3.list("export")) == []
    assert s3.discard_unfinished("export/1") == 1
    assert unfinished_keys(object_store) == ["export/10/table.csv"]
    assert s3.discard_unfinished("export/1") == 0
    assert s3.discard_unfinished("export") == 1
    assert unfinished_keys(object_store) == []


def test_in_a_folder_the_staged_files_of_a_killed_process_are_discarded(tmp_path: Path) -> None:
    folder = Objects(ObjectStoreSettings(url=tmp_path.as_uri()))
    left_by_a_killed_writer({"OFFRAMP_OBJECTS_URL": tmp_path.as_uri()}, "export/1/table.csv")
    folder.put("export/1/whole.csv", b"whole")
    assert len(list((tmp_path / "export/1").iterdir())) == 2
    assert [found.key for found in folder.list("export")] == ["export/1/whole.csv"]
    assert folder.discard_unfinished("export/1") == 1
    assert [file.name for file in (tmp_path / "export/1").iterdir()] == ["whole.csv"]


AMBIENT = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL")


@pytest.fixture
def ambient(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which Amazon's tools find nothing."""
    for name in AMBIENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    return monkeypatch


def use(objects: Objects) -> None:
    objects.put("export/1", b"here")
    assert httpx.get(objects.signed_link("export/1", expires_in=MINUTE)).content == b"here"
    assert objects.discard_unfinished("export") == 0


def test_a_key_that_is_set_wins_over_everything_that_the_environment_says_of_another_store(
    object_store: ObjectStoreSettings, ambient: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        ambient.setenv(name, "of-another-account")
    ambient.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    use(Objects(object_store))


def test_without_a_key_the_platforms_credentials_write_and_sign(
    object_store: ObjectStoreSettings, ambient: pytest.MonkeyPatch
) -> None:
    key = object_store.access_key
    assert key is not None
    without = object_store.model_copy(update={"access_key_id": None, "secret_access_key": None})
    with pytest.raises(ObjectStoreRefuses, match="no credentials were found"):
        Objects(without).put("export/1", b"here")
    for name, value in zip(AMBIENT, key, strict=False):
        ambient.setenv(name, value)
    use(Objects(without))


def every_call(objects: Objects) -> Iterator[Callable[[], object]]:
    yield lambda: objects.put("export/1", b"1")
    yield lambda: objects.get("export/1")
    yield lambda: list(objects.list("export"))
    yield lambda: objects.delete_all("export")
    yield lambda: objects.discard_unfinished("export")


@pytest.mark.parametrize(
    ("changed", "refusal", "reason"),
    [
        ({"endpoint": f"http://127.0.0.1:{free_port()}"}, ObjectStoreUnavailable, "no connection could be made"),
        ({"access_key_id": SecretStr("stranger")}, ObjectStoreRefuses, "403 InvalidAccessKeyId"),
        ({"secret_access_key": SecretStr("guessed-secret")}, ObjectStoreRefuses, "403 SignatureDoesNotMatch"),
        ({"url": "s3://nowhere"}, ObjectStoreRefuses, "404 NoSuchBucket"),
    ],
    ids=["down", "another key", "another secret", "no such bucket"],
)
def test_a_store_that_cannot_be_used_is_refused_with_the_reason_and_without_its_keys(
    object_store: ObjectStoreSettings, changed: dict[str, object], refusal: type[Exception], reason: str
) -> None:
    objects = Objects(object_store.model_copy(update=changed))
    for attempt in every_call(objects):
        with pytest.raises(refusal, match=reason) as refused:
            attempt()
        assert "secret" not in str(refused.value)
        assert refused.value.__cause__ is None


def fill(objects: Objects) -> None:
    for number in range(9):
        objects.put(str(number), os.urandom(MIB))


def test_a_folder_that_was_emptied_holds_nothing(objects: Objects) -> None:
    objects.put("cases/1/a", b"a")
    objects.put("cases/2/a", b"a")
    assert objects.holds_any("cases/1")

    objects.delete_all("cases/1")

    assert set(objects.folders("cases")) >= {"2"}
    assert (objects.holds_any("cases/1"), objects.holds_any("cases/2")) == (False, True)


def write(objects: Objects, key: str) -> None:
    with objects.refusing(key), obstore.open_writer(objects.store, key, buffer_size=5 * MIB) as writer:
        for _ in range(20):
            writer.write(os.urandom(MIB))


def test_a_store_that_dies_under_a_writer_is_unavailable_and_one_without_room_too() -> None:
    with open_directory() as directory:
        small = ("-volume.max=1", "-master.volumeSizeLimitMB=1")
        with running_object_store(directory / "store", directory, *small) as (settings, process):
            objects = Objects(settings)
            objects.ensure_bucket()
            with pytest.raises(ObjectStoreUnavailable, match=r"500 InternalError\..*it has room"):
                fill(objects)

            process.kill()
            process.wait()
            with pytest.raises(ObjectStoreUnavailable, match="no connection could be made"):
                write(objects, "export/1")


def test_acknowledged_objects_are_there_after_a_kill_of_the_server_and_a_start_on_other_ports() -> None:
    with open_directory() as directory:
        with running_object_store(directory / "store", directory) as (settings, process):
            objects = Objects(settings)
            objects.ensure_bucket()
            objects.put("small", b"still here")
            large = os.urandom(12 * MIB)
            objects.put("large", large)
            process.kill()
            process.wait()
        with running_object_store(directory / "store", directory) as (settings, _):
            objects = Objects(settings)
            objects.ensure_bucket()
            assert objects.get("small") == b"still here"
            assert objects.get("large") == large
            objects.put("new", b"as before")
            assert [found.key for found in objects.list("new")] in ([], ["new"])
