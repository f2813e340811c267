"""Refusals of an import: one per reason, each reported with the path of the value in the document."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from pydantic import BaseModel, ConfigDict

from domain.civil_dates import count_text, day_text
from domain.refusals import Refusal, RefusalDetails
from domain.remedies import Remedy, RemedyKind, correct_input

SHOWN_PROBLEMS = 50
"""The number of problems shown to a person at once; the rest are counted."""

MOST_PROBLEMS = 10_000
"""The number of problems after which a document is read no further."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a document and its path: ``subscriptions[3].lines[0].start_date``; the whole has an empty path."""

    path: str
    refusal: Refusal


class Problems(list[Problem]):
    """The problems of a document on its way through a reader, which gives up where nobody would read more of them."""

    def append(self, problem: Problem) -> None:
        """Add a problem. Raises ImportMalformed with the problems so far, once there are `MOST_PROBLEMS`."""
        super().append(problem)
        if len(self) >= MOST_PROBLEMS:
            raise ImportMalformed(self)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add problems. Raises as `append` does."""
        for problem in problems:
            self.append(problem)


class ProblemDetails(BaseModel):
    """A problem in the form in which it crosses a process boundary."""

    model_config = ConfigDict(frozen=True)

    path: str
    code: str
    message: str
    way_out: str = ""
    values: dict[str, str] = {}
    remedy: Remedy | None = None


class ImportRefusalDetails(RefusalDetails):
    """A refused import as data: `RefusalDetails` and the first problems."""

    problems: tuple[ProblemDetails, ...]
    not_shown: int
    """The number of further problems."""


class ImportMalformed(Refusal):
    """A document with any problem: nothing in it was imported."""

    code = "import_malformed"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            self.listing(),
            remedy=Remedy.of(RemedyKind.CORRECT_DOCUMENT),
            problems=len(self.problems),
        )

    def listing(self, text: Callable[[Refusal], str] = str) -> str:
        """Return the first problems for people, a line each; ``text`` renders the refusal of one."""
        shown, hidden = self.problems[:SHOWN_PROBLEMS], max(len(self.problems) - SHOWN_PROBLEMS, 0)
        listed = [
            f"{problem.path or 'document'}: {text(problem.refusal)} ({problem.refusal.code})" for problem in shown
        ]
        if hidden:
            listed.append(f"and {count_text(hidden, 'more problem')}, not shown")
        return "\n  ".join([f"Nothing was imported: {count_text(len(self.problems), 'problem')}.", *listed])

    @property
    def details(self) -> ImportRefusalDetails:
        """The refusal as data, with the first problems by path."""
        count = count_text(len(self.problems), "problem")
        return ImportRefusalDetails(
            code=self.code,
            message=f"Nothing was imported: {count}.",
            way_out=self.way_out,
            values=self.values,
            remedy=self.remedy,
            problems=tuple(
                ProblemDetails(path=problem.path, **problem.refusal.details.model_dump())
                for problem in self.problems[:SHOWN_PROBLEMS]
            ),
            not_shown=max(len(self.problems) - SHOWN_PROBLEMS, 0),
        )


class JsonMalformed(Refusal):
    """A text that is not a JSON document in UTF-8."""

    code = "json_malformed"

    def __init__(self, reason: str, *, line: int | None = None, column: int | None = None) -> None:
        where = "" if line is None else f" at line {line}, column {column}"
        super().__init__(f"This is not JSON in UTF-8{where}: {reason}.", line=line, column=column)


class FieldMissing(Refusal):
    """A required field that is missing."""

    code = "field_missing"

    def __init__(self) -> None:
        super().__init__("This field must be set.")


class FieldUnknown(Refusal):
    """A field that the format does not know; nothing of a document is ignored silently."""

    code = "field_unknown"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        close = get_close_matches(name, known, n=1)
        advice = f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}." if known else ""
        super().__init__(
            "There is no such field.",
            remedy=correct_input(advice) if advice else None,
        )


class CreditMemoNotImported(Refusal):
    """A credit memo among the invoices: posting one is more than a row, because it resets the next billing date."""

    code = "credit_memo_not_imported"

    def __init__(self) -> None:
        super().__init__(
            "A document contains invoices; a credit memo, which credits one, cannot be imported.",
            remedy=Remedy.of(RemedyKind.IMPORT_AND_CREDIT),
        )


class FieldRepeated(Refusal):
    """A name written twice in one JSON object: a reader would keep one of the values and lose the other."""

    code = "field_repeated"

    def __init__(self) -> None:
        super().__init__("This field is written more than once in the same object.")


class FieldMalformed(Refusal):
    """A value of the wrong kind."""

    code = "field_malformed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason.removesuffix('.')}.")


class IdentifierMalformed(FieldMalformed):
    """An id that cannot be used in URLs, headers and workflow ids."""

    code = "identifier_malformed"

    def __init__(self) -> None:
        super().__init__("An id begins with a letter or digit and has at most 63 letters, digits, '.', '_' and '-'")


class UrlMalformed(Refusal):
    """An organization URL without scheme or host."""

    code = "url_malformed"

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{url!r} is not a web address.", remedy=correct_input("Write it as https://host/path."), url=url
        )


class PartnerMismatch(Refusal):
    """A customer's line on a vendor's contract, or the other way round."""

    code = "partner_mismatch"

    def __init__(self, partner: str, contract: str, contract_partner: str) -> None:
        super().__init__(
            f"A {partner} line cannot be on contract {contract}, which is a {contract_partner} contract.",
            partner=partner,
            contract=contract,
        )


class SubscriptionDiffers(Refusal):
    """A line that names a subscription other than the one that it is listed under."""

    code = "subscription_differs"

    def __init__(self, named: str, subscription: str) -> None:
        super().__init__(
            f"The line is listed under subscription {subscription} but names {named}.",
            remedy=correct_input("Leave the field out, or move the line."),
            named=named,
            subscription=subscription,
        )


class TwoPlannedLines(Refusal):
    """More than one pending renewal or price change for a line (rules, section 6)."""

    code = "two_planned_lines"

    def __init__(self, line: str, pending: str) -> None:
        super().__init__(
            f"Line {line} already has a pending planned line, {pending}; a line has at most one.",
            remedy=correct_input("Leave one of them out."),
            line=line,
            pending=pending,
        )


class ClosedWithTermDates(Refusal):
    """A closed line with a term until or a deadline (rules, section 5)."""

    code = "closed_has_no_term"

    def __init__(self) -> None:
        super().__init__(
            "A closed line has neither a term until nor a cancellation possible until.",
            remedy=correct_input("Leave both out."),
        )


class BillingBeforeStart(Refusal):
    """A next billing date before the line starts."""

    code = "billing_before_start"

    def __init__(self, next_billing_date: date, start_date: date) -> None:
        super().__init__(
            f"The next billing date {day_text(next_billing_date)} is before the start date {day_text(start_date)}.",
            next_billing_date=next_billing_date,
            start_date=start_date,
        )


class StartDateBilled(Refusal):
    """Another start date for a line that is billed already (rules, section 4)."""

    code = "start_date_billed"

    def __init__(self, start_date: date, starts_on: date, next_billing_date: date) -> None:
        super().__init__(
            f"The start date cannot move from {day_text(starts_on)} to {day_text(start_date)}: the line is billed already "
            f"(next billing date {day_text(next_billing_date)}).",
            remedy=correct_input("Credit its invoices first, or leave the start date as it is."),
            start_date=start_date,
            starts_on=starts_on,
            next_billing_date=next_billing_date,
        )


class PeriodReversed(Refusal):
    """An invoice whose period ends before it starts."""

    code = "period_reversed"

    def __init__(self, period_start: date, period_end: date) -> None:
        super().__init__(
            f"The period ends on {day_text(period_end)}, before it starts on {day_text(period_start)}.",
            period_start=period_start,
            period_end=period_end,
        )


class InvoiceBeyondBilling(Refusal):
    """An invoice for days that, according to its line, are not billed yet."""

    code = "invoice_beyond_next_billing_date"

    def __init__(self, period_end: date, next_billing_date: date | None) -> None:
        until = "none of it" if next_billing_date is None else f"it up to, not including, {day_text(next_billing_date)}"
        super().__init__(
            f"The invoice bills its line until {day_text(period_end)}, but the line says that {until} is billed.",
            remedy=correct_input("Give the line the first day that is not invoiced yet as its next billing date."),
            period_end=period_end,
            next_billing_date=next_billing_date,
        )
