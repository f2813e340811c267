"""``offramp audit``: whether the audit trail is as it was written."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from domain.civil_dates import count_text
from starter.cli.output import REFUSED, JsonOption, print_json, say
from starter.cli.service import with_records

if TYPE_CHECKING:
    from domain.audit_seals import AuditVerification

audit_app = typer.Typer(help="Verify the seals on the audit trail, and show their head.", no_args_is_help=True)


@audit_app.command()
def verify(
    *,
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="SEAL:DIGEST", help="A head that was kept elsewhere: it must be in the chain."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Calculate every seal on the audit trail anew. Exit status 1 says that an entry or a seal was changed or is missing."""
    found = with_records(lambda service: service.audit.verify(head))
    if as_json:
        print_json(found)
    else:
        _say(found)
    if not found.holds:
        raise typer.Exit(REFUSED)


@audit_app.command()
def head(*, as_json: JsonOption = False) -> None:
    """Show the head of the chain of seals. Keep it elsewhere: it proves later that nothing before it was changed."""
    newest = with_records(lambda service: service.audit.head())
    if as_json:
        print_json(newest)
    else:
        say(escape(str(newest)) if newest else "Nothing is sealed yet; the reconciliation does it every hour.")


def _say(found: "AuditVerification") -> None:
    for broken in found.broken:
        say(escape(f"seal {broken.seal}: {broken.why}"), first="  - ")
    sealed = f"{found.entries} entries under {count_text(found.seals, 'seal')}"
    since = f", {found.unsealed} since" if found.unsealed else ""
    verdict = "[bold green]The audit trail is as" if found.holds else "[bold red]The audit trail is not as"
    say(f"{verdict} it was sealed[/]: {sealed}{since}.")
    if found.newest:
        say(escape(f"Head: {found.newest}"))
