"""``offramp credit-memos``: take invoices back, newest first."""

from datetime import date
from typing import Annotated

import typer
from rich.markup import escape

from domain.civil_dates import day_text
from starter.cli import days
from starter.cli.output import JsonOption, print_json, say
from starter.cli.service import ActorOption, RequestIdOption, with_service

credit_memos_app = typer.Typer(help="Post credit memos that cancellations wait for.", no_args_is_help=True)


@credit_memos_app.command()
def post(
    invoice: Annotated[str, typer.Argument(metavar="INVOICE", help="The number of the invoice to take back.")],
    *,
    number: Annotated[
        str | None, typer.Option("--number", help="The credit memo's number; default: CM-INVOICE, or CM-INVOICE-DAY.")
    ] = None,
    credits_from: Annotated[
        date | None,
        typer.Option(
            "--from",
            parser=days.day,
            metavar="DAY",
            help="The first day to take back; the invoice stays billed up to the day before.",
        ),
    ] = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Post the credit memo for an invoice; the cancellation that waits for it continues by itself."""
    memo = number or (f"CM-{invoice}" if credits_from is None else f"CM-{invoice}-{day_text(credits_from)}")
    subscription = with_service(
        lambda service: service.cancellations.post_credit_memo(
            invoice, number=memo, actor=actor, credits_from=credits_from, request_id=request_id
        ),
        as_json=as_json,
    )
    if as_json:
        part = {"credits_from": day_text(credits_from)} if credits_from else {}
        print_json({"credit_memo": memo, "invoice": invoice, **part, "subscription": subscription})
    else:
        since = f", from {day_text(credits_from)} on" if credits_from else ""
        say(f"Credit memo [bold]{escape(memo)}[/] takes back {escape(invoice)} of {subscription}{since}.")


@credit_memos_app.callback()
def credit_memos() -> None:
    """Hold the group together while there is one command."""
