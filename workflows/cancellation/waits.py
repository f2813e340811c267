"""The wait of a cancellation in words: the next event, and the party that must act for it."""

from typing import TYPE_CHECKING

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from domain.cancellation.open_billing import billing_in_words
    from domain.marketing import Consent
    from domain.vocabulary import Stage

if TYPE_CHECKING:
    from workflows.cancellation.state import Case

_ERASURE_WAITS_FOR = {
    "hold": "the release of a legal hold",
    "acknowledgement": "the acknowledgement of the export",
}


def wait_in_words(case: "Case") -> str:
    """Return the next event and the party that must act for it, in words; empty when nothing is left to do."""
    match case.stage:
        case Stage.INTAKE:
            missing = [question.value.replace("_", " ") for question in case.checklist.open_questions]
            if not case.is_verified:
                missing.append("verification of the billing administrator")
            return f"the customer: {', '.join(missing)}" if missing else "the lines to be settled"
        case Stage.PREPARING:
            return _preparing(case)
        case Stage.SCHEDULED:
            return _and_billing(case, "the end of the last day of access")
        case Stage.CANCELED:
            return _and_billing(case, "the end of the reversal window, or the customer's reversal")
        case Stage.CLOSED:
            return _and_billing(case, _erasing(case))
    return ""


def _and_billing(case: "Case", waits_for: str) -> str:
    return "; ".join(part for part in (waits_for, billing_in_words(case.open_lines)) if part)


def _preparing(case: "Case") -> str:
    if case.awaits_approval:
        return "a second person: approval of the goodwill"
    if case.migration is not None:
        return case.migration.waiting_for
    if case.export is contract.ExportStatus.RUNNING:
        return "the export of the data"
    if case.consent is Consent.ASKED:
        return "the marketing service's billing administrator: consent to stop the campaigns"
    if case.obstacle:
        return f"billing: {case.obstacle}"
    if case.outstanding_credit_memos:
        return f"billing: credit memos for {', '.join(case.outstanding_credit_memos)}"
    return "the lines to be settled"


def _erasing(case: "Case") -> str:
    if case.erased_at is not None or not case.checklist.facts.has_data:
        return ""
    if case.erasure_waits_for is None:
        return "the erasure of the data"
    return f"the erasure of the data, which waits for {_ERASURE_WAITS_FOR[case.erasure_waits_for]}"
