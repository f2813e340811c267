"""``offramp token``: a token of the local stack's own issuer, for its HTTP API."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from domain.principals import Role
from starter.cli import values
from starter.cli.service import default_actor

if TYPE_CHECKING:
    from collections.abc import Sequence


def token(
    role: Annotated[list[Role], typer.Option("--role", help="What the principal may do; may be repeated.")],
    *,
    subject: Annotated[
        str,
        typer.Option(
            "--subject",
            parser=values.actor,
            metavar="NAME",
            default_factory=default_actor,
            show_default="$OFFRAMP_ACTOR or your login name",
            help="Who the principal is, for the audit trail; no e-mail address.",
        ),
    ],
    organization: Annotated[
        list[str] | None,
        typer.Option("--organization", metavar="ID", help="The only organizations that it may see; may be repeated."),
    ] = None,
    hours: Annotated[int, typer.Option("--hours", min=1, max=720, help="How long it is valid.")] = 8,
) -> None:
    """Print a token for the HTTP API of the local stack, and nothing else.

    Elsewhere the configured OpenID Connect issuer gives tokens out.
    """
    from starter.local.data_directory import DataDirectory, chosen_data_directory
    from starter.local.issuer import token as issued

    organizations: Sequence[str] | None = organization or None
    typer.echo(
        issued(
            DataDirectory(chosen_data_directory()),
            subject=subject,
            roles=role,
            organizations=organizations,
            lasts=timedelta(hours=hours),
        )
    )
