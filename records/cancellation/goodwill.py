"""The goodwill of a cancellation: approved by a second person as it was shown, and void as soon as it is more than that."""

from contract.steps import Step
from domain.actors import is_sent_directly
from domain.cancellation.lifecycle import ApprovalNotAwaited, ApproverUnknown, OwnApproval, ProposalChanged
from domain.lines.quote import Quote
from records import audit
from records.audit import record_step
from records.cancellation.goodwill_askers import has_asked
from records.cancellation.locked_case import LockedCase, lock_case
from records.cancellation.quotes import awaits_approval, current_quote, proposed_quote, requote
from records.transaction import Transaction


def approve_goodwill(
    transaction: Transaction, step: Step, *, approver: str, reason: str, proposal: str | None = None
) -> Quote:
    """Record the approver of the goodwill, the reason, and exactly what was approved; return what it means for the lines.

    ``proposal`` names what the approver was shown.

    Raises:
        CancellationEnded, OwnApproval, ApproverUnknown, ApprovalNotAwaited (the goodwill was given up), ProposalChanged.

    """
    session = transaction.session
    case = lock_case(transaction, step.cancellation)
    case.refuse_if_ended()
    row = case.row
    if audit.after_of(session, step.key) is not None:
        return Quote.model_validate(row.quote)
    if row.goodwill_reason is None:
        raise ApprovalNotAwaited(row.id, case.stage)
    if is_sent_directly(approver):
        raise ApproverUnknown(approver)
    if has_asked(row, approver):
        raise OwnApproval(approver)
    approved = proposed_quote(session, row, lock=True)
    if proposal is not None and proposal != approved.digest:
        raise ProposalChanged(row.id, proposal, approved.digest)
    after = {"approved_by": approver, "proposal": approved.digest, **_ends(approved)}
    if record_step(transaction, "goodwill.approved", step, "", why=reason, after=after):
        row.goodwill_approved_by = approver
        row.goodwill_quote = approved.model_dump(mode="json")
    return requote(session, row)


def goodwill_stands_back(transaction: Transaction, case: LockedCase, step: Step) -> bool:
    """Return true if the goodwill of a case is to be approved before anything is settled; void an approval of less.

    The case then goes back to the wait for its approval.
    """
    session, row = transaction.session, case.row
    if row.goodwill_reason is None:
        return False
    if row.goodwill_approved_by is not None:
        approved = Quote.model_validate(row.goodwill_quote) if row.goodwill_quote else None
        now = current_quote(session, row, lock=True)
        if approved is None or not now.goes_beyond(approved):  # approved by a version that did not keep what it was
            return False
        record_step(
            transaction,
            "goodwill.approval_voided",
            step,
            f"void:{row.corrections}",
            why="the lines would end otherwise than it was approved",
            before={"approved_by": row.goodwill_approved_by, **_ends(approved)},
            after=_ends(now),
        )
        row.goodwill_approved_by, row.goodwill_quote = None, None
        row.corrections += 1
    row.restarts += 1
    requote(session, row)
    return awaits_approval(row)


def _ends(quote: Quote) -> dict[str, object]:
    return {
        "ends": {line.decision.line_id: line.decision.end_date.isoformat() for line in quote.lines},
        "credit_memos": list(quote.credit_memos),
    }
