"""What a plan shows of a row: its dates and the credit memos that it needs; and whether that is still so."""

from collections.abc import Mapping
from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict

from domain.bulk import MOST_AT_ONCE, MOST_PER_MINUTE
from domain.bulk.refusals import BulkPlanMalformed
from domain.lines.quote import Quote


class RowGoodwill(BaseModel):
    """The consequences of the goodwill that a row asks for, once somebody has approved it who neither planned nor confirmed it."""

    model_config = ConfigDict(frozen=True)

    billing_ends_on: date | None
    ends: Mapping[str, date]
    credit_memos: tuple[str, ...]

    @classmethod
    def of(cls, quote: Quote) -> Self:
        """Return what a plan shows of the quote with goodwill."""
        return cls(billing_ends_on=quote.billing_ends_on, ends=_ends(quote), credit_memos=quote.credit_memos)


class RowQuote(BaseModel):
    """The consequences of a row, as far as a plan shows them."""

    model_config = ConfigDict(frozen=True)

    received_on: date
    """The day of receipt, in the zone of the organization: that on which the bulk was planned, unless the row states one."""
    access_ends_on: date | None
    """Null where the row says nothing of it: its case then waits for the answer."""
    billing_ends_on: date | None
    """The last of the lines' ends; null if no line is open."""
    ends: Mapping[str, date]
    """The end of each line, by its id."""
    credit_memos: tuple[str, ...]
    """The invoices that bill beyond the ends, and must be credited first."""
    open_questions: tuple[str, ...]
    """What the checklist still has to be told; the verification of the administrator included."""
    case_before: str | None = None
    """The newest case of the subscription when the row was judged."""
    goodwill: RowGoodwill | None = None
    """Null where the row asks for none; and in plans of versions that did not show it."""

    @classmethod
    def of(
        cls,
        quote: Quote,
        *,
        open_questions: tuple[str, ...],
        access_is_asked_for: bool,
        case_before: str | None,
        with_goodwill: Quote | None = None,
    ) -> Self:
        """Return what a plan shows of a quote, and of the one with goodwill where the row asks for that."""
        return cls(
            received_on=quote.received_on,
            access_ends_on=quote.access_ends_on if access_is_asked_for else None,
            billing_ends_on=quote.billing_ends_on,
            ends=_ends(quote),
            credit_memos=quote.credit_memos,
            open_questions=open_questions,
            case_before=case_before,
            goodwill=None if with_goodwill is None else RowGoodwill.of(with_goodwill),
        )

    def difference(self, shown: "RowQuote") -> str | None:
        """Return in words how this differs from what was shown; None where a row does what it was confirmed to do.

        Lines that are closed meanwhile, and credit memos that are posted, differ from nothing that somebody has to look at.
        """
        if self.case_before != shown.case_before:
            return f"{self.case_before} was opened meanwhile"
        if self.access_ends_on != shown.access_ends_on:
            return f"access would end on {self.access_ends_on} instead of {shown.access_ends_on}"
        other = _difference(self, shown)
        if other is None and self.goodwill is not None and shown.goodwill is not None:
            other = _difference(self.goodwill, shown.goodwill)
            return None if other is None else f"with the goodwill {other}"
        return other


def _ends(quote: Quote) -> Mapping[str, date]:
    return {line.decision.line_id: line.decision.end_date for line in quote.lines}


def _difference(now: RowQuote | RowGoodwill, shown: RowQuote | RowGoodwill) -> str | None:
    for line, end in now.ends.items():
        if end != shown.ends.get(line):
            return f"line {line} would end on {end} instead of {shown.ends.get(line) or 'not being there'}"
    if new := [invoice for invoice in now.credit_memos if invoice not in shown.credit_memos]:
        return f"invoice {new[0]} would have to be credited"
    return None


def check_bounds(at_once: int, per_minute: int) -> None:
    """Refuse more starts together, or in a minute, than there may be. Raises BulkPlanMalformed."""
    if not 1 <= at_once <= MOST_AT_ONCE:
        raise BulkPlanMalformed(f"1 to {MOST_AT_ONCE} starts may be under way at once")
    if not 1 <= per_minute <= MOST_PER_MINUTE:
        raise BulkPlanMalformed(f"1 to {MOST_PER_MINUTE:,} starts may be begun in a minute")
