"""The dates of a cancellation: one answer for the quote, the acknowledgement and the act itself."""

from collections.abc import Sequence
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict

from domain.lines.decision import LineDecision, decide
from domain.lines.explanation import Statement, StatementCode, statement
from domain.lines.line import Partner, SubscriptionLine


class Invoice(BaseModel):
    """An invoice for a period of one line that no credit memo has credited."""

    model_config = ConfigDict(frozen=True)

    number: str
    line: str
    period_start: date
    period_end: date


class LineQuote(BaseModel):
    """The consequences of cancelling for one line."""

    model_config = ConfigDict(frozen=True)

    partner: Partner
    decision: LineDecision
    credit_memos: tuple[str, ...]
    """The invoices that bill beyond the end: to be credited first, newest first."""


class Quote(BaseModel):
    """The consequences of cancelling. Access ends on the wished day, billing line by line (rules, section 1)."""

    model_config = ConfigDict(frozen=True)

    subscription: str
    received_on: date
    access_ends_on: date
    goodwill: bool
    lines: tuple[LineQuote, ...]

    @property
    def billing_ends_on(self) -> date | None:
        """The last of the lines' ends; None if no line is open."""
        return max((line.decision.end_date for line in self.lines), default=None)

    def without_explanations(self) -> "Quote":
        """Return the quote with its dates and codes alone, for histories and status: those of many lines stay small."""
        lines = tuple(
            line.model_copy(
                update={
                    "decision": line.decision.model_copy(update={"explanation": [], "one_day_later_explanation": None})
                }
            )
            for line in self.lines
        )
        return self.model_copy(update={"lines": lines})

    def for_customer(self) -> "Quote":
        """Return the quote as the customer may read it, without the lines of vendors."""
        lines = tuple(line for line in self.lines if line.partner is Partner.CUSTOMER)
        return self.model_copy(update={"lines": lines})

    @property
    def credit_memos(self) -> tuple[str, ...]:
        """All invoices to be credited first, per line newest first."""
        return tuple(number for line in self.lines for number in line.credit_memos)


def quote(
    subscription: str,
    lines: Sequence[SubscriptionLine],
    invoices: Sequence[Invoice],
    *,
    received_on: date,
    wished_on: date | None = None,
    goodwill: bool = False,
) -> Quote:
    """Decide every open line (rules, section 7) and name the credit memos that its end needs first (section 6)."""
    decided = []
    for line in lines:
        if line.closed:
            continue
        wish = wished_on if line.end_date is None or (goodwill and line.partner is Partner.CUSTOMER) else None
        decision = decide(line, received_on, wish, goodwill=goodwill)
        decided.append(
            LineQuote(partner=line.partner, decision=decision, credit_memos=_beyond(line, decision.end_date, invoices))
        )
    return Quote(
        subscription=subscription,
        received_on=received_on,
        access_ends_on=wished_on or received_on,
        goodwill=goodwill,
        lines=tuple(decided),
    )


def changes(before: Quote, now: Quote) -> list[Statement]:
    """Return the differences from an earlier quote: none if the promise stands.

    Statements name lines of vendors too; for the customer, compare the results of `Quote.for_customer`.
    """
    earlier = {line.decision.line_id: line.decision.end_date for line in before.lines}
    current = {line.decision.line_id: line.decision.end_date for line in now.lines}
    found = []
    for line, end in current.items():
        if line not in earlier:
            found.append(statement(StatementCode.LINE_IS_NEW, line=line, end_date=end))
        elif (was := earlier[line]) != end:
            found.append(statement(StatementCode.LINE_END_CHANGED, line=line, end_date=end, earlier_end_date=was))
    found.extend(statement(StatementCode.LINE_IS_CLOSED, line=line) for line in earlier if line not in current)
    return found


def _beyond(line: SubscriptionLine, end: date, invoices: Sequence[Invoice]) -> tuple[str, ...]:
    if line.next_billing_date is None or end >= line.next_billing_date - timedelta(days=1):
        return ()
    newest_first = sorted(
        (invoice for invoice in invoices if invoice.line == line.id), key=lambda i: i.period_start, reverse=True
    )
    return tuple(invoice.number for invoice in newest_first if invoice.period_end > end)
