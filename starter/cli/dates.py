"""``offramp dates``: the date rules for lines from any source, with no service running.

Subscription lines come in as JSON Lines and go out the same way, one line in memory at a time. Fields are those of
`domain.lines.line.SubscriptionLine`; unknown fields pass through, and the order of fields stays. A line that is refused
becomes ``{"id": …, "error": {"code": …, "message": …}}``, and the others are processed all the same.
"""

import os
import sys
from collections.abc import Callable
from datetime import date
from typing import Annotated

import typer

from domain.lines.decision import decide as decide_line
from domain.lines.line import SubscriptionLine
from domain.lines.terms import first_calculation, update_as_of
from domain.refusals import Refusal
from starter.cli.days import Day, OptionalDay
from starter.cli.json_lines import decode, encode
from starter.cli.output import REFUSED

Fields = dict[str, object]

dates_app = typer.Typer(
    name="dates",
    help="Calculate, update or decide the dates of subscription lines: JSON Lines in, JSON Lines out.",
    no_args_is_help=True,
)


@dates_app.command()
def calculate() -> None:
    """Calculate the end date, term until and cancellation possible until, as for new lines."""

    def fields(line: SubscriptionLine) -> Fields:
        return _dates(first_calculation(line))

    _answer_each_line(fields)


@dates_app.command()
def update(as_of: Day) -> None:
    """Close and roll lines as the nightly update does on a day; `action` says which: closed, rolled or unchanged."""

    def fields(line: SubscriptionLine) -> Fields:
        updated = update_as_of(line, as_of)
        return {**_dates(updated.line), "closed": updated.line.closed, "action": updated.action}

    _answer_each_line(fields)


@dates_app.command()
def decide(
    received_on: Day,
    terminate_on: OptionalDay = None,
    goodwill: Annotated[bool, typer.Option("--goodwill", help="Ignore the deadline.")] = False,
) -> None:
    """Decide when each line ends if its cancellation is received on a day; `explanation` says why."""

    def fields(line: SubscriptionLine) -> Fields:
        decision = decide_line(line, received_on, terminate_on, goodwill=goodwill)
        return decision.model_dump(mode="json", exclude={"line_id"})

    _answer_each_line(fields)


def _dates(line: SubscriptionLine) -> Fields:
    """Return the three dates that a calculation may change, in ISO 8601."""

    def iso(day: date | None) -> str | None:
        return None if day is None else day.isoformat()

    return {
        "term_until": iso(line.term_until),
        "cancellation_possible_until": iso(line.cancellation_possible_until),
        "end_date": iso(line.end_date),
    }


def _answer_each_line(answer: Callable[[SubscriptionLine], Fields]) -> None:
    """Read, answer and write every line of standard input; exit status 1 if any was refused."""
    refused = False
    output = sys.stdout.buffer
    try:
        for number, raw in enumerate(sys.stdin.buffer, start=1):
            if raw.isspace():
                continue
            fields: Fields = {}
            try:
                fields = decode(raw, number)
                fields |= answer(SubscriptionLine.read(fields))
            except Refusal as refusal:
                refused = True
                fields = {"id": fields.get("id"), "error": _error(refusal)}
            output.write(encode(fields))
        output.flush()
    except BrokenPipeError:  # the reader has seen enough, as in `| head`; keep Python quiet when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if refused:
        raise typer.Exit(REFUSED)


def _error(refusal: Refusal) -> Fields:
    return refusal.details.model_dump(mode="json", exclude_defaults=True)
