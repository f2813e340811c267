"""The restoration of what a run of the update changed: which lines go back to their dates, and which must not."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from domain.lines.runs import FailedLine
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input

Dates = Mapping[str, object]
"""A line's dates and whether it is closed, by the names that the audit trail has for them."""


class RunUnknown(Refusal):
    """An id that no run of the update has."""

    code = "run_unknown"

    def __init__(self, run: str) -> None:
        super().__init__(
            f"There is no run {run!r} of the update of line dates.", remedy=Remedy.of(RemedyKind.LIST_RUNS), run=run
        )


class RunInProgress(Refusal):
    """The restoration of a run that goes on: it would change again what is taken back."""

    code = "run_in_progress"

    def __init__(self, run: str) -> None:
        super().__init__(
            f"The run {run!r} of the update of line dates has not ended.",
            remedy=Remedy.of(RemedyKind.AWAIT_RUN),
            run=run,
        )


class LineChangedSince(Refusal):
    """A line whose dates were changed after the run whose changes are taken back."""

    code = "line_changed_since"

    def __init__(self, line: str, run: str) -> None:
        super().__init__(
            f"The dates of line {line} were changed after {run!r}, and stay as they are.",
            remedy=correct_input("Take back later runs first, newest to oldest, or set the line's dates by import."),
            line=line,
            run=run,
        )


class LineFrozenSince(Refusal):
    """A line whose changes by a run are not taken back, because it is under a cancellation."""

    code = "line_frozen_since"

    def __init__(self, line: str, cancellation: str) -> None:
        super().__init__(
            f"Line {line} is under cancellation {cancellation}, and its dates stay as they are.",
            remedy=Remedy.of(RemedyKind.SHOW_CANCELLATION, cancellation=cancellation),
            line=line,
            cancellation=cancellation,
        )


class LineLocked(Refusal):
    """A line that another transaction had locked, with its contract line or its subscription."""

    code = "line_locked"

    def __init__(self, line: str) -> None:
        super().__init__(
            f"Line {line} was being changed at that moment.", remedy=Remedy.of(RemedyKind.RETRY), line=line
        )


@dataclass(frozen=True)
class RunChange:
    """What a run did to one line: the dates before its first change, and after its last."""

    line: str
    subscription: str
    before: Dates
    after: Dates

    def is_present(self, present: Dates) -> bool:
        """Return true if a line has the dates that the run gave it."""
        return all(present[name] == value for name, value in self.after.items())


class RunRestored(BaseModel):
    """The result of taking a run back."""

    model_config = ConfigDict(frozen=True)

    run: str
    restored: int = 0
    """The number of lines that have the dates from before the run again."""
    restored_before: int = 0
    """The number of lines that an earlier restoration of the same run had taken back."""
    left: int = 0
    """The number of lines that were left as they are."""
    left_lines: tuple[FailedLine, ...] = ()
    """The first of them, with the reasons."""


def check_restorable(
    run: str, change: RunChange, present: Dates, *, frozen_by: str | None, changed_since: bool
) -> None:
    """Refuse to take back the change of a line that is not as the run left it.

    ``changed_since`` says that the audit trail has a later change of its dates, even if they are the same again.

    Raises:
        LineFrozenSince, LineChangedSince.

    """
    if frozen_by is not None:
        raise LineFrozenSince(change.line, frozen_by)
    if changed_since or not change.is_present(present):
        raise LineChangedSince(change.line, run)
