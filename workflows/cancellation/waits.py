"""The wait of a cancellation in words: the next event, and the party that must act for it."""

from typing import TYPE_CHECKING

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from domain.cancellation.open_billing import billing_in_words
    from domain.cancellation.waiting import IN_WORDS, Awaited, awaited
    from domain.marketing import Consent

if TYPE_CHECKING:
    from workflows.cancellation.state import Case

_ERASURE_WAITS_FOR = {
    "hold": "the release of a legal hold",
    "acknowledgement": "the acknowledgement of the export",
}


def wait_in_words(case: "Case") -> str:
    """Return the next event and the party that must act for it, in words; empty when nothing is left to do."""
    waits_for = awaited(
        case.stage,
        is_complete=case.checklist.is_complete,
        obstacles={
            Awaited.APPROVAL: case.awaits_approval,
            Awaited.MIGRATION: case.migration is not None,
            Awaited.EXPORT: case.export is contract.ExportStatus.RUNNING,
            Awaited.CONSENT: case.consent is Consent.ASKED,
            Awaited.BILLING: bool(case.obstacle or case.outstanding_credit_memos),
        },
        is_to_be_erased=case.erased_at is None and case.checklist.facts.has_data,
        is_billing_open=bool(case.open_lines),
    )
    return "; ".join(_in_detail(case, what) for what in waits_for)


def _in_detail(case: "Case", what: Awaited) -> str:
    words = IN_WORDS[what]
    match what:
        case Awaited.CUSTOMER:
            return f"{words}: {case.missing_in_words()}"
        case Awaited.MIGRATION if case.migration is not None:
            return case.migration.waiting_for
        case Awaited.BILLING if case.open_lines:
            return billing_in_words(case.open_lines)
        case Awaited.BILLING if case.obstacle:
            return f"billing: {case.obstacle}"
        case Awaited.BILLING:
            return f"{words} for {', '.join(case.outstanding_credit_memos)}"
        case Awaited.ERASURE if case.erasure_waits_for is not None:
            return f"{words}, which waits for {_ERASURE_WAITS_FOR[case.erasure_waits_for]}"
    return words
