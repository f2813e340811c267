"""The subscription line: one billed position of a subscription, and its validation (rules, section 2)."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from domain.civil_dates import CivilDate, day_text, plus_days
from domain.lines.date_formula import DateFormula, is_blank
from domain.refusals import Refusal, RefusedValue
from domain.remedies import correct_input


class LineInvalid(Refusal):
    """Base of the refusals of a line that contradicts itself or the rules of its fields."""

    code = "line_invalid"


class LineFieldMissing(LineInvalid):
    """A required field that is absent, null or blank."""

    code = "field_missing"

    def __init__(self) -> None:
        super().__init__("This field must be set.", remedy=correct_input("Give the line a value for it."))


class LineFieldMalformed(LineInvalid):
    """A value of the wrong kind."""

    code = "field_malformed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}.")


class FormulaNegative(LineInvalid):
    """A term, notice period or billing rhythm with a minus sign."""

    code = "formula_negative"

    def __init__(self, formula: DateFormula) -> None:
        super().__init__(
            f"{formula} contains a minus sign; terms, notice periods and billing rhythms go forward.", formula=formula
        )


class SubsequentTermStandsStill(LineInvalid):
    """A subsequent term that leaves some date where it is, so that rolling the line would never end."""

    code = "subsequent_term_stands_still"

    def __init__(self, formula: DateFormula) -> None:
        super().__init__(
            f"{formula} does not move every date forward, so a line could never be extended past some day.",
            remedy=correct_input("Add a length to it, for example 1M+CM."),
            formula=formula,
        )


class EndBeforeStart(LineInvalid):
    """An end date before the day before the start date: on that day itself, the line never starts (rules, section 6)."""

    code = "end_before_start"

    def __init__(self, end_date: date, start_date: date) -> None:
        earliest = day_text(plus_days(start_date, -1))
        super().__init__(
            f"The end date {day_text(end_date)} is more than a day before the start date {day_text(start_date)} of the line.",
            remedy=correct_input(
                f"The earliest end date is {earliest}: the line then never starts, and nothing is billed."
            ),
            end_date=end_date,
            start_date=start_date,
        )


class InitialTermTooShort(LineInvalid):
    """An initial term that would end before the line starts."""

    code = "initial_term_too_short"

    def __init__(self, initial_term: DateFormula, start_date: date) -> None:
        super().__init__(
            f"The initial term {initial_term} from {day_text(start_date)} would end before that day.",
            remedy=correct_input("Give the initial term a length, for example 1Y, or leave it out."),
            initial_term=initial_term,
            start_date=start_date,
        )


class Partner(StrEnum):
    """The side of the business to which a line belongs."""

    CUSTOMER = "customer"
    VENDOR = "vendor"


def ends_before_start(end_date: date, start_date: date) -> bool:
    """Return true if an end date is not allowed: the day before the start date is the earliest one."""
    return end_date.toordinal() < start_date.toordinal() - 1


def _forward(formula: DateFormula, info: ValidationInfo) -> DateFormula:
    if formula.has_minus:
        raise RefusedValue(FormulaNegative(formula))
    if info.field_name == "subsequent_term" and not formula.moves_every_date_forward:
        raise RefusedValue(SubsequentTermStandsStill(formula))
    return formula


Term = Annotated[DateFormula, AfterValidator(_forward)]
"""A formula without a minus sign; as a subsequent term also one that moves every date forward."""


class SubscriptionLine(BaseModel):
    """A subscription line with the field names that every surface of Offramp uses.

    Dates are civil dates in the organization's time zone. Absent, null and blank all mean "not set"; unknown fields are
    ignored. Made the plain way, an invalid line raises pydantic's ``ValidationError``; `read` refuses it with a code.
    """

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    id: str
    subscription: str | None = None
    partner: Partner = Partner.CUSTOMER
    contract: str | None = None
    start_date: CivilDate
    initial_term: Term | None = None
    subsequent_term: Term | None = None
    notice_period: Term | None = None
    billing_rhythm: Term
    next_billing_date: CivilDate | None = None
    """The first day that is not invoiced yet."""
    term_until: CivilDate | None = None
    """The day until which the line is charged at least, even if it is terminated in due time."""
    cancellation_possible_until: CivilDate | None = None
    """The deadline: the last day on which a cancellation is received in due time."""
    end_date: CivilDate | None = None
    """The last billed day (called "billing ends on" in the documentation of cancellations)."""
    open_billing_line: bool = Field(default=False)
    """True if a billing line exists that is not invoiced yet."""
    closed: bool = Field(default=False)
    frozen: bool = Field(default=False)
    """True under an accepted cancellation, or with an end date that one set: never rolled (rules, section 5)."""

    @model_validator(mode="before")
    @classmethod
    def _blank_is_not_set(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {
            name: value
            for name, value in data.items()
            if value is not None and not (isinstance(value, str) and is_blank(value))
        }

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end_date is not None and ends_before_start(self.end_date, self.start_date):
            raise RefusedValue(EndBeforeStart(self.end_date, self.start_date))
        return self

    @classmethod
    def read(cls, values: Mapping[str, object]) -> Self:
        """Return the line that ``values`` describe; raises the refusal of its first problem.

        Its message starts with the path of the field, which is also its value ``field``. The refusals are those of
        `DateFormula.parse`, `DateMalformed` and the subclasses of `LineInvalid`.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as invalid:
            raise _first_refusal(invalid) from None

    def revised(self, **changes: object) -> Self:
        """Return the line with some fields changed, validated again; raises like `read`."""
        return self.read({**dict(self), **changes})


def _first_refusal(invalid: ValidationError) -> Refusal:
    error = invalid.errors(include_url=False)[0]
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, RefusedValue):
        refusal = cause.refusal
    elif error["type"] == "missing":
        refusal = LineFieldMissing()
    else:
        refusal = LineFieldMalformed(error["msg"])
    field = ".".join(map(str, error["loc"])) or ("end_date" if isinstance(refusal, EndBeforeStart) else "")
    if field:
        refusal.message = f"{field}: {refusal.message}"
        refusal.values["field"] = field
    return refusal
