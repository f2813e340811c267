"""Days and months on the command line, YYYY-MM-DD and YYYY-MM, and ends of access; anything else is a wrong call."""

from datetime import date
from typing import Annotated, Any

import typer

from domain.civil_dates import DateMalformed, parse_day
from domain.vocabulary import Termination


def day(text: str) -> date:
    """Return the civil date that a person wrote."""
    try:
        return parse_day(text)
    except DateMalformed as refusal:
        raise typer.BadParameter(refusal.message) from None


def termination(text: str) -> date | Termination:
    """Return the end of access that a person asked for: its last day, or a way without a date."""
    return Termination(text) if text in (Termination.NOW, Termination.END_OF_TERM) else day(text)


def line_end(text: str) -> date | Termination:
    """Return the end of a line that a person asked for: its last day, or the earliest that its terms allow."""
    return Termination.END_OF_TERM if text == Termination.END_OF_TERM else day(text)


def month(text: str) -> date:
    """Return the first day of the month that a person wrote as YYYY-MM."""
    try:
        return parse_day(f"{text.strip()}-01")
    except DateMalformed:
        raise typer.BadParameter(f"{text!r} is not a month: write YYYY-MM, for example 2026-11.") from None


Day = Annotated[date, typer.Option(parser=day, metavar="YYYY-MM-DD", show_default=False)]
OptionalDay = Annotated[date | None, typer.Option(parser=day, metavar="YYYY-MM-DD", show_default=False)]
TerminationOption = Annotated[
    Any,  # Typer knows no union of types
    typer.Option(
        "--terminate-on",
        parser=termination,
        metavar="YYYY-MM-DD|now|end_of_term",
        show_default=False,
        help="The last day of access; or at once, or with the last line.",
    ),
]
