"""The state of a subscription's cancellation, and its views as query result and in the Web UI."""

from dataclasses import dataclass
from datetime import datetime

from temporalio import workflow

from workflows.cancellation.reversible_state import ReversibleCase
from workflows.cancellation.waits import wait_in_words
from workflows.common.web_ui import with_days_left

with workflow.unsafe.imports_passed_through():
    import contract
    from contract.steps import CaseRecord, Continued, OpenedCase
    from domain.civil_dates import day_text
    from domain.marketing import Consent
    from domain.vocabulary import Stage, Termination
    from domain.words import FOR_AGENTS, received_in_words


@dataclass(kw_only=True, eq=False, repr=False)
class Case(ReversibleCase[contract.CancellationStatus]):
    """The state of one cancellation of a subscription."""

    consent: Consent | None = None
    export: contract.ExportStatus | None = None
    copies_made: bool = False
    """True once there may be copies in the object store."""
    erasure_waits_for: str | None = None
    erased_at: datetime | None = None
    migration: contract.MigrationMoved | None = None
    """The state of the on-premises migration that the case waits for."""
    consent_until: datetime | None = None

    def adopt(self, record: CaseRecord) -> bool:
        """Take over the recorded checklist, consent and dates."""
        if not super().adopt(record):
            return False
        self.consent, self.consent_until = record.consent, record.consent_until
        self.export = _later(self.export, record.export)
        return True

    def left(self, requests_received: int) -> Continued:
        """Return the state that is in no record of the case: also the migration, which reports its changes alone."""
        return super().left(requests_received).model_copy(update={"migration": self.migration})

    def take_over(self, continued: Continued) -> None:
        """Take over what the run before left."""
        super().take_over(continued)
        self.migration = continued.migration

    def start_from_record(self, opened: OpenedCase) -> None:
        """Enter the recorded stage, with everything that is recorded of it."""
        if opened.record is not None:
            super().start_from_record(opened)
            self.export, self.copies_made = opened.export, opened.copies_made
            self.erased_at = opened.erased_at

    def waiting_for(self) -> str:
        """Return the next event and the party that must act for it, in words; empty in a final stage."""
        return wait_in_words(self)

    def status(self, undelivered: tuple[str, ...]) -> contract.CancellationStatus:
        """Return the status for callers."""
        return contract.CancellationStatus(
            access_ended_on=self.access_ended_on,
            marketing_consent=self.consent,
            campaigns_stopped=self.stop.requested if self.stop else None,
            campaigns_outstanding=self.stop.outstanding if self.stop else (),
            ads_may_still_run=bool(self.stop and self.stop.outstanding),
            export=self.export,
            erasure_waits_for=self.erasure_waits_for,
            erased_at=self.erased_at,
            **self._shared_status(undelivered),
        )

    def _rows(self) -> list[tuple[str, str]]:
        ends = None if self.stage.is_final else self.stage_deadline
        return [
            (_STAGE_ENDS.get(self.stage, ""), with_days_left(ends, self.zone) if ends else ""),
            ("Migration", f"`migration:{self.subscription}`: {self.migration.stage}" if self.migration else ""),
            ("Organization", f"{self.opened.organization}, {self.zone}"),
            ("Received", received_in_words(FOR_AGENTS.instant(self.received_at, self.zone), self.opened.channel)),
            ("Last day of access", self._last_day()),
            ("Access ended on", day_text(self.access_ended_on) if self.access_ended_on else ""),
            ("Billing ends on", self._line_ends()),
            ("Campaigns", self._campaigns()),
            ("Systems", f"`systems:{self.id}`" if self.record and self.record.has_open_tasks else ""),
            ("Export of the data", self.export.value if self.export else ""),
            ("Data erased", FOR_AGENTS.instant(self.erased_at, self.zone) if self.erased_at else ""),
        ]

    def _last_day(self) -> str:
        if self.termination is Termination.NOW:
            return "none: access ends at once"
        return day_text(self.termination_date) if self.termination_date else ""

    def _campaigns(self) -> str:
        if self.consent is not None and self.consent.refused:
            return f"kept: the consent was {self.consent.value.replace('_', ' ')}"
        return super()._campaigns()


_STAGE_ENDS = {
    Stage.INTAKE: "Abandoned if unanswered",
    Stage.PREPARING: "Campaigns kept if unanswered",
    Stage.SCHEDULED: "Access ends",
    Stage.CANCELED: "Reversible until",
}
"""The event at the deadline of a stage."""


def _later(known: contract.ExportStatus | None, recorded: contract.ExportStatus | None) -> contract.ExportStatus | None:
    """Return the later of two states of an export, which has only one way."""
    way = [None, *contract.ExportStatus]
    return max(known, recorded, key=way.index)
