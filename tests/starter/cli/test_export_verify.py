"""``offramp export verify``, as a person and as a program calls it."""

import gzip
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.export.manifest import Manifest, ManifestColumn, ManifestFile, ManifestTable
from starter.cli.main import app, main

CSV = gzip.compress(b"id\n1\n2\n", mtime=0)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def download(tmp_path: Path) -> Path:
    file = ManifestFile(key="001-t.csv.gz", kind="csv", rows=2, bytes=len(CSV), sha256=hashlib.sha256(CSV).hexdigest())
    columns = (ManifestColumn(name="id", type="integer", written_as="number"),)
    table = ManifestTable(name="t", rows=2, columns=columns, files=(file,))
    manifest = Manifest(title="Data export", started=NOON, finished=NOON, tables=(table,), rows=2, bytes=len(CSV))
    (tmp_path / "manifest.json").write_text(manifest.text, encoding="utf-8")
    (tmp_path / "001-t.csv.gz").write_bytes(CSV)
    return tmp_path


def test_a_complete_download_is_said_to_be_complete(download: Path) -> None:
    result = CliRunner().invoke(app, ["export", "verify", str(download)])
    assert result.exit_code == 0
    assert "Complete" in result.stdout
    assert "1 file of 1 table, 2 rows" in result.stdout


def test_each_trouble_is_a_sentence_and_the_status_is_1(download: Path) -> None:
    (download / "001-t.csv.gz").unlink()
    (download / "[bold]odd.txt").touch()
    result = CliRunner().invoke(app, ["export", "verify", str(download)])
    assert result.exit_code == 1
    assert "- 001-t.csv.gz is missing." in result.stdout
    assert "- [bold]odd.txt is not in the manifest" in result.stdout


def test_programs_get_the_troubles_by_their_codes(download: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (download / "001-t.csv.gz").write_bytes(CSV + b"x")
    with pytest.raises(SystemExit) as ended:
        main(["export", "verify", str(download), "--json"])
    assert ended.value.code == 1
    found = json.loads(capsys.readouterr().out)
    assert found["complete"] is False
    assert [(trouble["file"], trouble["code"]) for trouble in found["troubles"]] == [("001-t.csv.gz", "wrong_size")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "export_manifest_missing"),
        ("{}", "export_manifest_unreadable"),
        ('{"format_version": 2}', "export_manifest_newer"),
    ],
)
def test_a_manifest_that_is_no_use_is_a_refusal(
    download: Path, capsys: pytest.CaptureFixture[str], content: str | None, code: str
) -> None:
    manifest = download / "manifest.json"
    manifest.unlink() if content is None else manifest.write_text(content, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["export", "verify", str(download), "--json"])
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code


def test_a_directory_that_does_not_exist_is_a_wrong_call(download: Path) -> None:
    assert CliRunner().invoke(app, ["export", "verify", str(download / "nowhere")]).exit_code == 2
