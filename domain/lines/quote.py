"""The dates of a cancellation: one answer for the quote, the acknowledgement and the act itself."""

import json
from collections.abc import Collection, Sequence
from datetime import date
from hashlib import sha256

from pydantic import BaseModel, ConfigDict

from domain.civil_dates import plus_days
from domain.lines.alternatives import Alternative, alternatives
from domain.lines.decision import LineDecision, decide, wish_for
from domain.lines.explanation import Statement, StatementCode, statement
from domain.lines.line import Partner, SubscriptionLine
from domain.vocabulary import Termination


class Invoice(BaseModel):
    """An invoice for a period of one line, as far as no credit memo has credited it."""

    model_config = ConfigDict(frozen=True)

    number: str
    line: str
    period_start: date
    period_end: date
    """The last day that it still bills: a credit memo may have credited those after it."""


class LineQuote(BaseModel):
    """The consequences of cancelling for one line."""

    model_config = ConfigDict(frozen=True)

    partner: Partner
    decision: LineDecision
    credit_memos: tuple[str, ...]
    """The invoices that bill beyond the end: to be credited first, newest first."""
    credit_from: date | None = None
    """The first day that must be credited, the day after the end; an invoice that bills days before it may keep them."""


class Quote(BaseModel):
    """The consequences of cancelling. Access ends on the wished day, billing line by line (rules, section 1)."""

    model_config = ConfigDict(frozen=True)

    subscription: str
    received_on: date
    termination: Termination = Termination.ON_DATE
    """The way in which the end of access was asked for."""
    access_ends_on: date
    """The last day of access; the day of receipt if it is to end at once."""
    goodwill: bool
    ended_on: date | None = None
    """The day on which access ended already: nothing is left to cancel. Null while it works."""
    line: str | None = None
    """The line that is to end alone, while the subscription and its access go on; null where all of it is cancelled."""
    lines: tuple[LineQuote, ...]
    alternatives: tuple[Alternative, ...] = ()
    """Other days that would save or cost a term; none in a status, where the record has them."""

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
        return self.model_copy(update={"lines": lines, "alternatives": ()})

    @property
    def digest(self) -> str:
        """Name exactly these ends of lines and credit memos, so that another quote is told from this one."""
        content = [
            (line.decision.line_id, line.decision.end_date.isoformat(), line.credit_memos) for line in self.lines
        ]
        return sha256(json.dumps([self.access_ends_on.isoformat(), content]).encode()).hexdigest()[:12]

    def goes_beyond(self, approved: "Quote") -> bool:
        """Return true if this is more than what was approved: another end of a line, or a credit memo that was not named.

        Credit memos that are posted meanwhile are what was approved.
        """
        ends = {line.decision.line_id: line.decision.end_date for line in approved.lines}
        now = {line.decision.line_id: line.decision.end_date for line in self.lines}
        return ends != now or not set(self.credit_memos) <= set(approved.credit_memos)

    def for_customer(self) -> "Quote":
        """Return the quote as the customer may read it, without the lines of vendors."""
        lines = tuple(line for line in self.lines if line.partner is Partner.CUSTOMER)
        return self.model_copy(update={"lines": lines})

    @property
    def credit_memos(self) -> tuple[str, ...]:
        """All invoices to be credited first, per line newest first."""
        return tuple(number for line in self.lines for number in line.credit_memos)

    def credit_from(self, invoice: str) -> date | None:
        """Return the day from which on it suffices to credit an invoice; None for one that need not be credited."""
        return next((line.credit_from for line in self.lines if invoice in line.credit_memos), None)


def quote(
    subscription: str,
    lines: Sequence[SubscriptionLine],
    invoices: Sequence[Invoice],
    *,
    received_on: date,
    wished_on: date | None = None,
    termination: Termination = Termination.ON_DATE,
    goodwill: bool = False,
    settled: Collection[str] = (),
) -> Quote:
    """Decide every open line (rules, section 7) and name the credit memos that its end needs first (section 6).

    ``wished_on`` counts for a termination on a date alone; without one, it is the day of receipt. The end of a ``settled`` line
    is fixed by a cancellation of its own, and goodwill does not move it.
    """
    wished = wished_on if termination is Termination.ON_DATE else None
    still_open = [line for line in lines if not line.closed]
    decisions = []
    for line in still_open:
        generous = goodwill and line.id not in settled
        decisions.append(decide(line, received_on, wish_for(line, wished, goodwill=generous), goodwill=generous))
    decided = [
        _line_quote(line, decision, _beyond(line, decision.end_date, invoices))
        for line, decision in zip(still_open, decisions, strict=True)
    ]
    access_ends_on = wished or received_on
    if termination is Termination.END_OF_TERM:
        ends = [line.decision.end_date for line in decided if line.partner is Partner.CUSTOMER]
        access_ends_on = max([received_on, *ends])
    return Quote(
        subscription=subscription,
        received_on=received_on,
        termination=termination,
        access_ends_on=access_ends_on,
        goodwill=goodwill,
        lines=tuple(decided),
        alternatives=() if goodwill else alternatives(still_open, decisions, wished, access_ends_on),
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


def _line_quote(line: SubscriptionLine, decision: LineDecision, credit_memos: tuple[str, ...]) -> LineQuote:
    return LineQuote(
        partner=line.partner,
        decision=decision,
        credit_memos=credit_memos,
        credit_from=plus_days(decision.end_date, 1) if credit_memos else None,
    )


def _beyond(line: SubscriptionLine, end: date, invoices: Sequence[Invoice]) -> tuple[str, ...]:
    if line.next_billing_date is None or (line.next_billing_date - end).days <= 1:
        return ()
    newest_first = sorted(
        (invoice for invoice in invoices if invoice.line == line.id), key=lambda i: i.period_start, reverse=True
    )
    return tuple(invoice.number for invoice in newest_first if invoice.period_end > end)
