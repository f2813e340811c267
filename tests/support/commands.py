"""Every command of ``offramp``, with its parameters, as Typer runs it."""

from collections.abc import Iterator
from typing import Any

from typer.core import TyperCommand, TyperGroup

from starter.cli.lazy_group import loaded
from starter.cli.main import COMMANDS


def all_commands() -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    """Every command that is not a group, by its words: ``("cancellations", "start")``."""
    for name, command in COMMANDS.items():
        yield from _below((name,), loaded(name, command))


def _below(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    if isinstance(command, TyperGroup):
        for name, child in command.commands.items():
            yield from _below((*words, name), child)
    else:
        yield words, command
