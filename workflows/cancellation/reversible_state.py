"""The state that cancellations of subscriptions and of single lines share, and its views."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from workflows.common.case_state import CancellationState, Status

with workflow.unsafe.imports_passed_through():
    import contract
    from contract.steps import BillingWait, CaseRecord, OpenedCase, Quoted
    from domain.cancellation.checklist import Checklist
    from domain.cancellation.open_billing import OpenLine, awaited_credit_memos
    from domain.civil_dates import day_text
    from domain.civil_time import day_of, start_of_day
    from domain.lines.quote import Quote
    from domain.policy import CancellationPolicy
    from domain.vocabulary import Question, Stage, Termination, Verification


@dataclass(kw_only=True, eq=False, repr=False)
class ReversibleCase(CancellationState[Stage, Status]):
    """The state of one cancellation that can be undone."""

    opened: OpenedCase
    subscription: str
    request_id: str
    received_at: datetime
    checklist: Checklist
    quote: Quote | None = None
    awaits_approval: bool = False
    outstanding_credit_memos: tuple[str, ...] = ()
    """The invoices for which a case waits in `preparing`, in a history of a version that waited there."""
    billing: BillingWait | None = None
    """What billing still has to do, beside the story."""
    obstacle: str = ""
    """The reason why the lines cannot be ended as they are, if no credit memo would help."""
    access_ended_on: date | None = None
    reversal_deadline: datetime | None = None
    abandoned_because: str = "the checklist was not finished in time"
    requester: str
    """The actor who asked for the cancellation."""
    goodwill_reason: str | None
    goodwill_approved: bool = False
    taken_over_by: str | None = None
    """The workflow of the cancellation of the whole subscription that ends the line of an undone case, if one does."""
    restarts: int = 0
    """How often the case had been taken back to its preparation when this workflow began it."""
    _stage: Stage = field(default=Stage.INTAKE, init=False)

    def adopt(self, record: CaseRecord) -> bool:
        """Take over the recorded checklist and dates."""
        if not super().adopt(record):
            return False
        self.checklist = self.checklist.recorded(
            record.answered,
            termination=record.termination,
            termination_date=record.termination_date,
            data=record.data,
            campaigns=record.campaigns,
            verification=record.verification,
        )
        self.access_ended_on, self.reversal_deadline = record.access_ended_on, record.reversal_deadline
        if record.corrections is not None:  # null in a history that knows none
            self.goodwill_reason, self.goodwill_approved = record.goodwill_reason, record.goodwill_approved
        return True

    @property
    def is_overtaken(self) -> bool:
        """True if the record is in a later phase than this workflow, or was taken back to its preparation."""
        if self.record is None:
            return False
        return Stage(self.record.stage).phase > self.stage.phase or self.record.restarts != self.restarts

    @property
    def awaits_goodwill(self) -> bool:
        """True while a goodwill is requested and not approved."""
        return self.goodwill_reason is not None and not self.goodwill_approved

    def nth(self, step: str) -> str:
        """Return the name of a step that a corrected case takes once more."""
        return f"{step}/{self.record.corrections}" if self.record is not None and self.record.corrections else step

    def start_from_record(self, opened: OpenedCase) -> None:
        """Enter the recorded stage, with everything that is recorded of it."""
        if opened.record is None:
            return
        self.opened, self.restarts = opened, opened.record.restarts
        self.adopt(opened.record)
        self.quote, self.taken_over_by = opened.quote, opened.taken_over_by
        self.goodwill_approved = opened.goodwill_approved_by is not None
        stage = Stage(opened.record.stage)
        # The first thing that is prepared, so that an approval may come before the story has found its place.
        self.awaits_approval = (
            stage is Stage.PREPARING and opened.goodwill_reason is not None and not self.goodwill_approved
        )
        self.enter(stage, deadline=self._recorded_deadline(stage))

    def _recorded_deadline(self, stage: Stage) -> datetime | None:
        match stage:
            case Stage.SCHEDULED if self.record is not None and self.record.access_ends_at is not None:
                return self.record.access_ends_at
            case Stage.SCHEDULED if self.checklist.termination_date is not None:  # a history older than that
                return start_of_day(self.checklist.termination_date, self.zone)
            case Stage.CANCELED:
                return self.reversal_deadline
        return None

    @property
    def id(self) -> str:
        """The cancellation's id."""
        return self.opened.cancellation

    @property
    def zone(self) -> str:
        """The organization's time zone when the case was opened."""
        return self.checklist.facts.time_zone

    @property
    def policy(self) -> CancellationPolicy:
        """The durations of the case."""
        return self.opened.policy

    @property
    def is_verified(self) -> bool:
        """True once the billing administrator is verified."""
        return self.checklist.verification is not None

    def take_quote(self, outcome: Quoted) -> None:
        """Take over what a step has found to be the meaning of the case for the lines."""
        self.quote = outcome.quote or self.quote

    @property
    def termination_date(self) -> date | None:
        """The last day of access, as recorded or as answered; None until a way is named."""
        recorded = self.record.termination_date if self.record is not None else None
        return recorded or self.checklist.termination_date

    @property
    def termination(self) -> Termination | None:
        """The way in which the end of access is asked for; None until it is."""
        return None if Question.TERMINATION_DATE in self.checklist.open_questions else self.checklist.termination

    def verify(self, how: Verification) -> None:
        """Mark the billing administrator as verified."""
        self.checklist = self.checklist.verified(how)

    def today(self) -> date:
        """Return today's civil date in the organization's zone."""
        return day_of(workflow.now(), self.zone)

    @property
    def open_lines(self) -> tuple[OpenLine, ...]:
        """The lines whose end waits for credit memos."""
        undone = self.stage.is_final and self.stage is not Stage.CLOSED
        return () if self.billing is None or undone else self.billing.lines

    def _shared_status(self, undelivered: tuple[str, ...]) -> dict[str, Any]:
        """Return the fields of the status that all kinds share (`contract.ReversibleStatus`)."""
        return {
            "cancellation": self.id,
            "subscription": self.subscription,
            "organization": self.opened.organization,
            "time_zone": self.zone,
            "stage": self.stage,
            "reason_code": self.opened.reason_code,
            "request_id": self.request_id,
            "received_at": self.received_at,
            "channel": self.opened.channel,
            "waiting_for": self.waiting_for(),
            "stage_deadline": self.stage_deadline,
            "open_questions": self.checklist.open_questions if self.stage is Stage.INTAKE else (),
            "verified": self.is_verified,
            "termination": self.termination,
            "termination_date": self.termination_date,
            "reversal_deadline": self.reversal_deadline,
            "quote": self.quote,
            "outstanding_credit_memos": self.outstanding_credit_memos or awaited_credit_memos(self.open_lines),
            "open_billing": self.open_lines,
            "undelivered": undelivered,
            "last_refusal": self.last_refusal,
            "held_up_because": self.held_up_because,
        }

    def _search_attributes(self) -> dict[SearchAttributeKey[Any], Any]:
        return {
            contract.STAGE: self.stage.value,
            contract.STAGE_DEADLINE: self.stage_deadline,
            contract.REVERSAL_DEADLINE: self.reversal_deadline,
            contract.ORGANIZATION: self.opened.organization,
            contract.PLATFORM: self.opened.platform.value,
        }

    def _heading(self) -> str:
        return "Cancellation"

    def missing_in_words(self) -> str:
        """Return what the customer still has to give."""
        missing = [question.value.replace("_", " ") for question in self.checklist.open_questions]
        if not self.is_verified:
            missing.append("verification of the billing administrator")
        return ", ".join(missing)

    def _line_ends(self) -> str:
        if self.quote is None or self.stage not in (Stage.SCHEDULED, Stage.CANCELED, Stage.CLOSED):
            return ""
        waiting = {line.line for line in self.open_lines}
        return "<br>".join(
            f"{day_text(line.decision.end_date)} ({line.partner} line {line.decision.line_id})"
            f"{', **waits for billing**' if line.decision.line_id in waiting else ''}"
            for line in self.quote.lines
        )
