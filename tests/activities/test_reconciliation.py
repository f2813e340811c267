"""The size of a reconciliation's findings: Temporal takes two megabytes, and a lost database has more to tell."""

from activities.reconciliation.found import Found
from contract import ReconciliationReport
from contract.reconciliation import FINDINGS_LISTED
from contract.steps import Suspect
from domain.reconciliation import Finding, FindingKind, Outcome

ONE = Finding.of(FindingKind.CASE_MISSING, "SUB-1003/1", Outcome.LEFT)
MEBIBYTE = 1 << 20


def test_a_slice_and_a_report_stay_small_and_count_everything() -> None:
    found = Found()
    for number in range(30_000):
        found.add([ONE], Suspect(case=f"SUB-{number}/1", run_id="r" * 36, history_length=number))
    assert found.is_full

    outcome = found.outcome()
    report = ReconciliationReport(dry_run=False).with_findings(
        outcome.looked_at, outcome.findings, unlisted=outcome.unlisted
    )
    report = report.with_findings(outcome.looked_at, outcome.findings, unlisted=outcome.unlisted)

    assert len(outcome.model_dump_json()) < MEBIBYTE
    assert len(report.model_dump_json()) < MEBIBYTE
    assert (report.found, report.mended, report.looked_at) == (60_000, 0, 60_000)
    assert len(report.findings) == FINDINGS_LISTED
    assert not report.agrees
