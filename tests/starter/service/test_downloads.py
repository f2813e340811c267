"""Downloads by link while the store becomes unavailable."""

from pathlib import Path

import pytest

from starter.service.downloads import FileLink, download
from storage.objects import ObjectStoreUnavailable
from tests.support.ports import free_port


def test_a_store_that_is_gone_is_a_refusal_that_does_not_repeat_the_link(tmp_path: Path) -> None:
    file = FileLink(name="001-t.csv.gz", bytes=7, link=f"http://127.0.0.1:{free_port()}/bucket/key?signature=secret")

    with pytest.raises(ObjectStoreUnavailable) as refused:
        download([file], tmp_path / "new", lambda *_: None)

    assert "the download of 001-t.csv.gz ended with a lost connection" in refused.value.message
    assert "secret" not in str(refused.value)
