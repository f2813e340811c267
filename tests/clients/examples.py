"""The examples in other languages as programs, built where they have to be, and run as their readers run them."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "clients" / "examples"
LANGUAGES = ("shell", "typescript", "java", "go", "csharp")
TO_INSTALL = {
    "shell": "curl, jq and openssl",
    "typescript": "`npm install` in its directory, or a Node 22 that takes types away",
    "java": "a JDK from 17 on",
    "go": "Go from 1.19 on",
    "csharp": "the SDK of .NET 8, or Mono with its compiler",
}


@cache
def program(language: str, built: Path) -> list[str] | None:
    """The command of an example, compiled where it has to be; None where there is nothing to run it."""
    if language == "shell":
        return [str(EXAMPLES / "shell" / "offramp-api")] if all(map(shutil.which, ("curl", "jq", "openssl"))) else None
    if language == "java":
        if not shutil.which("javac"):
            return None
        subprocess.run(["javac", "-Xlint:all", "-Werror", "-d", built, EXAMPLES / "java" / "Offramp.java"], check=True)
        return ["java", "-cp", str(built), "Offramp"]
    if language == "go":
        if not shutil.which("go"):
            return None
        subprocess.run(["go", "build", "-o", built / "offramp", "."], cwd=EXAMPLES / "go", check=True)
        return [str(built / "offramp")]
    return csharp(built) if language == "csharp" else typescript(built)


def csharp(built: Path) -> list[str] | None:
    if shutil.which("dotnet"):
        subprocess.run(["dotnet", "build", "-o", built / "csharp", EXAMPLES / "csharp"], check=True)
        return ["dotnet", str(built / "csharp" / "offramp.dll")]
    if not shutil.which("mcs") or not shutil.which("mono"):
        return None
    program, parts = (
        built / "offramp.exe",
        ("System.Net.Http.dll", "System.Runtime.Serialization.dll", "System.Xml.dll"),
    )
    source = EXAMPLES / "csharp" / "Program.cs"
    subprocess.run(["mcs", "-warnaserror", f"-out:{program}", *(f"-r:{part}" for part in parts), source], check=True)
    return ["mono", str(program)]


def typescript(built: Path) -> list[str] | None:
    source = str(EXAMPLES / "typescript" / "offramp.ts")
    if not shutil.which("node"):
        return None
    compiler = EXAMPLES / "typescript" / "node_modules" / ".bin" / "tsc"
    if compiler.exists():
        subprocess.run([compiler, "-p", EXAMPLES / "typescript", "--outDir", built / "typescript"], check=True)
        (built / "typescript" / "package.json").write_text('{"type": "module"}')
        return ["node", str(built / "typescript" / "offramp.js")]
    strips = subprocess.run(["node", "--experimental-strip-types", "--version"], capture_output=True, check=False)
    return ["node", "--experimental-strip-types", "--no-warnings", source] if strips.returncode == 0 else None


@pytest.fixture(params=LANGUAGES)
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    command = program(request.param, tmp_path_factory.getbasetemp())
    if command is None:
        pytest.skip(f"The example in {request.param} needs {TO_INSTALL[request.param]}.")
    return command


async def run(command: list[str], *arguments: str, env: Mapping[str, str], body: bytes = b"") -> tuple[int, str, str]:
    """The exit status of a program, and what it has written."""
    process = await asyncio.create_subprocess_exec(
        *command,
        *arguments,
        env={**os.environ, **env},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(body), 120)
    return process.returncode or 0, out.decode(), err.decode()


def lines(pairs: Mapping[str, str]) -> bytes:
    return "".join(f"{name}={value}\n" for name, value in pairs.items()).encode()


def recorded(programs: Sequence[str], directory: Path, path: str) -> str:
    """A PATH on which programs write their arguments down, each to a file of its name, and then do what they do."""
    directory.mkdir()
    for name in programs:
        program = shutil.which(name, path=path)
        assert program, name
        script = directory / name
        script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>"{directory}/{name}.arguments"\nexec "{program}" "$@"\n')
        script.chmod(0o700)
    return f"{directory}{os.pathsep}{path}"


async def asked(
    command: list[str], *arguments: str, env: Mapping[str, str], given: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The answer to a command that is given pairs, one a line."""
    status, out, err = await run(command, *arguments, env=env, body=lines(given or {}))
    assert status == 0, err
    found: dict[str, Any] = json.loads(out)
    return found
