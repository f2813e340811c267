"""The update of subscription line dates as a job: its scope, its progress and its result (rules, section 5)."""

from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from domain.civil_dates import CivilDate, day_text
from domain.lines.line import Partner
from domain.refusals import Refusal, RefusedValue
from domain.remedies import Remedy, RemedyKind, correct_input


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
    """A line that the update could not change, and the reason; it is as it was."""

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
    """The day as of which the lines are updated: the scheduled day, in ``zone``."""
    zone: str
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
    busy: int = 0
    """Due lines that others had locked; the next run, or the next pass of this one, updates them."""
    passes: int = 0
    untold: int = 0
    """Messages about closed and rolled lines, of this run and earlier ones, that still wait to be delivered."""
    started_at: datetime
    finished_at: datetime | None = None
