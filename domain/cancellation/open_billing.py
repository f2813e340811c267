"""The billing that a cancellation leaves open: lines billed beyond their end, and the reminders of their credit memos."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from domain.civil_dates import day_text
from domain.lines.line import Partner
from domain.policy import CancellationPolicy
from domain.vocabulary import Event


class OpenLine(BaseModel):
    """A line whose end is decided and not set yet, because days after it are invoiced (rules, section 6)."""

    model_config = ConfigDict(frozen=True)

    line: str
    partner: Partner
    billing_ends_on: date
    """The decided end, which becomes the end date when the last of the credit memos is posted."""
    billed_until: date
    """The last day that is invoiced."""
    credit_memos: tuple[str, ...] = ()
    """The invoices to be credited, newest first; empty where none is known for the days after the end."""


@dataclass(frozen=True)
class BillingOccasion:
    """A reminder of the credit memos, or their escalation: what it is called, and when it is due."""

    name: str
    event: Event
    at: datetime


def billing_occasions(policy: CancellationPolicy, since: datetime) -> list[BillingOccasion]:
    """Return the occasions on which billing is reminded, and a queue is told at last, of lines that wait since an instant.

    Their names contain the instant: lines that are decided anew wait anew.
    """
    of = int(since.timestamp())
    due = [
        (after, f"credit-memo-reminder-{number}-{of}", Event.CREDIT_MEMO_REMINDER)
        for number, after in enumerate(policy.credit_memo_reminders, start=1)
    ]
    due.append((policy.credit_memo_escalation, f"credit-memo-escalation-{of}", Event.CREDIT_MEMO_ESCALATED))
    return [BillingOccasion(name, event, since + after) for after, name, event in sorted(due)]


def awaited_credit_memos(lines: Sequence[OpenLine]) -> tuple[str, ...]:
    """Return all invoices to be credited, in the order in which to credit them."""
    return tuple(invoice for line in lines for invoice in line.credit_memos)


def billing_in_words(lines: Sequence[OpenLine]) -> str:
    """Return what billing must do, in words for agents; empty where nothing is open."""
    parts = []
    if invoices := awaited_credit_memos(lines):
        parts.append(f"credit memos for {', '.join(invoices)}")
    parts.extend(
        f"the invoices of line {line.line}, which is billed until {day_text(line.billed_until)}"
        for line in lines
        if not line.credit_memos
    )
    return f"billing: {'; '.join(parts)}" if parts else ""
