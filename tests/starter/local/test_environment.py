import stat
import subprocess
from pathlib import Path

import pytest

from starter.local.environment import load_local_environment, read_environment, write_environment

STACK = {
    "TEMPORAL_ADDRESS": "127.0.0.1:7233",
    "OFFRAMP_DATABASE_URL": "postgresql+psycopg://u:p@h/d",
    "ODD": "a 'b' $c",
}


@pytest.fixture
def data_directory(tmp_path: Path) -> Path:
    write_environment(tmp_path / "env", STACK)
    return tmp_path


def test_a_running_stack_is_found_in_the_data_directory(data_directory: Path) -> None:
    environ = {"HOME": "/home/ada"}
    assert load_local_environment(data_directory, environ) == STACK
    assert environ == {"HOME": "/home/ada", **STACK}


def test_the_current_directory_is_where_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".offramp").mkdir()
    write_environment(tmp_path / ".offramp" / "env", STACK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OFFRAMP_DATA_DIR", raising=False)
    assert load_local_environment(environ={}) == STACK


def test_a_variable_set_explicitly_wins(data_directory: Path) -> None:
    environ = {"ODD": "mine"}
    load_local_environment(data_directory, environ)
    assert environ["ODD"] == "mine"
    assert environ["TEMPORAL_ADDRESS"] == STACK["TEMPORAL_ADDRESS"]


@pytest.mark.parametrize("variable", ["TEMPORAL_ADDRESS", "OFFRAMP_DATABASE_URL", "TEMPORAL_PROFILE"])
def test_another_installation_is_never_mixed_with_the_local_one(data_directory: Path, variable: str) -> None:
    environ = {variable: "production"}
    assert load_local_environment(data_directory, environ) == {}
    assert environ == {variable: "production"}


def test_no_stack_adds_nothing(tmp_path: Path) -> None:
    assert load_local_environment(tmp_path / "nowhere", {}) == {}


def test_the_file_is_for_its_owner_only_and_a_shell_reads_the_same_values(data_directory: Path) -> None:
    file = data_directory / "env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said = subprocess.run(
        ["/bin/sh", "-c", f'. "{file}"; printf %s "$ODD"'], capture_output=True, text=True, check=True
    )
    assert said.stdout == read_environment(file)["ODD"] == STACK["ODD"]
