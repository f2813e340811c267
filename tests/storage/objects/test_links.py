"""Signed links to objects, on a real SeaweedFS."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from storage.objects import (
    Objects,
    ObjectStoreSettings,
    SignedLinksUnsupported,
    SignedLinkTooLong,
)
from tests.support.processes import wait_until

MINUTE = timedelta(minutes=1)


def test_a_signed_link_gives_the_object_under_the_name_asked_for_to_whoever_has_it(s3: Objects) -> None:
    s3.put("export/1/table.csv", b"id\n1\n")
    link = s3.signed_link("export/1/table.csv", expires_in=MINUTE, file_name='Kündigung "2026".csv')
    answer = httpx.get(link)
    assert (answer.status_code, answer.content) == (200, b"id\n1\n")
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"K_ndigung _2026_.csv\"; filename*=UTF-8''K%C3%BCndigung%20%222026%22.csv"
    )
    assert "content-disposition" not in httpx.get(s3.signed_link("export/1/table.csv", expires_in=MINUTE)).headers


def test_a_link_that_was_tampered_with_has_expired_or_is_not_signed_gives_nothing(s3: Objects) -> None:
    s3.put("export/1/table.csv", b"one")
    s3.put("export/2/table.csv", b"another")
    link = s3.signed_link("export/1/table.csv", expires_in=timedelta(seconds=1))
    assert httpx.get(link.replace("/export/1/", "/export/2/")).status_code == 403
    assert httpx.get(link.replace("X-Amz-Expires=1&", "X-Amz-Expires=600&")).status_code == 403
    assert httpx.get(link.partition("?")[0]).status_code == 403
    assert httpx.put(link, content=b"mine").status_code == 403
    wait_until(lambda: httpx.get(link).status_code == 403, "the link has expired", 10)
    assert s3.get("export/1/table.csv") == b"one"


def test_a_link_names_the_endpoint_that_browsers_reach(object_store: ObjectStoreSettings) -> None:
    public = object_store.model_copy(update={"public_endpoint": "https://files.example.com"})
    link = urlsplit(Objects(public).signed_link("export/1/table.csv", expires_in=timedelta(days=7)))
    assert (link.scheme, link.netloc) == ("https", "files.example.com")
    assert link.path == f"/offramp/{object_store.prefix}/export/1/table.csv"
    assert parse_qs(link.query)["X-Amz-Expires"] == ["604800"]


def test_no_link_is_given_for_longer_than_signatures_last_and_none_to_a_folder(s3: Objects, tmp_path: Path) -> None:
    for asked in (timedelta(days=7, seconds=1), timedelta(0), timedelta(days=-1)):
        with pytest.raises(SignedLinkTooLong, match="7 days"):
            s3.signed_link("key", expires_in=asked)
    with pytest.raises(SignedLinksUnsupported, match="is a folder"):
        Objects(ObjectStoreSettings(url=tmp_path.as_uri())).signed_link("key", expires_in=MINUTE)
