"""The findings of a reconciliation: where the records, the workflows and the copies of data do not agree."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class FindingKind(StrEnum):
    """A kind of disagreement. Its name never changes: programs act on it."""

    WORKFLOW_MISSING = "workflow_missing"
    RECORD_BEHIND = "record_behind"
    RECORD_AHEAD = "record_ahead"
    MESSAGES_LEFT = "messages_left"
    COPIES_LEFT = "copies_left"
    MIGRATION_LEFT = "migration_left"
    END_DATE_MISSING = "end_date_missing"
    CASE_MISSING = "case_missing"
    WORKFLOW_SUSPENDED = "workflow_suspended"
    DEADLINE_PASSED = "deadline_passed"
    ACTIVITY_PAUSED = "activity_paused"
    ERASURE_UNCERTAIN = "erasure_uncertain"
    COPIES_UNEXPLAINED = "copies_unexplained"
    SCHEMA_UNEXPLAINED = "schema_unexplained"
    SCHEDULE_MISSING = "schedule_missing"
    SCHEDULE_PAUSED = "schedule_paused"
    LINES_OVERDUE = "lines_overdue"
    PART_UNAVAILABLE = "part_unavailable"


class Outcome(StrEnum):
    """The outcome of a finding."""

    MENDED = "mended"
    TO_BE_MENDED = "to_be_mended"
    """A dry run found it; a real one would mend it."""
    LEFT = "left"
    """The records do not prove what would be right: a person decides."""


FOUND = {
    FindingKind.WORKFLOW_MISSING: "its workflow does not run, although the work is not finished",
    FindingKind.RECORD_BEHIND: "its workflow knows of steps that are not in the database, as after a restore of it",
    FindingKind.RECORD_AHEAD: "its workflow does not know of steps that are in the database, as after a reset without its requests",
    FindingKind.MESSAGES_LEFT: "it has ended, and nothing delivers its messages",
    FindingKind.COPIES_LEFT: "it has ended, and copies of the data are still in the object store",
    FindingKind.MIGRATION_LEFT: "its migration is open, although the cancellation has ended",
    FindingKind.END_DATE_MISSING: "the credit memos of a line are posted, and its decided end date is not set",
    FindingKind.CASE_MISSING: "its workflow runs, but the database has no such case, as after a restore of it",
    FindingKind.WORKFLOW_SUSPENDED: "its workflow does not answer",
    FindingKind.DEADLINE_PASSED: "its workflow runs, but a due date has passed without effect",
    FindingKind.ACTIVITY_PAUSED: "an operator has paused an activity of its workflow",
    FindingKind.ERASURE_UNCERTAIN: "it is closed, the organization has a schema, and the records do not say whether it is to be erased",
    FindingKind.COPIES_UNEXPLAINED: "there are objects in the object store that no recorded case explains",
    FindingKind.SCHEMA_UNEXPLAINED: "a schema was prepared that belongs to no organization, or that was erased",
    FindingKind.SCHEDULE_MISSING: "Temporal does not have this schedule",
    FindingKind.SCHEDULE_PAUSED: "the schedule is paused",
    FindingKind.LINES_OVERDUE: "the nightly update has left lines alone that have been due for more than two days",
    FindingKind.PART_UNAVAILABLE: "it could not be looked at",
}
"""The disagreement in words, after its subject."""

MENDING = {
    FindingKind.WORKFLOW_MISSING: "started again from the record",
    FindingKind.RECORD_BEHIND: "terminated and started again from the record",
    FindingKind.RECORD_AHEAD: "terminated and started again from the record",
    FindingKind.MESSAGES_LEFT: "delivered by a workflow of their own",
    FindingKind.COPIES_LEFT: "removed",
    FindingKind.END_DATE_MISSING: "set by its workflow",
    FindingKind.MIGRATION_LEFT: "ended as withdrawn, with its transferred data removed",
}
"""The way in which a kind is mended, where the records prove what is right."""


class Finding(BaseModel):
    """One disagreement."""

    model_config = ConfigDict(frozen=True)

    kind: FindingKind
    subject: str
    """The id of a case, a workflow, an organization or a schedule, a prefix of keys or a schema."""
    outcome: Outcome
    reason: str = ""
    """The code of an error, or a date: whatever narrows it down."""
    words: str
    """The finding as a sentence for people."""

    @classmethod
    def of(cls, kind: FindingKind, subject: str, outcome: Outcome, reason: str = "") -> "Finding":
        """Return a finding with its sentence."""
        said = f"{subject}: {FOUND[kind]}{f' ({reason})' if reason else ''}"
        match outcome:
            case Outcome.MENDED:
                said = f"{said}; {MENDING[kind]}"
            case Outcome.TO_BE_MENDED:
                said = f"{said}; to be {MENDING[kind]}"
        return cls(kind=kind, subject=subject, outcome=outcome, reason=reason, words=f"{said}.")
