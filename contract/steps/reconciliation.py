"""The steps of a reconciliation: slices of work, each with its findings and the place where the next one begins."""

from contract.steps.common import StepData
from domain.cases import CaseKind
from domain.reconciliation import Finding


class Suspect(StepData):
    """A case whose record is ahead of its workflow: normal for an instant, a fault if both stay as they are."""

    case: str
    run_id: str
    history_length: int
    """The length of the workflow's history: a workflow that has done nothing meanwhile has the same."""
    of_migration: bool = False
    """True if it is the workflow of the case's migration, and not its own."""


class ReconciliationSlice(StepData):
    """A slice of the work."""

    dry_run: bool
    task_queue: str
    """The task queue of the workflows that are started."""
    after: str = ""
    """The subject after which to continue."""
    kind: CaseKind | None = None
    """The kind of cases, where only one is looked at."""
    suspects: tuple[Suspect, ...] = ()
    """The cases to look at a second time."""


class SliceOutcome(StepData):
    """The outcome of a slice."""

    looked_at: int = 0
    findings: tuple[Finding, ...] = ()
    unlisted: int = 0
    """The number of further findings, which are only counted."""
    suspects: tuple[Suspect, ...] = ()
    after: str | None = None
    """The subject after which the next slice continues; null at the end."""
