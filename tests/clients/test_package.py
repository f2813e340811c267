"""The package of the Python client: a wheel of its own, which needs httpx and pydantic, and nothing of the service."""

import ast
import email
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from offramp_client import AsyncClient, Client
from tests.test_architecture import LAYERS

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "clients" / "python"
DECLARED = {"httpx", "pydantic"}


def needed(names: set[str]) -> Iterator[Distribution]:
    """The distributions with these names, and all that they need here."""
    ahead, seen = sorted(names), set(names)
    while ahead:
        found = distribution(ahead.pop())
        yield found
        for line in found.requires or ():
            requirement = Requirement(line)
            if requirement.name not in seen and (
                requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            ):
                seen.add(requirement.name)
                ahead.append(requirement.name)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)], cwd=PROJECT, check=True
    )
    [found] = built.glob("*.whl")
    return found


def test_the_wheel_has_its_types_and_requires_httpx_and_pydantic_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        [metadata] = [name for name in names if name.endswith("/METADATA")]
        described = email.message_from_bytes(opened.read(metadata))
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"offramp_client"}
    assert "offramp_client/py.typed" in names
    assert {Requirement(line).name for line in described.get_all("Requires-Dist", [])} == DECLARED


def test_it_works_where_nothing_of_the_service_is_installed(wheel: Path, tmp_path: Path) -> None:
    """An interpreter without this environment's packages, but the wheel and what it declares."""
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path)
    for found in needed(DECLARED):
        for file in {Path(file.parts[0]) for file in found.files or () if ".." not in file.parts}:
            place = Path(str(found.locate_file(file)))
            if place.exists() and file.name != "__pycache__" and not (tmp_path / file).exists():
                (tmp_path / file).symlink_to(place)
    program = f"""
import sys
sys.path[:0] = [{str(tmp_path)!r}]
import offramp_client
with offramp_client.Client("https://offramp.example", "token") as client:
    assert client.cancellations.start
assert offramp_client.AsyncClient
for name in ("temporalio", "sqlalchemy", "fastapi", "domain", "starter", "standardwebhooks"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{{name}} is here")
print(offramp_client.__file__)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))


def test_nothing_of_the_service_is_imported() -> None:
    allowed = {"offramp_client", "httpx", "pydantic", "pydantic_core"} | sys.stdlib_module_names
    sources = sorted((PROJECT / "offramp_client").rglob("*.py"))
    assert sources
    for source in sources:
        tree = ast.parse(source.read_text(encoding="utf-8"))
        names = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {name.partition(".")[0] for name in names} <= allowed, source


def test_its_version_is_that_of_the_service_and_the_service_has_nothing_of_it() -> None:
    service = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    client = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    assert client["project"]["version"] == service["project"]["version"]
    packaged = service["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert set(packaged) == {*LAYERS, "worker.py"}


def test_the_program_in_its_readme_is_right_python_of_methods_that_there_are() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert programs
    clients = [Client("https://offramp.example", "t"), AsyncClient("https://offramp.example", "t")]
    for program in programs:
        compile(program, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for area, method in re.findall(r"client\.(\w+)\.(\w+)\(", program):
            assert all(callable(getattr(getattr(client, area), method)) for client in clients)
