"""The update of subscription line dates as a job: its scope, its progress and its result (rules, section 5)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from domain.civil_dates import CivilDate, day_text
from domain.civil_time import TimeZoneUnknown, day_of, first_day_at, last_day_at
from domain.lines.line import Partner
from domain.refusals import Refusal, RefusedValue
from domain.remedies import Remedy, RemedyKind, correct_input
from domain.requests import CLOCK_SKEW
from domain.words import FOR_AGENTS


class ScopeAmbiguous(Refusal):
    """An update for more than one contract or subscription at once."""

    code = "scope_ambiguous"

    def __init__(self, given: list[str]) -> None:
        super().__init__(
            f"The update was requested for {' and '.join(given)} at once; it runs for one of them, or for every line.",
            remedy=correct_input("Name one contract or one subscription, or none."),
        )


class ContractUnknown(Refusal):
    """A number that no contract on this side of the business has."""

    code = "contract_unknown"

    def __init__(self, number: str, partner: Partner) -> None:
        super().__init__(
            f"There is no {partner} contract {number!r}.", remedy=Remedy.of(RemedyKind.CHECK_NUMBER), contract=number
        )


class DueDayDisagrees(Refusal):
    """The database finds a line due on a day on which the rules leave it alone: a defect, never a matter of data."""

    code = "due_day_disagrees"

    def __init__(self, as_of: date) -> None:
        super().__init__(
            f"The line is due on {day_text(as_of)} by the database, but not by the rules; it was left as it is.",
            remedy=Remedy.of(RemedyKind.REPORT_DEFECT),
            as_of=as_of,
        )


class LineNeverBilled(Refusal):
    """A line past its end date that no update can close: it has no next billing date, so it is not known as fully invoiced."""

    code = "line_never_billed"

    def __init__(self, line: str, end_date: date) -> None:
        super().__init__(
            f"Line {line} ended on {day_text(end_date)} and stays open: without a next billing date it is not known to be "
            "fully invoiced.",
            remedy=correct_input(
                "Import the line with its next billing date: the day after its end date if nothing is owed."
            ),
            line=line,
            end_date=end_date,
        )


class DayNotReached(Refusal):
    """An update as of a day that begins in the future in every time zone: it would take days away from deadlines."""

    code = "day_not_reached"

    def __init__(self, day: date, last_reached: date) -> None:
        super().__init__(
            f"No time zone has reached {day_text(day)}; the last day that one has reached is {day_text(last_reached)}. An "
            "update ahead of its day takes deadlines away.",
            remedy=Remedy.of(RemedyKind.FORCE_RUN, reached=last_reached),
            day=day,
            last_reached=last_reached,
        )


class NightNotReached(Refusal):
    """An update for an instant in the future: some organization would lose the rest of its day."""

    code = "night_not_reached"

    def __init__(self, instant: datetime, now: datetime, zone: str) -> None:
        super().__init__(
            f"The update for {FOR_AGENTS.instant(instant, zone)} is asked for at {FOR_AGENTS.instant(now, zone)}. An update "
            "ahead of its time takes deadlines away.",
            remedy=Remedy.of(RemedyKind.FORCE_RUN, reached=FOR_AGENTS.instant(now, zone)),
            instant=instant.isoformat(),
            now=now.isoformat(timespec="seconds"),
        )


def check_reached(as_of: date | None, instant: datetime, zone: str, now: datetime) -> None:
    """Refuse an update ahead of its day, or without a day of its own, ahead of its instant; ``zone`` is for the words.

    Raises:
        DayNotReached: no zone has reached ``as_of``.
        NightNotReached: ``instant`` is later than now by more than `CLOCK_SKEW`.

    """
    if as_of is None:
        if instant > now + CLOCK_SKEW:
            raise NightNotReached(instant, now, zone)
    elif as_of > (last := last_day_at(now)):
        raise DayNotReached(as_of, last)


@dataclass(frozen=True)
class RunDays:
    """The day that applies to the lines of each organization in a run, by the organization's zone."""

    otherwise: date
    """The day in every other zone."""
    by_zone: dict[str, date] = field(default_factory=dict)

    @classmethod
    def at(cls, instant: datetime, zones: Iterable[str]) -> Self:
        """Return the civil dates of an instant in these zones.

        In a zone that is not known here, or not yet, it is still the earliest day: rolling late is harmless, early is not.
        """
        days = {}
        for zone in zones:
            try:
                days[zone] = day_of(instant, zone)
            except TimeZoneUnknown:
                continue
        return cls(first_day_at(instant), days)

    @property
    def first(self) -> date:
        """The first of the days."""
        return min([self.otherwise, *self.by_zone.values()])

    @property
    def last(self) -> date:
        """The last of the days."""
        return max([self.otherwise, *self.by_zone.values()])


class Scope(BaseModel):
    """The lines that an update covers: those of one contract or of one subscription, or, with nothing set, all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customer_contract: str | None = None
    vendor_contract: str | None = None
    subscription: str | None = None

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if len(given := self._given()) > 1:
            raise RefusedValue(ScopeAmbiguous([f"{name.replace('_', ' ')} {value}" for name, value in given]))
        return self

    def _given(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self if value is not None]

    @property
    def is_everything(self) -> bool:
        """True if it covers every line."""
        return not self._given()

    @property
    def contract(self) -> tuple[str, Partner] | None:
        """The contract and its side, if it covers the lines of a contract."""
        if self.customer_contract is not None:
            return self.customer_contract, Partner.CUSTOMER
        if self.vendor_contract is not None:
            return self.vendor_contract, Partner.VENDOR
        return None

    def __str__(self) -> str:
        """Return the scope in words."""
        return " and ".join(f"{name.replace('_', ' ')} {value}" for name, value in self._given()) or "every line"


class FailedLine(BaseModel):
    """A line that an update, or the restoration of one, left as it was, and the reason."""

    model_config = ConfigDict(frozen=True)

    id: str
    subscription: str
    code: str
    message: str


class LineDatesProgress(BaseModel):
    """The progress of a run of the update, and in the end its result."""

    model_config = ConfigDict(frozen=True)

    run: str
    as_of: CivilDate
    """The day as of which the lines are updated; with an ``instant``, its day in ``zone``, which is a name for the night."""
    zone: str
    instant: datetime | None = None
    """The instant whose day in the zone of each organization is the day of its lines; null: ``as_of`` is, for every line."""
    scope: Scope = Scope()
    due: int = 0
    """The number of lines that were due when the run began."""
    closed: int = 0
    rolled: int = 0
    unchanged: int = 0
    """Open lines that were not due. For a run on every line an estimate from PostgreSQL's statistics, because counting a
    million lines would take longer than updating them."""
    failed: int = 0
    failures: tuple[FailedLine, ...] = ()
    """The first of the failed lines."""
    never_billed: int = 0
    """The number of lines past their end date that stay open because they have no next billing date; counted in the end."""
    never_billed_lines: tuple[FailedLine, ...] = ()
    """The first of them."""
    busy: int = 0
    """Due lines that others had locked; the next run, or the next pass of this one, updates them."""
    passes: int = 0
    untold: int = 0
    """Messages about closed and rolled lines, of this run and earlier ones, that still wait to be delivered."""
    started_at: datetime
    finished_at: datetime | None = None

    @property
    def night(self) -> str:
        """The days of the lines, in words."""
        if self.instant is None:
            return f"as of {day_text(self.as_of)}"
        return f"for {FOR_AGENTS.instant(self.instant, self.zone)}, by the day of each organization"
