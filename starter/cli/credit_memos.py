"""``offramp credit-memos``: take invoices back, newest first."""

from typing import Annotated

import typer
from rich.markup import escape

from starter.cli.output import JsonOption, print_json, say
from starter.cli.service import ActorOption, RequestIdOption, with_service

credit_memos_app = typer.Typer(help="Post credit memos that cancellations wait for.", no_args_is_help=True)


@credit_memos_app.command()
def post(
    invoice: Annotated[str, typer.Argument(metavar="INVOICE", help="The number of the invoice to take back.")],
    *,
    number: Annotated[
        str | None, typer.Option("--number", help="The credit memo's number; default: CM-INVOICE.")
    ] = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Post the credit memo for an invoice; the cancellation that waits for it continues by itself."""
    memo = number or f"CM-{invoice}"
    subscription = with_service(
        lambda service: service.cancellations.post_credit_memo(
            invoice, number=memo, actor=actor, request_id=request_id
        ),
        as_json=as_json,
    )
    if as_json:
        print_json({"credit_memo": memo, "invoice": invoice, "subscription": subscription})
    else:
        say(f"Credit memo [bold]{escape(memo)}[/] takes back {escape(invoice)} of {subscription}.")


@credit_memos_app.callback()
def credit_memos() -> None:
    """Hold the group together while there is one command."""
