"""The occasions on which billing is reminded, and what it has to do, in words."""

from datetime import UTC, date, datetime, timedelta

from domain.cancellation.open_billing import OpenLine, awaited_credit_memos, billing_in_words, billing_occasions
from domain.lines.line import Partner
from domain.policy import CancellationPolicy
from domain.vocabulary import Event

SINCE = datetime(2026, 11, 22, 12, tzinfo=UTC)
REMINDER, ESCALATED = Event.CREDIT_MEMO_REMINDER, Event.CREDIT_MEMO_ESCALATED


def line(number: str, *credit_memos: str) -> OpenLine:
    return OpenLine(
        line=number,
        partner=Partner.CUSTOMER,
        billing_ends_on=date(2026, 12, 31),
        billed_until=date(2027, 12, 31),
        credit_memos=credit_memos,
    )


def test_billing_is_reminded_after_one_and_two_weeks_and_a_queue_is_told_after_three() -> None:
    occasions = billing_occasions(CancellationPolicy(), SINCE)
    assert [((occasion.at - SINCE).days, occasion.event) for occasion in occasions] == [
        (7, REMINDER),
        (14, REMINDER),
        (21, ESCALATED),
    ]


def test_an_occasion_is_named_by_the_instant_since_which_the_lines_wait() -> None:
    names = {occasion.name for occasion in billing_occasions(CancellationPolicy(), SINCE)}
    later = {occasion.name for occasion in billing_occasions(CancellationPolicy(), SINCE + timedelta(days=1))}
    assert len(names) == 3
    assert not names & later


def test_an_escalation_before_the_last_reminder_comes_before_it() -> None:
    policy = CancellationPolicy(credit_memo_reminders=(timedelta(days=9),), credit_memo_escalation=timedelta(days=2))
    assert [occasion.event for occasion in billing_occasions(policy, SINCE)] == [ESCALATED, REMINDER]


def test_what_billing_has_to_do_names_every_invoice_in_order_and_every_line_without_one() -> None:
    lines = [line("L-1", "INV-2", "INV-1"), line("L-2"), line("L-3", "INV-3")]
    assert awaited_credit_memos(lines) == ("INV-2", "INV-1", "INV-3")
    words = "billing: credit memos for INV-2, INV-1, INV-3; the invoices of line L-2, which is billed until 31.12.2027"
    assert billing_in_words(lines) == words.replace("31.12.2027", "2027-12-31")
    assert billing_in_words([]) == ""
