"""Commands that are imported when they are called: ``offramp --help`` and a wrong call load none of their imports."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True)
class Lazily:
    """One command or group of commands: ``module:attribute``, a function or a `typer.Typer`, and its line of help."""

    place: str
    help: str

    def load(self) -> Any:
        """Import the function or the `typer.Typer`."""
        module, _, attribute = self.place.partition(":")
        return getattr(importlib.import_module(module), attribute)


def lazily_loaded(commands: Mapping[str, Lazily]) -> type[TyperGroup]:
    """Return the class of a group with these commands, in this order."""

    class LazyGroup(TyperGroup):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            for name, command in commands.items():
                self.add_command(TyperCommand(name, help=command.help))

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            """Replace the line of help by the real command when it is called."""
            name, command, rest = super().resolve_command(ctx, args)
            return name, loaded(name, commands[name]) if name and name in commands else command, rest

    return LazyGroup


def loaded(name: str, command: Lazily) -> Any:
    """Return a command as Typer runs it."""
    found = command.load()
    if isinstance(found, typer.Typer):
        group = typer.main.get_group(found)
        group.name = name
        return group
    app = typer.Typer(add_completion=False)
    app.command(name)(found)
    return typer.main.get_command(app)
