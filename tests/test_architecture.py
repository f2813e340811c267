"""The order of imports, as far as import-linter cannot see it: worker.py is a module, and it stands on top."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("starter", "workflows", "activities", "records", "runtime", "storage", "contract", "domain")


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
