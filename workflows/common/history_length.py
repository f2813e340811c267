"""The length of a workflow's history, and what it leads to."""

from temporalio import workflow

CONTINUED_AS_NEW = "cases-continued-as-new-2026-11"
"""The id of the patch (docs/upgrades.md)."""

INTERRUPTS_LONG_WORK = 4
"""The multiple of the length at which Temporal suggests to continue as new, at which the end of long work is not awaited any
more. Temporal ends a workflow at twelve times that length (`limit.historyCount.error`)."""


class HistoryLength:
    """The collaborator that knows when a workflow should continue as new."""

    def __init__(self) -> None:
        self.is_too_long = False
        """True once the history was found to have a length at which Temporal suggests to continue as new."""
        self._first_too_long = 0

    def look(self) -> None:
        """Look at the present length."""
        info = workflow.info()
        if not self.is_too_long and info.is_continue_as_new_suggested():
            self.is_too_long = workflow.patched(CONTINUED_AS_NEW)
            self._first_too_long = info.get_current_history_length()

    @property
    def interrupts_long_work(self) -> bool:
        """True once the history is so long that long work is interrupted, and begun again by the next run."""
        length = workflow.info().get_current_history_length()
        return self.is_too_long and length >= INTERRUPTS_LONG_WORK * self._first_too_long
