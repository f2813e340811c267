"""The state of a marketing service's cancellation, and its views for callers and operators."""

from dataclasses import dataclass, field
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from workflows.common.case_state import CancellationState
from workflows.common.web_ui import with_days_left

with workflow.unsafe.imports_passed_through():
    import contract
    from contract.steps import CaseRecord, OpenedMarketingCase
    from domain.marketing import MarketingStage
    from domain.policy import CancellationPolicy
    from domain.vocabulary import Verification
    from domain.words import FOR_AGENTS, received_in_words


@dataclass(kw_only=True, eq=False, repr=False)
class MarketingCase(CancellationState[MarketingStage, contract.MarketingCancellationStatus]):
    """The state of one cancellation of a marketing service."""

    opened: OpenedMarketingCase
    subscription: None = None
    request_id: str
    verification: Verification | None
    _stage: MarketingStage = field(default=MarketingStage.INTAKE, init=False)

    def __post_init__(self) -> None:  # noqa: D105
        self.received_at = self.opened.received_at

    @property
    def id(self) -> str:
        """The case's id."""
        return self.opened.cancellation

    @property
    def zone(self) -> str:
        """The organization's time zone."""
        return self.opened.time_zone

    @property
    def policy(self) -> CancellationPolicy:
        """The durations of the case."""
        return self.opened.policy

    @property
    def is_verified(self) -> bool:
        """True once the marketing service's billing administrator is verified."""
        return self.verification is not None

    def adopt(self, record: CaseRecord) -> bool:
        """Take over the recorded verification."""
        if not super().adopt(record):
            return False
        self.verification = record.verification
        return True

    @property
    def is_overtaken(self) -> bool:
        """True if the record is in a later stage than this workflow."""
        return self.record is not None and MarketingStage(self.record.stage).phase > self.stage.phase

    def enter_recorded_stage(self) -> None:
        """Continue from the recorded stage."""
        if self.record is not None:
            self.enter(MarketingStage(self.record.stage))

    def verify(self, how: Verification) -> None:
        """Mark the marketing service's billing administrator as verified."""
        self.verification = how

    def waiting_for(self) -> str:
        """Return the next event and the party that must act for it, in words; empty in a final stage."""
        match self.stage:
            case MarketingStage.INTAKE if not self.is_verified:
                return "the marketing service's billing administrator: verification"
            case MarketingStage.INTAKE:
                return "the service to be cancelled"
            case MarketingStage.STOPPING:
                return f"the ad centre: acknowledgement for {', '.join(self.stop.outstanding if self.stop else ())}"
        return ""

    def status(self, undelivered: tuple[str, ...]) -> contract.MarketingCancellationStatus:
        """Return the status for callers."""
        return contract.MarketingCancellationStatus(
            cancellation=self.id,
            organization=self.opened.organization,
            time_zone=self.zone,
            stage=self.stage,
            request_id=self.request_id,
            received_at=self.opened.received_at,
            channel=self.opened.channel,
            waiting_for=self.waiting_for(),
            stage_deadline=self.stage_deadline,
            verified=self.is_verified,
            campaigns_stopped=self.stop.requested if self.stop else None,
            campaigns_outstanding=self.stop.outstanding if self.stop else (),
            ads_may_still_run=bool(self.stop and self.stop.outstanding),
            undelivered=undelivered,
            last_refusal=self.last_refusal,
            held_up_because=self.held_up_because,
        )

    def _search_attributes(self) -> dict[SearchAttributeKey[Any], Any]:
        return {
            contract.STAGE: self.stage.value,
            contract.STAGE_DEADLINE: self.stage_deadline,
            contract.ORGANIZATION: self.opened.organization,
            contract.PLATFORM: self.opened.platform.value,
        }

    def _heading(self) -> str:
        return "Cancellation"

    def _rows(self) -> list[tuple[str, str]]:
        ends = self.stage_deadline if self.stage is MarketingStage.INTAKE else None
        return [
            ("Abandoned if unanswered", with_days_left(ends, self.zone) if ends else ""),
            ("Organization", f"{self.opened.organization}, {self.zone}"),
            ("Received", received_in_words(FOR_AGENTS.instant(self.received_at, self.zone), self.opened.channel)),
            ("Campaigns", self._campaigns()),
        ]
