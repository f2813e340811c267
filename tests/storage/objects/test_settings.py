"""The settings of the object store: its name, its refusals, and keys that are never shown."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from starter.cli.remedies import operators_text
from storage.objects import (
    ObjectNotFound,
    Objects,
    ObjectStoreFull,
    ObjectStoreKeysUnusable,
    ObjectStoreNotConfigured,
    ObjectStoreRefuses,
    ObjectStoreSettings,
    ObjectStoreUnavailable,
    ObjectStoreUrlMalformed,
    refusing_when_store_unavailable,
)
from storage.objects.refusals import refusal_for
from tests.support.processes import ROOT


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ObjectStoreSettings.model_fields:
        monkeypatch.delenv(f"OFFRAMP_OBJECTS_{name.upper()}", raising=False)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("s3://bucket", ("s3", "bucket", "")),
        ("s3://bucket/of/offramp/", ("s3", "bucket", "of/offramp")),
        ("az://container/prefix", ("az", "container", "prefix")),
        ("gs://bucket", ("gs", "bucket", "")),
        ("file:///var/lib/with%20space", ("file", "", "")),
    ],
)
def test_a_store_is_named_by_a_url(url: str, parts: tuple[str, str, str]) -> None:
    settings = ObjectStoreSettings(url=url)
    assert (settings.scheme, settings.bucket, settings.prefix) == parts
    assert settings.location == url


def test_a_folder_is_the_directory_that_the_url_names() -> None:
    assert ObjectStoreSettings(url="file:///var/lib/with%20space").directory == Path("/var/lib/with space")


@pytest.mark.parametrize(
    "url",
    ["bucket", "s3://", "s3:///bucket", "http://host/bucket", "file://relative", "file:///", "s3://id:hidden@bucket",
     "s3://bucket?key=hidden", "s3://bucket#hidden", "s3://[hidden"],
)  # fmt: skip
def test_what_names_no_store_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ObjectStoreUrlMalformed, match="does not name") as refusal:
        ObjectStoreSettings(url=url)
    assert "Set OFFRAMP_OBJECTS_URL to" in operators_text(refusal.value)
    assert "hidden" not in str(refusal.value)


@pytest.mark.parametrize("endpoint", ["host:8333", "ftp://host", "https://", "https://id:hidden@host", "http://h:0x"])
@pytest.mark.parametrize("name", ["endpoint", "public_endpoint"])
def test_what_is_no_endpoint_is_refused_by_its_variable(
    name: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"OFFRAMP_OBJECTS_{name.upper()}", endpoint)
    with pytest.raises(ObjectStoreUrlMalformed) as refusal:
        ObjectStoreSettings()
    assert refusal.value.values == {"variable": f"OFFRAMP_OBJECTS_{name.upper()}"}
    assert "hidden" not in str(refusal.value)


def test_the_secret_comes_from_a_file_of_its_own_and_is_never_told(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hidden\n")
    settings = ObjectStoreSettings.model_validate(
        {"url": "s3://bucket", "access_key_id": "id", "secret_access_key_file": str(file)}
    )
    assert settings.access_key == ("id", "hidden")
    assert "hidden" not in repr(settings) + str(settings.model_dump())


def test_a_key_that_is_half_given_twice_given_or_unreadable_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for given, reason in (
        ({"access_key_id": "id"}, "only one of the key"),
        ({"secret_access_key": "hidden"}, "only one of the key"),
        ({"access_key_id": "id", "secret_access_key": "hidden", "secret_access_key_file": str(empty)}, "given twice"),
        ({"access_key_id": "id", "secret_access_key_file": str(empty)}, "is empty"),
        ({"access_key_id": "id", "secret_access_key_file": str(tmp_path / "none")}, "cannot be read"),
    ):
        with pytest.raises(ObjectStoreKeysUnusable, match=reason) as refusal:
            ObjectStoreSettings.model_validate({"url": "s3://bucket", **given})
        assert "hidden" not in str(refusal.value)


def test_what_is_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ObjectStoreSettings.model_fields:
        monkeypatch.setenv(f"OFFRAMP_OBJECTS_{name.upper()}", "")
    settings = ObjectStoreSettings()
    assert (settings.access_key, settings.region) == (None, "us-east-1")
    with pytest.raises(ObjectStoreNotConfigured) as refused:
        Objects(settings)
    assert "Set OFFRAMP_OBJECTS_URL to" in operators_text(refused.value)


def test_an_error_of_validation_does_not_show_what_was_given() -> None:
    with pytest.raises(ValidationError) as error:
        ObjectStoreSettings.model_validate({"secret_access_key": ["hidden"]})
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize(
    ("status", "code", "refusal"),
    [
        (None, "", ObjectStoreUnavailable),
        (500, "InternalError", ObjectStoreUnavailable),
        (503, "SlowDown", ObjectStoreUnavailable),
        (429, "", ObjectStoreUnavailable),
        (507, "InsufficientStorage", ObjectStoreFull),
        (507, "XMinioStorageFull", ObjectStoreFull),
        (403, "QuotaExceeded", ObjectStoreFull),
        (403, "AccessDenied", ObjectStoreRefuses),
        (404, "NoSuchBucket", ObjectStoreRefuses),
        (404, "NoSuchKey", ObjectNotFound),
    ],
)
def test_what_a_store_answers_is_told_apart(status: int | None, code: str, refusal: type[Exception]) -> None:
    assert type(refusal_for("s3://bucket", status, code, "key")) is refusal


FILL_A_SMALL_DISK = """
import os, subprocess, sys
import obstore
from storage.objects import Objects, ObjectStoreFull, ObjectStoreSettings
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", sys.argv[1]]).returncode:
    sys.exit("may not mount")
objects = Objects(ObjectStoreSettings(url="file://" + sys.argv[1] + "/objects"))
def put():
    objects.put("export/1", os.urandom(3_000_000))
def write():
    with objects.refusing(), obstore.open_writer(objects.store, "export/2", buffer_size=100_000) as writer:
        for _ in range(30):
            writer.write(os.urandom(100_000))
for attempt in (put, write):
    try:
        attempt()
    except ObjectStoreFull as refusal:
        print(refusal.code)
"""


def test_a_full_disk_below_a_folder_is_a_full_store(tmp_path: Path) -> None:
    unshare = shutil.which("unshare") or "unshare"
    try:
        said = subprocess.run(
            [unshare, "--map-root-user", "--mount", sys.executable, "-c", FILL_A_SMALL_DISK, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("a disk of its own cannot be made here")
    if "may not mount" in said.stderr or "unshare" in said.stderr:
        pytest.skip("a disk of its own cannot be made here")
    assert said.stdout.split() == ["object_store_full", "object_store_full"], said.stderr


def test_errors_that_are_not_the_stores_go_through_unchanged() -> None:
    with pytest.raises(OSError, match="os error 28"), refusing_when_store_unavailable("s3://bucket"):
        raise OSError("a disk of ours is full (os error 28)")
    with pytest.raises(ZeroDivisionError), refusing_when_store_unavailable("s3://bucket"):
        raise ZeroDivisionError
