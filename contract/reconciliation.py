"""The reconciliation of records, workflows and copies of data: names and messages."""

from pydantic import BaseModel, ConfigDict

from contract.common import Message
from domain.reconciliation import Finding, Outcome

RECONCILIATION = "Reconciliation"
"""The type of the workflow that reconciles: takes `Reconcile`, returns `ReconciliationReport`."""

RECONCILIATION_SCHEDULE = "reconciliation"
"""The id of the schedule that runs Reconciliation, and the prefix of its workflow ids."""

QUERY_KNOWN_RECORD = "known_record"
"""Query of every workflow of a case: returns `KnownRecord`; null before the case is open."""

FINDINGS_LISTED = 1000
"""The largest number of findings that a report lists; it counts all of them."""


class Reconcile(Message):
    """Input of Reconciliation."""

    dry_run: bool = False
    """True to report what is found, and to change nothing."""


class KnownRecord(BaseModel):
    """The record of a case as far as its workflow knows it."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    stage: str
    revision: int | None = None
    """The number of the newest entry about the case in the audit trail that the workflow knows, if it knows one."""
    digest: str | None = None
    """A digest of what the workflow goes by in that record; null where it knows none, or one of an earlier version."""


class ReconciliationReport(BaseModel):
    """The result of Reconciliation."""

    model_config = ConfigDict(frozen=True)

    dry_run: bool
    looked_at: int = 0
    """The number of unfinished cases, migrations, running workflows and cases with objects that were looked at."""
    found: int = 0
    mended: int = 0
    findings: tuple[Finding, ...] = ()
    """The findings, the first thousand of them."""

    @property
    def agrees(self) -> bool:
        """True if everything agrees now: nothing was found, or all of it is mended."""
        return self.found == self.mended

    def with_findings(
        self, looked_at: int, findings: tuple[Finding, ...], *, unlisted: int = 0
    ) -> "ReconciliationReport":
        """Return the report with more findings, and with others that are only counted."""
        return self.model_copy(
            update={
                "looked_at": self.looked_at + looked_at,
                "found": self.found + len(findings) + unlisted,
                "mended": self.mended + sum(finding.outcome is Outcome.MENDED for finding in findings),
                "findings": (*self.findings, *findings)[:FINDINGS_LISTED],
            }
        )
