"""Date formulas: the length of a term, a notice period or a billing rhythm (rules, section 2)."""

import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Literal, Self, cast, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from domain.civil_dates import DateOutOfRange, count_text, days_in_month, is_end_of_month
from domain.lines.formula_refusals import (
    MAX_COUNT,
    MAX_LENGTH,
    FormulaEmpty,
    FormulaFormUnsupported,
    FormulaMalformed,
    FormulaNumberTooLarge,
    FormulaTooLong,
)
from domain.refusals import Refusal, RefusedValue

Unit = Literal["D", "W", "M", "Q", "Y"]

_MONTHS: dict[str, int] = {"M": 1, "Q": 3, "Y": 12}
_DAYS: dict[str, int] = {"D": 1, "W": 7}
_TERM = re.compile(r"\s*([+-]?)\s*(?:([0-9]+)|C)\s*([DWMQY])\s*", re.IGNORECASE | re.ASCII)
_POSITION_FORM = re.compile(r"\s*[+-]?\s*(?:[0-9]*\s*WD|[DWMQY]\s*[0-9])", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class FormulaTerm:
    """One step of a formula: some units forward or back, or to the edge of the current unit (``C U``: no ``count``)."""

    count: int | None
    unit: Unit
    negative: bool = False

    def __post_init__(self) -> None:
        """Refuse an unknown unit and a number out of range."""
        if self.unit not in get_args(Unit):
            raise FormulaMalformed(str(self.unit), 0)
        if self.count is not None and not 0 <= self.count <= MAX_COUNT:
            raise FormulaNumberTooLarge(f"{self.count}{self.unit}")

    def __str__(self) -> str:
        """Return sign, number and unit, always with the sign."""
        return f"{'-' if self.negative else '+'}{'C' if self.count is None else self.count}{self.unit}"

    def apply(self, day: date) -> date:
        """Return the day that this step leads to; raises `DateOutOfRange`."""
        if self.count is None:
            return self._edge(day)
        count = -self.count if self.negative else self.count
        months = _MONTHS.get(self.unit)
        if months is None:
            return self._moved_days(day, count * _DAYS[self.unit])
        year, month = divmod(day.year * 12 + day.month - 1 + count * months, 12)
        if not date.min.year <= year <= date.max.year:
            raise DateOutOfRange(day, str(self))
        month += 1
        if day.day <= 28:
            return date(year, month, day.day)
        return date(year, month, min(day.day, days_in_month(year, month)))

    def _moved_days(self, day: date, days: int) -> date:
        ordinal = day.toordinal() + days
        if not 1 <= ordinal <= date.max.toordinal():
            raise DateOutOfRange(day, str(self))
        return date.fromordinal(ordinal)

    def _edge(self, day: date) -> date:
        """Return the first day of the current unit with a minus sign, else its last; a week is Monday to Sunday."""
        if self.unit == "D":
            return day
        if self.unit == "W":
            return self._moved_days(day, -day.weekday() if self.negative else 6 - day.weekday())
        length = _MONTHS[self.unit]
        first_month = (day.month - 1) // length * length + 1
        if self.negative:
            return date(day.year, first_month, 1)
        last_month = first_month + length - 1
        return date(day.year, last_month, days_in_month(day.year, last_month))


@dataclass(frozen=True)
class DateFormula:
    """A date formula, immutable and always valid: `parse` and the constructor refuse everything else.

    Grammar: one or more terms ``[+|-] N U`` or ``[+|-] C U`` with U one of D, W, M, Q, Y and N a whole number; upper or
    lower case, spaces between the parts, and ``<`` ``>`` around it are optional. Terms apply from left to right. ``N M``,
    ``N Q`` and ``N Y`` end on the last day of a shorter month; ``C U`` moves to the last day of the current unit and
    ``-C U`` to its first. Source: rules, section 2, after Business Central's ``CalcDate``.

    In a pydantic model the type is read from text and written as its canonical text. Two formulas are equal if they
    consist of the same terms; 3M and 1Q are not.
    """

    terms: tuple[FormulaTerm, ...]

    def __post_init__(self) -> None:
        """Refuse a formula without terms and one too long to be stored."""
        if not self.terms:
            raise FormulaEmpty
        if len(str(self)) > MAX_LENGTH:
            raise FormulaTooLong(str(self))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the formula written in ``text``.

        Raises a `FormulaRefused`: `FormulaEmpty`, `FormulaMalformed`, `FormulaFormUnsupported`, `FormulaNumberTooLarge` or
        `FormulaTooLong`.
        """
        return cast("Self", _parsed(text)) if cls is DateFormula else cls(_terms(text))

    def __str__(self) -> str:
        """Return the canonical form: upper case, no spaces, no leading plus sign."""
        return self._text

    @cached_property
    def _text(self) -> str:
        return "".join(map(str, self.terms)).removeprefix("+")

    def apply(self, day: date) -> date:
        """Return the date that the formula leads to from ``day``, by plain arithmetic without the month-end rule.

        Raises `DateOutOfRange` if the result, or a date on the way to it, lies outside the calendar.
        """
        for term in self.terms:
            day = term.apply(day)
        return day

    def reversed(self) -> "DateFormula":
        """Return the formula with every sign flipped: ``3M`` becomes ``-3M``. It is seldom the inverse."""
        return self._reversed

    @cached_property
    def _reversed(self) -> "DateFormula":
        return DateFormula(tuple(FormulaTerm(term.count, term.unit, not term.negative) for term in self.terms))

    @cached_property
    def has_minus(self) -> bool:
        """True if any term has a minus sign, ``-0D`` included."""
        return any(term.negative for term in self.terms)

    @cached_property
    def month_based(self) -> bool:
        """True if the month-end rule applies: every term is in months, quarters or years (rules, section 3).

        ``C`` forms of those units count. Otherwise the notice period ``3M+CM`` (three months, then to the month's end)
        would put the deadline for 31.12 on 01.09 instead of 30.09, the last day from which it leads to 31.12.
        """
        return all(term.unit in _MONTHS for term in self.terms)

    @cached_property
    def moves_every_date_forward(self) -> bool:
        """True if the result is later than the source from every date, as a subsequent term requires.

        True if no term has a minus sign and one has a number above zero. ``CM`` stands still on the last day of a month,
        ``0D`` everywhere. A formula with a minus sign never counts, even one like ``1M-1D``; terms must not have one.
        """
        return not self.has_minus and any(term.count for term in self.terms)

    @cached_property
    def fixed_days(self) -> int | None:
        """The number of days the formula moves every date by, or None where that depends on the date."""
        total = 0
        for term in self.terms:
            if term.count == 0 or (term.count is None and term.unit == "D"):
                continue
            if term.count is None or term.unit in _MONTHS:
                return None
            total += (-term.count if term.negative else term.count) * _DAYS[term.unit]
        return total

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read from text or a formula, write as text."""
        text = core_schema.str_schema(min_length=2)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(cls._validate, text),
            python_schema=core_schema.no_info_plain_validator_function(cls._validate),
            serialization=core_schema.plain_serializer_function_ser_schema(str, return_schema=core_schema.str_schema()),
        )

    @classmethod
    def _validate(cls, value: object) -> Self:
        if isinstance(value, cls):
            return value
        try:
            return cls.parse(value if isinstance(value, str) else repr(value))
        except Refusal as refusal:
            raise RefusedValue(refusal) from None


def is_blank(text: str) -> bool:
    """Return true if the text means "not set": nothing, or nothing but spaces and the brackets of a formula."""
    stripped = text.strip()
    return not stripped or stripped == "<>"


def _terms(text: str) -> tuple[FormulaTerm, ...]:
    if is_blank(text):
        raise FormulaEmpty
    body = text.strip()
    if body.startswith("<") and body.endswith(">"):
        body = body[1:-1]
    terms: list[FormulaTerm] = []
    position = 0
    while position < len(body):
        match = _TERM.match(body, position)
        if match is None:
            # 1WD reads as 1W until the D is found to be left over
            if _POSITION_FORM.match(body, position) or body[max(position - 1, 0) : position + 1].upper() == "WD":
                raise FormulaFormUnsupported(text)
            raise FormulaMalformed(text, text.index(body) + position)
        sign, digits, unit = match.groups()
        count = None
        if digits is not None:
            digits = digits.lstrip("0") or "0"
            if len(digits) > len(str(MAX_COUNT)):  # before int(), which itself refuses thousands of digits
                raise FormulaNumberTooLarge(text)
            count = int(digits)
        terms.append(FormulaTerm(count, cast("Unit", unit.upper()), negative=sign == "-"))
        position = match.end()
        if len(terms) > MAX_LENGTH // 2:
            raise FormulaTooLong(text)
    return tuple(terms)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> DateFormula:
    """Return one shared object per text: a million lines have a handful of formulas."""
    return DateFormula(_terms(text))


def length_between(earlier: date, later: date) -> DateFormula:
    """Return the time from one day to another: in months if both are at the same place in their months, else in days.

    The last days of two months are at the same place.
    """
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    same_place = earlier.day == later.day or (is_end_of_month(earlier) and is_end_of_month(later))
    if same_place and months:
        return DateFormula((FormulaTerm(months, "M"),))
    return DateFormula((FormulaTerm((later - earlier).days, "D"),))


def length_text(length: DateFormula) -> str:
    """Return a length of months or days in words: ``12 months``."""
    (term,) = length.terms
    assert term.count is not None  # noqa: S101 - see `length_between`
    return count_text(term.count, "month" if term.unit == "M" else "day")
