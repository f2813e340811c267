"""Days on the command line: YYYY-MM-DD; anything else is a wrong call."""

from datetime import date
from typing import Annotated

import typer

from domain.civil_dates import DateMalformed, parse_day


def day(text: str) -> date:
    """Return the civil date that a person wrote."""
    try:
        return parse_day(text)
    except DateMalformed as refusal:
        raise typer.BadParameter(refusal.message) from None


Day = Annotated[date, typer.Option(parser=day, metavar="YYYY-MM-DD", show_default=False)]
OptionalDay = Annotated[date | None, typer.Option(parser=day, metavar="YYYY-MM-DD", show_default=False)]
