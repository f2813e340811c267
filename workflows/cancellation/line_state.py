"""The state of the cancellation of one line, and its views as query result and in the Web UI."""

from dataclasses import dataclass
from datetime import date

from temporalio import workflow

from workflows.cancellation.reversible_state import ReversibleCase
from workflows.common.web_ui import with_days_left

with workflow.unsafe.imports_passed_through():
    import contract
    from domain.cancellation.open_billing import billing_in_words
    from domain.cancellation.waiting import IN_WORDS, Awaited, awaited
    from domain.civil_dates import day_text
    from domain.vocabulary import Stage, Termination
    from domain.words import FOR_AGENTS, received_in_words


@dataclass(kw_only=True, eq=False, repr=False)
class LineCase(ReversibleCase[contract.LineCancellationStatus]):
    """The state of one cancellation of a line."""

    line: str

    @property
    def line_ends_on(self) -> date | None:
        """The last day of the line, as recorded or as quoted; None while nothing can be decided."""
        recorded = self.record.line_ends_on if self.record is not None else None
        return recorded or (self.quote.billing_ends_on if self.quote is not None else None)

    def waiting_for(self) -> str:
        """Return the next event and the party that must act for it, in words; empty in a final stage."""
        waits_for = awaited(
            self.stage,
            is_complete=self.checklist.is_complete,
            obstacles={
                Awaited.APPROVAL: self.awaits_approval,
                Awaited.BILLING: bool(self.obstacle or self.outstanding_credit_memos),
            },
            is_to_be_erased=False,
            is_billing_open=bool(self.open_lines),
        )
        return "; ".join(self._in_detail(what) for what in waits_for)

    def status(self, undelivered: tuple[str, ...]) -> contract.LineCancellationStatus:
        """Return the status for callers."""
        return contract.LineCancellationStatus(
            subscription_line=self.line, line_ends_on=self.line_ends_on, **self._shared_status(undelivered)
        )

    def _in_detail(self, what: Awaited) -> str:
        match what:
            case Awaited.CUSTOMER:
                return f"{IN_WORDS[what]}: {self.missing_in_words()}"
            case Awaited.BILLING if self.open_lines:
                return billing_in_words(self.open_lines)
            case Awaited.BILLING if self.obstacle:
                return f"billing: {self.obstacle}"
            case Awaited.TERMINATION_DAY:
                return "the end of the last day of the line"
            case Awaited.LINES:
                return "the line to be settled"
        return IN_WORDS[what]

    def _rows(self) -> list[tuple[str, str]]:
        ends = None if self.stage.is_final else self.stage_deadline
        wished = self.termination_date if self.termination is Termination.ON_DATE else None
        return [
            (_STAGE_ENDS.get(self.stage, ""), with_days_left(ends, self.zone) if ends else ""),
            ("Line", f"`{self.line}` of `{self.subscription}`, which goes on"),
            ("Organization", f"{self.opened.organization}, {self.zone}"),
            ("Received", received_in_words(FOR_AGENTS.instant(self.received_at, self.zone), self.opened.channel)),
            ("Wished for", day_text(wished) if wished else ""),
            ("Billing ends on", self._line_ends()),
        ]


_STAGE_ENDS = {
    Stage.INTAKE: "Abandoned if unanswered",
    Stage.SCHEDULED: "The line ends",
    Stage.CANCELED: "Reversible until",
}
"""The event at the deadline of a stage."""
