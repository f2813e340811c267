"""Refusals of billing documents: what an invoice run or a person posts, and the line does not allow (rules, section 6)."""

from datetime import date

from domain.civil_dates import day_text, plus_days
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input


class InvoiceUnknown(Refusal):
    """A number that no invoice has."""

    code = "invoice_unknown"

    def __init__(self, number: str) -> None:
        super().__init__(f"There is no invoice {number!r}.", remedy=Remedy.of(RemedyKind.CHECK_NUMBER), invoice=number)


class InvoiceAlreadyCredited(Refusal):
    """A credit memo for an invoice of which nothing is billed any more."""

    code = "invoice_already_credited"

    def __init__(self, number: str, memo: str) -> None:
        super().__init__(
            f"Invoice {number} is already credited by {memo}.",
            remedy=Remedy.of(RemedyKind.NOTHING_TO_DO),
            invoice=number,
            memo=memo,
        )


class InvoiceOfAnotherLine(Refusal):
    """A credit memo under one line for the invoice of another."""

    code = "invoice_of_another_line"

    def __init__(self, number: str, line: str, of_line: str) -> None:
        super().__init__(
            f"Invoice {number} bills line {of_line}, not {line}.",
            remedy=correct_input(f"Report the credit memo under line {of_line}."),
            invoice=number,
            line=line,
            of_line=of_line,
        )


class NewerInvoiceFirst(Refusal):
    """A credit memo while a newer invoice of the same line is still billed (rules, section 6)."""

    code = "newer_invoice_first"

    def __init__(self, number: str, newest: str) -> None:
        super().__init__(
            f"Invoice {number} cannot be credited while the newer {newest} is not.",
            remedy=Remedy.of(RemedyKind.POST_CREDIT_MEMO, invoice=newest),
            invoice=number,
            newest=newest,
        )


class NewerInvoiceUnknown(Refusal):
    """A credit memo for the newest known invoice of a line that is billed further than that (rules, section 6)."""

    code = "newer_invoice_unknown"

    def __init__(self, number: str, billed_until: date, next_billing_date: date) -> None:
        super().__init__(
            f"Invoice {number} bills its line until {day_text(billed_until)}, but the next billing date is "
            f"{day_text(next_billing_date)}: there must be a newer invoice that is not known here.",
            remedy=Remedy.of(RemedyKind.REPORT_INVOICE, since=day_text(plus_days(billed_until, 1))),
            invoice=number,
            billed_until=billed_until,
            next_billing_date=next_billing_date,
        )


class CreditOutsidePeriod(Refusal):
    """A credit memo from a day on which its invoice does not bill, or does not bill any more."""

    code = "credit_outside_period"

    def __init__(self, number: str, credits_from: date, billed_from: date, billed_until: date) -> None:
        super().__init__(
            f"Invoice {number} cannot be credited from {day_text(credits_from)} on: it bills {day_text(billed_from)} to "
            f"{day_text(billed_until)}.",
            remedy=correct_input("Name one of these days, or none to credit all of them."),
            invoice=number,
            credits_from=credits_from,
            billed_from=billed_from,
            billed_until=billed_until,
        )


class DocumentNumberUsed(Refusal):
    """A number that another billing document has."""

    code = "document_number_used"

    def __init__(self, number: str, used_by: str) -> None:
        super().__init__(
            f"The number {number} is that of another billing document, {used_by}; posted documents do not change.",
            remedy=correct_input("Give the document a number of its own."),
            number=number,
            used_by=used_by,
        )


class DocumentNumberMalformed(Refusal):
    """A number that cannot be that of a billing document."""

    code = "document_number_malformed"

    def __init__(self) -> None:
        super().__init__(
            "The number of a billing document begins with a letter or digit and has at most 80 letters, digits, '.', '_' "
            "and '-'.",
            remedy=correct_input("Give the document such a number."),
        )


