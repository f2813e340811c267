"""``offramp quote``: what cancelling would mean, with nothing started."""

from datetime import date

from rich.table import Table
from sqlalchemy.orm import Session

from domain.civil_time import in_words
from domain.lifecycle import SubscriptionUnknown
from domain.quote import Quote
from starter.cli.days import Day, OptionalDay
from starter.cli.output import JsonOption, console, print_json
from starter.cli.service import SubscriptionArgument, database
from storage.cases import quote_subscription
from storage.tables import SubscriptionRow


def quote_command(
    subscription: SubscriptionArgument,
    received_on: Day,
    terminate_on: OptionalDay = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Say what cancelling a subscription would mean: access, billing per line, credit memos needed, and why."""
    quote = _quote(subscription, received_on, terminate_on)
    if as_json:
        print_json(quote)
    else:
        print_quote(quote)


def print_quote(quote: Quote) -> None:
    """Print a quote for a person."""
    console.print(
        f"Cancelling [bold]{quote.subscription}[/], received on {in_words(quote.received_on)}: "
        f"access ends on [bold]{in_words(quote.access_ends_on)}[/].",
        highlight=False,
    )
    table = Table("Line", "Partner", "Billing ends on", "In due time", "Why", "One day later")
    for line in quote.lines:
        decision = line.decision
        table.add_row(
            decision.line_id,
            line.partner,
            in_words(decision.end_date),
            "yes" if decision.in_due_time else "no",
            "\n".join(decision.explanation),
            in_words(decision.one_day_later) if decision.one_day_later else "the same",
        )
    console.print(table)
    if quote.credit_memos:
        console.print(f"Credit memos are needed first, in this order: [bold]{', '.join(quote.credit_memos)}[/]")


def _quote(subscription: str, received_on: date, terminate_on: date | None) -> Quote:
    with database() as engine, Session(engine) as session:
        if session.get(SubscriptionRow, subscription) is None:
            raise SubscriptionUnknown(subscription)
        return quote_subscription(session, subscription, received_on=received_on, wished_on=terminate_on)
