"""The order of imports, as far as import-linter cannot see it, and the length of files."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("starter", "workflows", "activities", "records", "runtime", "storage", "contract", "domain")

TOO_LONG = 300
READ_BY_PEOPLE = (".py", ".j2", ".html", ".css")
GENERATED = "clients/python/offramp_client/generated/"
"""What a command writes is looked up, and not read in one go."""
EXEMPT = {
    "storage/schema/versions/0001_foundation.py": "released: a migration is never changed afterwards",
}
"""Files of 300 lines or more, and the reason for each."""


def imported_by(source: Path) -> set[str]:
    """The top-level names of everything that a file imports."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    names = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("layer", LAYERS)
def test_nothing_imports_the_worker(layer: str) -> None:
    sources = sorted((ROOT / layer).rglob("*.py"))
    assert sources
    assert [source for source in sources if "worker" in imported_by(source)] == []


def test_the_worker_knows_no_door() -> None:
    """The process that carries cases has none of the command line, the pages or the local stack in it."""
    assert imported_by(ROOT / "worker.py") >= {"workflows", "activities", "runtime"}
    assert "starter" not in imported_by(ROOT / "worker.py")


def test_no_http_client_keeps_cookies() -> None:
    """One client asks several parties: what one of them answers must not go to another one."""
    makers = ("Client", "AsyncClient")
    calls = [
        (source, node)
        for folder in (*LAYERS, "clients")
        for source in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in [f"httpx.{maker}" for maker in makers]
    ]
    assert len(calls) >= 8
    assert [
        f"{source.relative_to(ROOT)}:{node.lineno}"
        for source, node in calls
        if ("cookies", "no_cookies()") not in [(each.arg, ast.unparse(each.value)) for each in node.keywords]
    ] == []


def test_no_file_is_too_long_to_be_read_in_one_go() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = {
        name
        for name in tracked.stdout.split("\0")
        if name.endswith(READ_BY_PEOPLE) and (ROOT / name).is_file() and not name.startswith(GENERATED)
    }
    lengths = {name: len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in files}
    assert "worker.py" in lengths
    assert {name for name, lines in lengths.items() if lines >= TOO_LONG} == EXEMPT.keys()
