"""Names in backticks exist: commands, files, modules, names, variables, targets of make."""

import importlib
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from starter.cli.lazy_group import loaded
from starter.cli.main import COMMANDS
from tests.deployment.files import settings_variables, variables_in_code
from tests.docs.code_spans import DOCUMENTS, ROOT, Span, console_lines, spans
from tests.support.commands import all_commands

PACKAGES = (
    "activities",
    "bench",
    "contract",
    "domain",
    "records",
    "runtime",
    "starter",
    "storage",
    "tests",
    "workflows",
)
SOURCES = [ROOT / "worker.py", *(path for package in (*PACKAGES, "clients") for path in (ROOT / package).rglob("*.py"))]
NOT_OURS = {
    *("DateStyle", "IntervalStyle", "max_locks_per_transaction"),
    *("temporal_visibility", "temporal_workflow_task_execution_failed", "prometheus_client"),
}
"""Settings of PostgreSQL, a database and a metric of Temporal's, and a library that is not taken."""
MADE_BY_OPERATORS = {"secrets/", "docker-compose.override.yml"}
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def parse(words: list[str]) -> None:
    """Parse a call as ``offramp`` does, and run nothing."""
    command: Any = loaded(words[0], COMMANDS[words[0]])
    context = command.make_context(words[0], words[1:])
    while isinstance(command, TyperGroup):
        name, child, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert child is not None
        context = child.make_context(name, rest, parent=context)
        command = child


def misnamed(words: list[str]) -> list[str]:
    """The words and options of a call, with or without arguments, that ``offramp`` does not know."""
    known = {path[:length] for path, _ in all_commands() for length in range(1, len(path) + 1)}
    path: tuple[str, ...] = ()
    for word in words:
        if not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        path = (*path, word)
    if path not in known:
        return [" ".join(path)]
    options = {
        option
        for command_path, command in all_commands()
        if command_path[: len(path)] == path
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    return [word for word in words if word.startswith("--") and word.partition("=")[0] not in options]


def test_every_command_in_a_console_block_parses() -> None:
    calls = [span for span in console_lines() if span.text.startswith("offramp ")]
    wrong = []
    for span in calls:
        try:
            parse(shlex.split(re.split(r"\s[<|>]", span.text)[0])[1:])
        except (typer.TyperException, KeyError) as error:
            wrong.append(f"{span} ({error!r})")
    assert calls
    assert wrong == []


def test_a_wrong_call_would_be_found() -> None:
    with pytest.raises(typer.TyperException):
        parse(["cancellations", "answer", "SUB-1", "--colour", "red"])
    assert misnamed(["cancellations", "strat"]) == ["cancellations strat"]
    assert misnamed(["cancellations", "list", "--colour"]) == ["--colour"]


def test_every_command_in_backticks_exists_with_its_options() -> None:
    calls = [span for span in spans() if span.text.startswith("offramp ")]
    assert calls
    assert [str(span) for span in calls if misnamed(span.text.split()[1:])] == []


def test_every_file_in_backticks_exists() -> None:
    wrong = []
    for span in spans():
        match = re.fullmatch(r"([\w.-]+/)*[\w.-]+\.(py|md|toml|yml|lock)|([\w.-]+/)+[\w.-]*", span.text)
        if match and span.text not in MADE_BY_OPERATORS and not _exists(span):
            wrong.append(str(span))
    assert wrong == []


def _exists(span: Span) -> bool:
    path, here = Path(span.text), (ROOT / span.document).parent
    if path.parts[0] not in _names_at_the_top() and len(path.parts) == 1:
        return any(ROOT.glob(f"*/**/{path}")) or (here / path).exists()
    outside = path.parts[0] not in _names_at_the_top() and not span.text.endswith((".py", ".md"))
    return outside or (ROOT / path).exists() or (here / path).exists()


@cache
def _names_at_the_top() -> frozenset[str]:
    return frozenset(path.name for path in ROOT.iterdir())


def test_every_dotted_name_in_backticks_leads_to_something() -> None:
    dotted = [
        span for span in spans() if re.fullmatch(rf"({'|'.join((*PACKAGES, 'worker'))})(\.\w+)+(\(.*\))?", span.text)
    ]
    assert [str(span) for span in dotted if not _leads_to_something(span.text.partition("(")[0])] == []


def _leads_to_something(dotted: str) -> bool:
    if (ROOT / dotted).is_file():
        return True
    names = dotted.split(".")
    found: Any = importlib.import_module(names[0])
    for index, name in enumerate(names[1:], start=2):
        if hasattr(found, name):
            found = getattr(found, name)
            continue
        try:
            found = importlib.import_module(".".join(names[:index]))
        except ModuleNotFoundError:
            return False
    return True


def test_every_name_of_ours_in_backticks_is_in_the_code() -> None:
    """Names of two words or more: CamelCase, snake_case and calls; one word may be anybody's."""
    words = {word for path in SOURCES for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    wrong = []
    for span in spans():
        name = re.fullmatch(r"(_?[a-zA-Z]\w*)(\(.*\))?", span.text)
        if name and re.search(r"[a-z0-9][A-Z]|[a-z]_[a-z]", name[1]) and name[1] not in words | NOT_OURS:
            wrong.append(str(span))
    assert wrong == []


def test_every_variable_in_backticks_configures_something() -> None:
    known = variables_in_code() | set(settings_variables())
    named = [(span, match[0]) for span in spans() if (match := re.match(r"OFFRAMP_[A-Z_]+", span.text))]
    assert named
    assert [str(span) for span, name in named if name not in known] == []


def test_every_target_of_make_in_backticks_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = [
        (span, match[1]) for span in (*spans(), *console_lines()) if (match := re.match(r"make ([a-z-]+)$", span.text))
    ]
    assert named
    assert [str(span) for span, name in named if name not in targets] == []


def rooms() -> list[str]:
    """Every package of the house and every package in it, as the architecture names them."""
    packages = [path for path in ROOT.iterdir() if (path / "__init__.py").is_file()]
    inner = [path for package in packages if package.name != "tests" for path in package.iterdir()]
    return sorted({path.name for path in (*packages, *inner) if path.is_dir() and any(path.glob("*.py"))})


@pytest.mark.parametrize("room", rooms())
def test_the_architecture_names_every_room(room: str) -> None:
    assert f"`{room}/`" in ARCHITECTURE


def test_the_documents_are_found() -> None:
    assert {"README.md", "CONTRIBUTING.md", "architecture.md"} <= {document.name for document in DOCUMENTS}
