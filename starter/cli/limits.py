"""``offramp limits``: the limits across cases on starts, one-time codes, tries of codes and fresh links."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from domain.civil_dates import count_text
from domain.limits import Limited, LimitScope
from starter.cli.output import JsonOption, console, print_json, say
from starter.cli.service import ActorOption, ReasonOption, RequestIdOption, with_records

if TYPE_CHECKING:
    from records.limit_settings import Limit

limits_app = typer.Typer(
    help="List and set the limits on starts, one-time codes, tries and links, and release what was counted.",
    no_args_is_help=True,
)


class Released(StrEnum):
    """What can be released: an organization's release includes its administrators' addresses."""

    ORGANIZATION = LimitScope.ORGANIZATION.value
    CALLER = LimitScope.CALLER.value


@limits_app.command("list")
def list_(*, as_json: JsonOption = False) -> None:
    """List the limits, each within 24 hours."""
    found = with_records(lambda service: service.limits.list())
    if as_json:
        print_json(found)
    else:
        _print(found)


@limits_app.command("set")
def set_(
    limited: Annotated[Limited, typer.Argument(help="The kind of request that is limited.")],
    scope: Annotated[LimitScope, typer.Argument(help="Whose requests are counted together.")],
    number: Annotated[
        int | None, typer.Argument(min=1, metavar="[NUMBER]", help="How many within 24 hours; left out: any number.")
    ] = None,
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set one limit for the whole installation; it counts at once."""
    from records.limit_settings import Limit

    limit = Limit(limited=limited, scope=scope, number=number)
    done = with_records(lambda service: service.limits.set(limit, actor=actor, reason=reason, request_id=request_id))
    if as_json:
        print_json(done)
    else:
        _print([done])


@limits_app.command()
def release(
    scope: Annotated[Released, typer.Argument(help="Whose limits are released.")],
    subject: Annotated[str, typer.Argument(metavar="NAME", help="The organization's id, or the caller's name.")],
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count nothing more of what was counted until now; by a supervisor, who made none of the requests."""
    done = with_records(
        lambda service: service.limits.release(
            LimitScope(scope.value), subject, actor=actor, reason=reason, request_id=request_id
        )
    )
    if as_json:
        print_json(done)
    else:
        counted = count_text(done.uses, "request")
        say(f"[bold green]Released[/]: {counted} of {done.scope} {escape(done.subject)} no longer count.")


def _print(found: "Sequence[Limit]") -> None:
    from rich.table import Table

    table = Table("Limited", "For each", box=None)
    table.add_column("Within 24 hours", justify="right")
    for limit in found:
        table.add_row(limit.limited, limit.scope, "any number" if limit.number is None else f"{limit.number:,}")
    console.print(table)