class PeriodAlreadyBilled(Refusal):
    """An invoice for days that its line is billed for."""

    code = "period_already_billed"

    def __init__(self, number: str, period_start: date, billed_until: date, billed_by: str | None) -> None:
        by = f" by invoice {billed_by}" if billed_by else ""
        super().__init__(
            f"Invoice {number} bills its line from {day_text(period_start)} on, but that is billed{by} until "
            f"{day_text(billed_until)}.",
            remedy=correct_input("Correct the period, or credit what is billed first."),
            invoice=number,
            period_start=period_start,
            billed_until=billed_until,
            billed_by=billed_by,
        )


class BillingGap(Refusal):
    """An invoice that leaves days before it unbilled, which nothing would bill later."""

    code = "billing_gap"

    def __init__(self, number: str, period_start: date, due: date) -> None:
        super().__init__(
            f"Invoice {number} bills its line from {day_text(period_start)} on, but the first day that is not billed yet is "
            f"{day_text(due)}.",
            remedy=Remedy.of(RemedyKind.REPORT_INVOICE, since=day_text(due)),
            invoice=number,
            period_start=period_start,
            due=due,
        )


class InvoiceBeforeStart(Refusal):
    """An invoice for days before the start date of its line."""

    code = "invoice_before_start"

    def __init__(self, number: str, period_start: date, start_date: date) -> None:
        super().__init__(
            f"Invoice {number} bills its line from {day_text(period_start)} on, but the line starts on {day_text(start_date)}.",
            remedy=correct_input("Correct the period."),
            invoice=number,
            period_start=period_start,
            start_date=start_date,
        )


class BillingBeyondEnd(Refusal):
    """A next billing date, or an invoice up to it, beyond the day after the end date of the line (rules, section 6)."""

    code = "billing_beyond_end"

    def __init__(self, line: str, next_billing_date: date, end_date: date, cancellation: str | None) -> None:
        under = f", under cancellation {cancellation}" if cancellation else ""
        super().__init__(
            f"Line {line} ends on {day_text(end_date)}{under}: its next billing date is {day_text(plus_days(end_date, 1))} at "
            f"the latest, not {day_text(next_billing_date)}.",
            remedy=correct_input("Bill the line up to its end date; credit what was billed beyond it."),
            line=line,
            next_billing_date=next_billing_date,
            end_date=end_date,
            cancellation=cancellation,
        )


class NextBillingDateDiffers(Refusal):
    """A next billing date other than the one to which the documents of the same entry lead."""

    code = "next_billing_date_differs"

    def __init__(self, next_billing_date: date, by_documents: date | None) -> None:
        leads = "no day" if by_documents is None else day_text(by_documents)
        super().__init__(
            f"The entry says that the next billing date is {day_text(next_billing_date)}, but its documents lead to {leads}.",
            remedy=correct_input("Report every document up to that day, or leave the next billing date out."),
            next_billing_date=next_billing_date,
            by_documents=by_documents,
        )


class BilledByInvoice(Refusal):
    """A next billing date on a day that an invoice bills."""

    code = "billed_by_invoice"

    def __init__(self, next_billing_date: date, number: str, billed_until: date) -> None:
        super().__init__(
            f"The next billing date cannot be {day_text(next_billing_date)}: invoice {number} bills the line until "
            f"{day_text(billed_until)}.",
            remedy=correct_input("Report the credit memo for the invoice, which sets the next billing date back."),
            next_billing_date=next_billing_date,
            invoice=number,
            billed_until=billed_until,
        )


class BilledLineUnknown(Refusal):
    """An entry for a line that does not exist."""

    code = "billed_line_unknown"

    def __init__(self, line: str) -> None:
        super().__init__(
            f"There is no subscription line {line!r}.",
            remedy=Remedy.of(RemedyKind.CHECK_OR_IMPORT, things="subscription lines"),
            line=line,
        )


class BillingSequenceReused(Refusal):
    """An entry with other content than the one that its line has under the same sequence number."""

    code = "billing_sequence_reused"

    def __init__(self, line: str, source: str, sequence: int) -> None:
        super().__init__(
            f"Line {line} has another entry under the sequence number {sequence} of {source}.",
            remedy=correct_input("Give every document of the feed a higher number than the one before it."),
            line=line,
            source=source,
            sequence=sequence,
        )
