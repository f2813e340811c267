"""A download is checked against its manifest: whatever is not as it was written is named."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable

import pytest

from activities.export import ManifestMissing, Verification, verify_download
from activities.export.verification import load_manifest
from domain.export.manifest import FORMAT_VERSION, Manifest, ManifestNewer, ManifestUnreadable
from tests.activities.export.conftest import Export, Files

TEXT = 'two\nlines, "quoted"\r\n\\. and\r\r'


@pytest.fixture
def manifest(make: Callable[..., None], export: Export) -> Manifest:
    make("CREATE TABLE t (id int, a text)")
    for number in range(50):
        make("INSERT INTO t VALUES (%s, %s)", values=(number, TEXT * number))
    return export()


def troubles(found: Verification) -> list[tuple[str, str]]:
    assert found.complete is (not found.troubles)
    assert all(trouble.file in trouble.sentence for trouble in found.troubles)
    return [(trouble.file, trouble.code) for trouble in found.troubles]


def test_a_whole_download_is_complete(manifest: Manifest, files: Files) -> None:
    read: dict[str, int] = {}
    found = verify_download(
        files.directory, load_manifest(files.directory), on_bytes=lambda file, size: read.update({file: size})
    )
    assert troubles(found) == []
    assert (found.tables, found.files, found.rows, found.bytes) == (1, 2, 50, manifest.bytes)
    assert read == {file.key: file.bytes for file in manifest.files}


def test_each_file_is_named_with_its_trouble(manifest: Manifest, files: Files) -> None:
    csv, workbook = files.directory / "001-t.csv.gz", files.directory / "001-t.xlsx"
    content = csv.read_bytes()
    workbook.unlink()
    csv.write_bytes(content[:-1])
    (files.directory / "more").mkdir()
    (files.directory / "more" / "virus.exe").write_bytes(b"")
    assert troubles(verify_download(files.directory, manifest)) == [
        ("001-t.csv.gz", "wrong_size"),
        ("001-t.xlsx", "missing"),
        ("more/virus.exe", "not_listed"),
    ]
    workbook.mkdir()
    csv.write_bytes(content[:-1] + b"x")
    assert troubles(verify_download(files.directory, manifest))[:2] == [
        ("001-t.csv.gz", "wrong_sum"),
        ("001-t.xlsx", "unreadable"),
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"no gzip", "not_gzip", id="no gzip"),
        pytest.param(gzip.compress(b"a\n1\n2\n")[:-4], "not_gzip", id="cut"),
        pytest.param(gzip.compress(b"a\n1\n") + b"more", "not_gzip", id="more behind it"),
        pytest.param(gzip.compress(b"a\n" + b"1\n" * 2_000_000) + b"x", "not_gzip", id="more behind many blocks"),
        pytest.param(gzip.compress(b'a\n1\n"2\n3"\n'), "wrong_rows", id="a row too few"),
    ],
    ids=["no gzip", "cut short", "something behind it", "something behind much", "a line too few"],
)
def test_rows_are_counted_even_if_the_sum_is_right(manifest: Manifest, files: Files, content: bytes, code: str) -> None:
    csv, workbook = manifest.tables[0].files
    (files.directory / csv.key).write_bytes(content)
    changed = csv.model_copy(update={"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "rows": 3})
    table = manifest.tables[0].model_copy(update={"files": (changed, workbook)})
    found = verify_download(files.directory, manifest.model_copy(update={"tables": (table,)}))
    assert troubles(found) == [(csv.key, code)]


def test_a_directory_without_a_manifest_is_refused(manifest: Manifest, files: Files) -> None:
    (files.directory / "manifest.json").unlink()
    with pytest.raises(ManifestMissing):
        load_manifest(files.directory)
    shutil.rmtree(files.directory)
    with pytest.raises(ManifestMissing):
        load_manifest(files.directory)


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": "one"},
        {"tables": 7},
        {
            "tables": [
                {
                    "name": "t",
                    "rows": 1,
                    "columns": [],
                    "files": [{"key": "../../etc/passwd", "kind": "csv", "rows": 1, "bytes": 1, "sha256": "0" * 64}],
                }
            ]
        },
    ],
)
def test_a_damaged_manifest_is_refused(manifest: Manifest, files: Files, change: dict[str, object]) -> None:
    path = files.directory / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(ManifestUnreadable):
        load_manifest(files.directory)


def test_a_manifest_that_is_no_json_is_refused(manifest: Manifest, files: Files) -> None:
    (files.directory / "manifest.json").write_bytes(b"\xff{")
    with pytest.raises(ManifestUnreadable):
        load_manifest(files.directory)


def test_a_manifest_of_a_later_version_is_refused_by_its_number(manifest: Manifest, files: Files) -> None:
    later = json.dumps({"format_version": FORMAT_VERSION + 1, "everything": "else"})
    (files.directory / "manifest.json").write_text(later, encoding="utf-8")
    with pytest.raises(ManifestNewer, match=str(FORMAT_VERSION + 1)):
        load_manifest(files.directory)
