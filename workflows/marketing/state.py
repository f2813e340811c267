"""What the cancellation of a marketing service knows, and how it shows it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    import contract
    from contract.steps import CampaignStop, OpenedMarketingCase
    from domain.civil_time import deadline_in_words, instant_in_words
    from domain.marketing import MarketingStage
    from domain.policy import CancellationPolicy
    from domain.refusals import RefusalDetails
    from domain.vocabulary import Verification

# Our own workflow code is loaded anew for every workflow, under the sandbox's eyes; that is meant, so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.common.web_ui import as_details, publish_changed, with_days_left


@dataclass
class MarketingCase:
    """The state of one cancellation of a marketing service. Changed by the workflow alone."""

    opened: OpenedMarketingCase
    request_id: str
    verification: Verification | None
    stage: MarketingStage = MarketingStage.INTAKE
    stage_deadline: datetime | None = None
    stop: CampaignStop | None = None
    last_refusal: RefusalDetails | None = None
    _published: dict[str, Any] = field(default_factory=dict)

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
    def is_over(self) -> bool:
        """Whether nobody need be reminded any more."""
        return self.stage.is_final

    def waiting_for(self) -> str:
        """Say what happens next and who has to do something for it; nothing, in a final stage."""
        match self.stage:
            case MarketingStage.INTAKE if self.verification is None:
                return "the marketing service's billing administrator: verification"
            case MarketingStage.INTAKE:
                return "the service to be cancelled"
            case MarketingStage.STOPPING:
                return f"the ad centre: acknowledgement for {', '.join(self.stop.outstanding if self.stop else ())}"
        return ""

    def status(self, undelivered: tuple[str, ...]) -> contract.MarketingCancellationStatus:
        """Return the status as callers get it."""
        return contract.MarketingCancellationStatus(
            cancellation=self.id,
            organization=self.opened.organization,
            time_zone=self.zone,
            stage=self.stage,
            request_id=self.request_id,
            received_at=self.opened.received_at,
            waiting_for=self.waiting_for(),
            stage_deadline=self.stage_deadline,
            verified=self.verification is not None,
            campaigns_stopped=self.stop.requested if self.stop else None,
            campaigns_outstanding=self.stop.outstanding if self.stop else (),
            ads_may_still_run=bool(self.stop and self.stop.outstanding),
            undelivered=undelivered,
            last_refusal=self.last_refusal,
        )

    def show(self, undelivered: tuple[str, ...]) -> None:
        """Show the state in the Web UI, which writes nothing to the history."""
        workflow.set_current_details(self._details(undelivered))

    def publish(self, undelivered: tuple[str, ...]) -> None:
        """Show the state in the Web UI and in the search attributes."""
        self.show(undelivered)
        wanted: dict[SearchAttributeKey[Any], Any] = {
            contract.STAGE: self.stage.value,
            contract.STAGE_DEADLINE: self.stage_deadline,
            contract.ORGANIZATION: self.opened.organization,
            contract.PLATFORM: self.opened.platform.value,
        }
        self._published = publish_changed(wanted, self._published)

    def _details(self, undelivered: tuple[str, ...]) -> str:
        """The state as a Markdown table. It holds ids, dates and words of ours: nothing that somebody wrote."""
        ends = self.stage_deadline if self.stage is MarketingStage.INTAKE else None
        return as_details(
            f"Cancellation `{self.id}`",
            [
                ("Stage", f"**{self.stage}**"),
                ("Waits for", self.waiting_for()),
                ("Abandoned if unanswered", with_days_left(ends, self.zone, deadline_in_words) if ends else ""),
                ("Organization", f"{self.opened.organization}, {self.zone}"),
                ("Received", instant_in_words(self.opened.received_at, self.zone)),
                ("Campaigns", campaigns_in_words(self.stop)),
                ("Still to be delivered", ", ".join(undelivered)),
                ("Last refusal", f"`{self.last_refusal.code}`, see the audit trail" if self.last_refusal else ""),
            ],
        )


def campaigns_in_words(stop: CampaignStop | None) -> str:
    """Say how it stands with the campaigns that were to be stopped; nothing before anybody tried."""
    if stop is None:
        return ""
    if not stop.requested:
        return "nothing was left to stop"
    if stop.outstanding:
        return f"**ads may still run and bill**: {', '.join(stop.outstanding)} not acknowledged by the ad centre"
    return f"stopped: {', '.join(stop.requested)}"
