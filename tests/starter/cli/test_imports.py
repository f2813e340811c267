"""``offramp import`` as people and programs call it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from starter.sample import sample_document
from storage.rights import DatabaseRole
from tests.support.command_line import Called, CommandLine
from tests.support.databases import as_role
from tests.support.ports import free_port

ROOT = Path(__file__).parents[3]


def offramp(*arguments: str, url: str) -> Called:
    return CommandLine({**environment_of(url), "COLUMNS": "200"}).call("import", *arguments)


def piped(content: bytes, *arguments: str, url: str) -> subprocess.CompletedProcess[bytes]:
    """The same in a process of its own, which is given a document through its standard input."""
    return subprocess.run(
        [sys.executable, "-c", "from starter.cli.main import main; main()", "import", "-", *arguments],
        input=content,
        capture_output=True,
        env={**os.environ, **environment_of(url)},
        check=False,
        timeout=60,
    )


def environment_of(url: str) -> dict[str, str]:
    return {"OFFRAMP_DATABASE_URL": url, "OFFRAMP_ACTOR": "importer"}


def example() -> dict[str, Any]:
    """The example of the documentation."""
    text = (ROOT / "docs" / "import-format.md").read_text(encoding="utf-8")
    found = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    return document


def written(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "document.json"
    path.write_bytes(content)
    return str(path)


def test_the_example_of_the_documentation_is_imported_and_audited(tmp_path: Path, database_url: str) -> None:
    result = offramp(written(tmp_path, json.dumps(example()).encode()), url=as_role(database_url, DatabaseRole.CALLERS))
    assert result.status == 0, result.err
    assert "Imported: 16 created, 0 changed, 0 unchanged." in result.out
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        audited = connection.execute("SELECT actor, action, why FROM audit_trail").fetchall()
    assert audited == [("importer", "import.done", "import of document.json")]


def test_the_sample_comes_from_standard_input_and_its_report_is_json(database_url: str) -> None:
    first = piped(sample_document(), "--json", url=as_role(database_url, DatabaseRole.CALLERS))
    again = piped(sample_document(), "--json", url=as_role(database_url, DatabaseRole.CALLERS))
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert json.loads(first.stdout)["kinds"]["subscriptions"] == {"created": 18, "changed": 0, "unchanged": 0}
    assert json.loads(again.stdout)["total"]["changed"] == json.loads(again.stdout)["total"]["created"] == 0


def test_a_refusal_lists_the_problems_for_people(tmp_path: Path, database_url: str) -> None:
    content = b'{"contracts": [{"number": "[bold]", "partner": "vendor"}, {"number": "C-1"}]}'
    result = offramp(written(tmp_path, content), url=as_role(database_url, DatabaseRole.CALLERS))
    assert result.status == 1
    assert result.out == ""
    said = result.err
    assert "Nothing was imported: 2 problems." in said
    assert "contracts[0].number: " in said
    assert "contracts[1].partner: This field must be set. (field_missing)" in said


def test_a_refusal_lists_the_problems_for_programs(tmp_path: Path, database_url: str) -> None:
    result = offramp(
        written(tmp_path, b'{"contracts": [{"number": "C-1"}]}'),
        "--json",
        url=as_role(database_url, DatabaseRole.CALLERS),
    )
    assert result.status == 1
    error = result.json["error"]
    assert error["code"] == "import_malformed"
    assert [(problem["path"], problem["code"]) for problem in error["problems"]] == [
        ("contracts[0].partner", "field_missing")
    ]


def test_a_missing_file_is_a_wrong_call(tmp_path: Path, database_url: str) -> None:
    result = offramp(str(tmp_path / "nowhere.json"), url=as_role(database_url, DatabaseRole.CALLERS))
    assert result.status == 2
    assert "does not exist" in result.err


def test_an_email_address_is_no_actor(tmp_path: Path, database_url: str) -> None:
    result = offramp(
        written(tmp_path, b"{}"), "--actor", "ann@example.com", url=as_role(database_url, DatabaseRole.CALLERS)
    )
    assert result.status == 2


@pytest.mark.parametrize("kind", ["down", "wrong password", "no such database", "no URL"])
def test_a_database_that_cannot_be_used_is_a_refusal_without_password_or_stack_trace(
    tmp_path: Path, database_url: str, kind: str
) -> None:
    url = {
        "down": f"postgresql://offramp:s3cret@127.0.0.1:{free_port()}/offramp",
        "wrong password": re.sub(r":[^:@/]+@", ":s3cret@", database_url),
        "no such database": database_url + "_gone",
        "no URL": "s3cret",
    }[kind]
    result = offramp(written(tmp_path, b"{}"), "--json", url=url)
    assert result.status == 1, result.err
    expected = "database_url_malformed" if kind == "no URL" else "database_unavailable"
    assert result.json["error"]["code"] == expected
    assert result.json["error"]["way_out"]
    for secret in ("s3cret", "Traceback"):
        assert secret not in result.out + result.err


def test_a_database_without_tables_is_a_refusal(tmp_path: Path, postgres_url: str) -> None:
    result = offramp(written(tmp_path, json.dumps(example()).encode()), "--json", url=postgres_url)
    assert result.json["error"]["code"] == "database_not_migrated"
