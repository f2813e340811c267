"""``offramp login`` and ``offramp logout``: a token for the HTTP API, with which all other commands then ask it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from domain.principals import Role
from starter.cli.output import JsonOption, error_console, print_json, say
from starter.cli.service import default_actor

if TYPE_CHECKING:
    from starter.remote.login import Prompt
    from starter.remote.sessions import Session


def login(
    url: Annotated[str, typer.Argument(metavar="URL", help="The address of the API, as in https://offramp.example.")],
    *,
    client_id: Annotated[
        str, typer.Option("--client-id", metavar="ID", help="The public client that the issuer knows this program as.")
    ] = "offramp-cli",
    token_file: Annotated[
        str | None,
        typer.Option("--token-file", metavar="FILE", help="Take a token from a file, or - for standard input."),
    ] = None,
    role: Annotated[
        list[Role] | None, typer.Option("--role", help="At a local stack: what you may do; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Log in at an API with a browser; from then on every command asks it, as the person who logged in.

    A database that the environment names goes first: on the machine of the service nothing changes.
    """
    from starter.remote.login import log_in
    from starter.remote.sessions import Session, checked, keep

    if token_file is not None:
        session = Session(url=checked(url), token=_token(token_file))
    elif _is_local_stack(url):
        session = _at_local_stack(checked(url), role or [Role.ADMIN])
    else:
        session = log_in(url, client_id, lambda prompt: _prompt(url, prompt))
    file = keep(session)
    if as_json:
        print_json({"url": session.url, "session": str(file)})
    else:
        say(f"Logged in at [bold]{escape(session.url)}[/]. `offramp logout` forgets it.")


def logout(*, as_json: JsonOption = False) -> None:
    """Forget the login: the token is removed from this machine."""
    from starter.remote.sessions import forget

    forgotten = forget()
    if as_json:
        print_json({"forgotten": forgotten})
    else:
        say("Logged out." if forgotten else "Nobody was logged in.")


def _prompt(url: str, prompt: "Prompt") -> None:
    text = (
        f"Open {escape(prompt.address)} and check that it shows the code [bold]{escape(prompt.code)}[/]. Whoever runs "
        f"[bold]{escape(url)}[/] then gets a token of yours."
    )
    say(text, to=error_console)


def _token(file: str) -> str:
    if file == "-":
        return sys.stdin.read().strip()
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="--token-file") from None


def _is_local_stack(url: str) -> bool:
    """Return true for the API of the stack that runs in the data directory: no other one gets a token of its issuer."""
    from urllib.parse import urlsplit

    from starter.local import HOST
    from starter.local.environment import running_stack

    port = running_stack().get("OFFRAMP_API_PORT")
    return port is not None and (urlsplit(url).hostname, str(urlsplit(url).port)) == (HOST, port)


def _at_local_stack(url: str, roles: list[Role]) -> "Session":
    from datetime import timedelta

    from starter.local.data_directory import DataDirectory, chosen_data_directory
    from starter.local.issuer import token
    from starter.remote.sessions import Session

    data = DataDirectory(chosen_data_directory())
    return Session(url=url, token=token(data, subject=default_actor(), roles=roles, lasts=timedelta(days=30)))
