"""Notices of the update of line dates: what systems hear of the lines that a run has closed or rolled."""

from datetime import date

from pydantic import BaseModel, ConfigDict

from domain.lines.line import Partner


class ChangedLine(BaseModel):
    """One line, with its dates after the run."""

    model_config = ConfigDict(frozen=True)

    id: str
    subscription: str
    partner: Partner
    contract: str | None
    term_until: date | None
    cancellation_possible_until: date | None
    end_date: date | None


class LineDatesFacts(BaseModel):
    """The facts of a message about lines that one run of the update has closed, or rolled."""

    model_config = ConfigDict(frozen=True)

    run: str
    """The run, as the audit trail names it."""
    as_of: date
    """The day as of which all of the lines were updated."""
    lines: tuple[ChangedLine, ...]
    """Up to 1,000 of them; those that remain are in another message."""
