"""``offramp quote``: the consequences of cancelling, with nothing started."""

from typing import Annotated

import typer

from contract import Proposal
from domain.civil_dates import day_text
from domain.lines.quote import LineQuote, Quote
from domain.vocabulary import Termination
from domain.words import sentence
from starter.cli.days import OptionalDay, TerminationOption
from starter.cli.output import JsonOption, print_json, say
from starter.cli.service import SubscriptionArgument, with_records


def quote_command(
    subscription: SubscriptionArgument,
    received_on: OptionalDay = None,
    terminate_on: TerminationOption = None,
    *,
    goodwill: Annotated[
        bool, typer.Option("--goodwill", help="Ignore the deadline, on lines of the customer.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what cancelling a subscription would mean: access, billing per line, credit memos needed, and why.

    Received today in the organization's zone, unless a day is given; on a day in the past, lines are taken as they were then.
    """
    quote = with_records(
        lambda service: service.cancellations.quote(
            subscription, received_on=received_on, terminate_on=terminate_on, goodwill=goodwill
        )
    )
    if as_json:
        print_json(quote)
    else:
        say_quote(quote)


def say_quote(quote: Quote) -> None:
    """Print a quote for a person: a block for each line, with every step that led to its end."""
    received = f"received on {day_text(quote.received_on)}"
    if quote.line is None:
        say(f"Cancelling [bold]{quote.subscription}[/], {received}: access {_access(quote)}.")
    else:
        say(f"Cancelling line [bold]{quote.line}[/] alone, {received}: {quote.subscription} and its access go on.")
    if quote.ended_on is not None:
        say(f"[bold]It has ended already[/]: access worked through {day_text(quote.ended_on)}.")
    if not quote.lines:
        say("No line is open, so nothing more is billed." if quote.line is None else "The line has ended already.")
    for line in quote.lines:
        say()
        _say_end(line)
        for step in line.decision.explanation:
            say(sentence(step.text), first="  - ")
        say(f"Received one day later: {_one_day_later(line)}.", first="  - ")
        if line.credit_memos:
            since = f", from {day_text(line.credit_from)} on" if line.credit_from else ""
            say(f"Billed beyond the end: credit memos first for {', '.join(line.credit_memos)}{since}.", first="  - ")
    if quote.alternatives:
        say()
        say("Alternatives:")
        for other in quote.alternatives:
            say(sentence(other.statement.text), first="  - ")
    if quote.credit_memos:
        say()
        say(f"Credit memos are needed first, in this order: [bold]{', '.join(quote.credit_memos)}[/]")


def say_quote_in_short(quote: Quote) -> None:
    """Print the end of billing for each line, and the command that explains it."""
    say("Billing:")
    for line in quote.lines:
        _say_end(line, first="  - ")
    named = quote.termination is Termination.ON_DATE
    wish = str(quote.access_ends_on if named else quote.termination)
    goodwill = " --goodwill" if quote.goodwill else ""
    say(
        f"Why: [cyan]offramp quote {quote.subscription} --received-on {quote.received_on} --terminate-on {wish}{goodwill}[/]",
        first="  ",
    )


def say_line_quote_in_short(quote: Quote) -> None:
    """Print the end of a line that is cancelled alone, and the command that explains it."""
    for line in quote.lines:
        _say_end(line)
    wish = f" --terminate-on {quote.access_ends_on}" if quote.termination is Termination.ON_DATE else ""
    goodwill = " --goodwill" if quote.goodwill else ""
    say(f"Why: [cyan]offramp lines quote {quote.line} --received-on {quote.received_on}{wish}{goodwill}[/]", first="  ")


def say_proposal(proposal: Proposal, command: str) -> None:
    """Print what a goodwill would do, and the command that approves exactly that."""
    say("With the goodwill, once it is approved:")
    for line in proposal.quote.lines:
        _say_end(line, first="  - ")
        if line.credit_memos:
            say(f"credit memos for {', '.join(line.credit_memos)}", first="    ")
    say(
        f"Approve it as a second person: [cyan]offramp {command} --proposal {proposal.digest} --reason REASON[/]",
        first="  ",
    )


def _access(quote: Quote) -> str:
    if quote.termination is Termination.NOW:
        return "ends [bold]at once[/]"
    return f"works through [bold]{day_text(quote.access_ends_on)}[/]"


def _say_end(line: LineQuote, first: str = "") -> None:
    decision = line.decision
    late = "" if decision.in_due_time else " (the deadline was missed)"
    say(
        f"[bold]{decision.line_id}[/], {line.partner}: billing ends on [bold]{day_text(decision.end_date)}[/]{late}",
        first=first,
    )


def _one_day_later(line: LineQuote) -> str:
    later = line.decision.one_day_later
    if later is None:
        return "refused"
    return "the same end" if later == line.decision.end_date else f"billing ends on {day_text(later)}"
