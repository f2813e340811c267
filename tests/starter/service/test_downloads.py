"""Downloads by link: while the store becomes unavailable, and into a directory where somebody has laid something."""

import stat
from pathlib import Path

import pytest

from starter.service.downloads import DownloadLeavesDirectory, FileLink, download
from storage.objects import ObjectStoreUnavailable
from tests.activities.messaging.endpoint import serving
from tests.support.ports import free_port


def test_a_store_that_is_gone_is_a_refusal_that_does_not_repeat_the_link(tmp_path: Path) -> None:
    file = FileLink(name="001-t.csv.gz", bytes=7, link=f"http://127.0.0.1:{free_port()}/bucket/key?signature=secret")

    with pytest.raises(ObjectStoreUnavailable) as refused:
        download([file], tmp_path / "new", lambda *_: None)

    assert "the download of 001-t.csv.gz ended with a lost connection" in refused.value.message
    assert "secret" not in str(refused.value)


def files(url: str, *names: str) -> list[FileLink]:
    return [FileLink(name=name, bytes=4, link=f"{url}/key?signature=secret") for name in names]


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    with serving(b"data") as url:
        download(files(url, "manifest.json"), tmp_path / "new", lambda *_: None)

    written = tmp_path / "new" / "manifest.json"
    assert written.read_bytes() == b"data"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (written, written.parent)] == [0o600, 0o700]


@pytest.mark.parametrize("name", ["../stolen", "/srv/stolen", "sub/file", "..", ".", "", "nul\0l"])
def test_no_name_leads_out_of_the_directory(tmp_path: Path, name: str) -> None:
    with serving(b"data") as url, pytest.raises(DownloadLeavesDirectory):
        download(files(url, name), tmp_path / "new", lambda *_: None)

    assert list(tmp_path.rglob("*")) == [tmp_path / "new"]


def test_no_link_that_lies_there_leads_out_of_the_directory(tmp_path: Path) -> None:
    precious, directory = tmp_path / "precious", tmp_path / "new"
    precious.write_text("kept", encoding="utf-8")
    directory.mkdir()
    (directory / "manifest.json").symlink_to(precious)

    with serving(b"data") as url, pytest.raises(DownloadLeavesDirectory):
        download(files(url, "manifest.json"), directory, lambda *_: None)

    assert precious.read_text(encoding="utf-8") == "kept"
