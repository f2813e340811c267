"""The steps of a decision as data, and the English sentence of each.

A step is a code with values; `SENTENCES` is the only place that turns it into English, so that another language is another
table. The sentence is recorded beside them, as it read when the step was taken.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from string import Formatter
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from domain.civil_dates import count_text
from domain.lines.date_formula import DateFormula, length_text
from domain.words import FOR_AGENTS, Words


class StatementCode(StrEnum):
    """A kind of step or change. Codes are never renamed and never change their meaning or their values."""

    UNCODED = ""
    """A step that was recorded as a sentence alone, before steps were data. Nothing new has it."""

    GOODWILL = "goodwill"
    GOODWILL_BINDS_NO_VENDOR = "goodwill_binds_no_vendor"
    END_DATE_NOT_POSTPONED = "end_date_not_postponed"
    END_DATE_BROUGHT_FORWARD = "end_date_brought_forward"
    END_DATE_SET = "end_date_set"
    NO_TERM = "no_term"
    NO_NOTICE_PERIOD = "no_notice_period"
    NOTICE_PERIOD = "notice_period"
    DEADLINE_MET = "deadline_met"
    DEADLINE_MET_EARLY = "deadline_met_early"
    DEADLINE_MET_ON_LAST_DAY = "deadline_met_on_last_day"
    DEADLINE_MISSED = "deadline_missed"
    DEADLINE_MISSED_AS_WELL = "deadline_missed_as_well"
    DEADLINE_MISSED_NO_EXTENSION = "deadline_missed_no_extension"
    NO_DEADLINE_NO_EXTENSION = "no_deadline_no_extension"
    FIRST_TERM = "first_term"
    WISH_BEFORE_END = "wish_before_end"
    WISH_AFTER_TERM = "wish_after_term"
    WISH_AFTER_END = "wish_after_end"
    NOT_BEFORE_START = "not_before_start"
    """Recorded while the start date itself was the earliest end. Nothing new has it."""
    NEVER_STARTS = "never_starts"
    LINE_ENDS = "line_ends"
    BILLED_BEYOND_END = "billed_beyond_end"

    LATER_SAME_END = "later_same_end"
    LATER_OTHER_END = "later_other_end"
    LATER_GOODWILL_REFUSED = "later_goodwill_refused"
    LATER_OUT_OF_RANGE = "later_out_of_range"

    ALTERNATIVE_SAVES = "alternative_saves"
    ALTERNATIVE_COSTS = "alternative_costs"
    ALTERNATIVE_END_OF_TERM = "alternative_end_of_term"

    LINE_IS_NEW = "line_is_new"
    LINE_END_CHANGED = "line_end_changed"
    LINE_IS_CLOSED = "line_is_closed"


SENTENCES: Mapping[StatementCode, str] = {
    StatementCode.GOODWILL: "goodwill, the deadline is ignored: wished day {wished_on:day}",
    StatementCode.GOODWILL_BINDS_NO_VENDOR: "goodwill does not bind the vendor: decided without it",
    StatementCode.END_DATE_NOT_POSTPONED: "end date already set, goodwill does not postpone it: {end_date:day}",
    StatementCode.END_DATE_BROUGHT_FORWARD: (
        "the end date already set is brought forward from {end_date:day} to {wished_on:day}"
    ),
    StatementCode.END_DATE_SET: "end date already set: {end_date:day}",
    StatementCode.NO_TERM: "no term: the line can be ended at any time",
    StatementCode.NO_NOTICE_PERIOD: "no notice period: the day of receipt, {received_on:day}",
    StatementCode.NOTICE_PERIOD: "received on {received_on:day}; notice period {notice_period} to {end_date:day}",
    StatementCode.DEADLINE_MET: "deadline {deadline:day} met; term until {term_until:day}",
    StatementCode.DEADLINE_MET_EARLY: (
        "deadline {deadline:day} met with {days:days} to spare; term until {term_until:day}"
    ),
    StatementCode.DEADLINE_MET_ON_LAST_DAY: "deadline {deadline:day} met on its last day; term until {term_until:day}",
    StatementCode.DEADLINE_MISSED: (
        "deadline {deadline:day} missed by {days:days}; extends by {subsequent_term} to {term_until:day}"
    ),
    StatementCode.DEADLINE_MISSED_AS_WELL: (
        "deadline {deadline:day} missed as well; extends {times:more_times} by {subsequent_term} to {term_until:day}"
    ),
    StatementCode.DEADLINE_MISSED_NO_EXTENSION: (
        "deadline {deadline:day} missed by {days:days}; there is nothing to extend by"
    ),
    StatementCode.NO_DEADLINE_NO_EXTENSION: "no deadline; there is nothing to extend by",
    StatementCode.FIRST_TERM: (
        "no term yet; the first one from {start_date:day} by {subsequent_term} to {term_until:day}"
    ),
    StatementCode.WISH_BEFORE_END: (
        "wished day {wished_on:day} is before the regular end; billed until {end_date:day}"
    ),
    StatementCode.WISH_AFTER_TERM: (
        "wished day {wished_on:day} is after {end_date:day}; extends{times:times} by {subsequent_term} to {term_until:day}"
    ),
    StatementCode.WISH_AFTER_END: "wished day after {end_date:day}: {wished_on:day}",
    StatementCode.NOT_BEFORE_START: "never before the start date, {start_date:day}",
    StatementCode.NEVER_STARTS: "the line would start on {start_date:day}: it never starts, so its end is the day before, {end_date:day}",
    StatementCode.LINE_ENDS: "the line ends on {end_date:day}",
    StatementCode.BILLED_BEYOND_END: (
        "it is billed beyond that, until {billed_until:day}: "
        "credit memos are needed first, from the newest invoice to older ones"
    ),
    StatementCode.LATER_SAME_END: "received on {received_on:day}, one day later, the line would end on the same day",
    StatementCode.LATER_OTHER_END: (
        "received on {received_on:day}, one day later, the line would end on {later_end_date:day} instead of {end_date:day}"
    ),
    StatementCode.LATER_GOODWILL_REFUSED: (
        "received one day later, the wished day would have been over and the goodwill refused"
    ),
    StatementCode.LATER_OUT_OF_RANGE: "received one day later, the end would lie outside the calendar",
    StatementCode.ALTERNATIVE_SAVES: (
        "with {terminate_on:day} instead of {wished_on:day}, billing of line {line} ends on {end_date:day}, "
        "{difference:length} earlier"
    ),
    StatementCode.ALTERNATIVE_COSTS: (
        "with {terminate_on:day} instead of {wished_on:day}, billing of line {line} ends on {end_date:day}, "
        "{difference:length} later"
    ),
    StatementCode.ALTERNATIVE_END_OF_TERM: (
        "with the end of the term instead of {wished_on:day}, access works through {access_ends_on:day}, "
        "and billing ends on the same days"
    ),
    StatementCode.LINE_IS_NEW: "Line {line} is new; its billing ends on {end_date:day}.",
    StatementCode.LINE_END_CHANGED: (
        "Billing of line {line} ends on {end_date:day}, not on {earlier_end_date:day}."
    ),
    StatementCode.LINE_IS_CLOSED: "Line {line} has since been closed.",
}  # fmt: skip
"""The English sentence of each code. The form of a value follows a colon; see `_in_words`."""


class Statement(BaseModel):
    """A step of a decision, or a change since an earlier one: a code and values for programs, a sentence for people."""

    model_config = ConfigDict(frozen=True)

    code: StatementCode
    values: dict[str, str | int] = {}
    """The facts by name: days as ISO 8601, terms as date formulas, counts as numbers, lines by id."""
    text: str
    """The English sentence as agents read it."""

    def in_words(self, words: Words) -> str:
        """Return the English sentence with its days as ``words`` writes them; a sentence without a code is as recorded."""
        return self.text if self.code is StatementCode.UNCODED else _rendered(self.code, self.values, words)


def _uncoded(given: object) -> object:
    """Turn sentences, as rows and histories had them before steps were data, into statements."""
    if isinstance(given, list):
        return [_uncoded(one) for one in given]
    return {"code": StatementCode.UNCODED, "text": given} if isinstance(given, str) else given


OneStatement = Annotated[Statement, BeforeValidator(_uncoded, json_schema_input_type=Statement | str)]
"""The type of a field with a statement; it also reads a sentence that was recorded alone."""
Statements = Annotated[list[Statement], BeforeValidator(_uncoded, json_schema_input_type=list[Statement] | list[str])]
"""The type of a field with statements; it also reads sentences that were recorded alone."""


def statement(code: StatementCode, **values: date | DateFormula | str | int) -> Statement:
    """Make a statement from the values that its sentence names."""
    plain = {name: value if isinstance(value, int) else str(value) for name, value in values.items()}
    return Statement(code=code, values=plain, text=_rendered(code, plain, FOR_AGENTS))


def _rendered(code: StatementCode, values: Mapping[str, str | int], words: Words) -> str:
    return "".join(
        literal if name is None else f"{literal}{_in_words(values[name], form or '', words)}"
        for literal, name, form, _ in _PARTS[code]
    )


def _in_words(value: str | int, form: str, words: Words) -> str:
    """Return a value in one of the forms that `SENTENCES` names."""
    match form:
        case "day":
            return words.day(date.fromisoformat(str(value)))
        case "days":
            return count_text(int(value), "day")
        case "length":
            return length_text(DateFormula.parse(str(value)))
        case "more_times":
            return count_text(int(value), "more time")
        case "times":
            return "" if value == 1 else f" {value} times"
    return str(value)


_PARTS = {code: tuple(Formatter().parse(sentence)) for code, sentence in SENTENCES.items()}
