"""The scenes of the demonstration: the steps of customer, agent, support queue, IT department and ad centre.

Each scene derives its next step from the state of its case, so that it continues wherever an earlier run was killed.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import contract
from contract import Attestation, CancellationStatus, ExportStatus, MarketingCancellationStatus
from domain.cancellation.identity import Identity
from domain.cancellation.lifecycle import CancellationUnknown
from domain.marketing import MarketingCancellationUnknown, MarketingStage
from domain.migration import MigrationStage, MigrationUnknown
from domain.vocabulary import DataChoice, Question, Stage, Termination
from domain.words import FOR_AGENTS
from starter.sample import sample_document
from starter.service import Offramp

AGENT = "demo-agent"
TRUST = Attestation(reason="the demonstration trusts itself")
ONCE = "demo"
"""The request id of everything that a scene asks for: a repetition is the same request."""

TRANSFER_AFTER = timedelta(seconds=5)

SAMPLE: dict[str, Any] = json.loads(sample_document())
ORGANIZATIONS: dict[str, dict[str, Any]] = {
    organization["id"]: organization for organization in SAMPLE["organizations"]
}
OWNERS: dict[str, str] = {subscription["id"]: subscription["organization"] for subscription in SAMPLE["subscriptions"]}
"""The organization of each subscription."""


@dataclass(frozen=True)
class Shown:
    """The state of a scene."""

    stage: str
    next: str
    arrived: bool


@dataclass(frozen=True)
class CancellationScene:
    """The cancellation of a subscription, taken to a stage or to its end."""

    name: str
    """The subscription."""
    aim: Stage
    about: str
    data: DataChoice = DataChoice.NONE

    @property
    def workflow_id(self) -> str:
        """The workflow id under which the Temporal Web UI shows it."""
        return contract.cancellation_workflow_id(self.name)

    async def take_next_step(self, service: Offramp) -> Shown:
        """Take the next step, if there is one, and return the state."""
        organization = ORGANIZATIONS[OWNERS[self.name]]
        identity = identity_of(organization)
        try:
            status = await service.cancellations.status(self.name)
        except CancellationUnknown:
            return self._shown(await self._start(service, identity))
        if self._arrived(status):
            return self._shown(status)
        if status.export is ExportStatus.READY:
            status = await service.exports.acknowledge(self.name, actor=AGENT, request_id=ONCE)
        elif self.data is DataChoice.MIGRATE and status.stage is Stage.PREPARING:
            await self._migrate(service)
        elif self.aim is Stage.REVERSED and status.stage is Stage.CANCELED:
            status = await service.cancellations.reverse(
                self.name, identity, actor=AGENT, reason="we found the budget", request_id=ONCE
            )
        return self._shown(status)

    async def _start(self, service: Offramp, identity: Identity) -> CancellationStatus:
        answers = {
            Question.ORGANIZATION_URL: identity.organization_url,
            Question.ORGANIZATION_NAME: identity.organization_name,
        }
        if self.aim is not Stage.INTAKE:
            answers |= {
                Question.BILLING_ADMINISTRATOR: identity.billing_administrator,
                Question.TERMINATION_DATE: Termination.NOW,
                Question.DATA: self.data,
            }
        return await service.cancellations.start(
            contract.StartCancellation(
                subscription=self.name,
                actor=AGENT,
                request_id=ONCE,
                answers={question.value: answer for question, answer in answers.items()},
                attestation=TRUST if self.aim is not Stage.INTAKE else None,
                reason=self.about,
            )
        )

    async def _migrate(self, service: Offramp) -> None:
        """Act as the support queue, and as the IT department."""
        try:
            stage = (await service.migrations.status(self.name)).migration.stage
        except MigrationUnknown:
            return  # requested, but not begun yet
        if stage is MigrationStage.REQUESTED:
            await service.migrations.accept(
                self.name,
                contact="it@delta.example.com",
                transfer_at=datetime.now(UTC) + TRANSFER_AFTER,
                actor=AGENT,
                request_id=ONCE,
            )
        elif stage is MigrationStage.AVAILABLE:
            await service.migrations.acknowledge_download(self.name, actor=AGENT, request_id=ONCE)
        elif stage is MigrationStage.DOWNLOADED:
            await service.migrations.report_completed(self.name, actor=AGENT, request_id=ONCE)

    def _shown(self, status: CancellationStatus) -> Shown:
        next_ = f"waits for {status.waiting_for}" if status.waiting_for else ""
        if status.stage is Stage.CANCELED and status.reversal_deadline:
            next_ = f"reversible until {FOR_AGENTS.deadline(status.reversal_deadline, status.time_zone)}"
        return Shown(status.stage.value, next_, self._arrived(status))

    def _arrived(self, status: CancellationStatus) -> bool:
        """Return true if it has reached its goal, or an end to which another terminal or a long pause has taken it."""
        if status.stage is Stage.CLOSED and self.data is DataChoice.EXPORT:
            return status.erased_at is not None
        order = list(Stage)
        reached = order.index(status.stage) >= order.index(self.aim)
        return status.stage.is_final or (self.aim is not Stage.REVERSED and reached)


@dataclass(frozen=True)
class MarketingScene:
    """The cancellation of a marketing service alone, by its own administrator."""

    name: str
    """The organization."""
    about: str

    @property
    def workflow_id(self) -> str:
        """The workflow id under which the Temporal Web UI shows it."""
        return contract.marketing_workflow_id(self.name)

    async def take_next_step(self, service: Offramp) -> Shown:
        """Start it; then act as the ad centre, which stops one campaign after the other."""
        try:
            status = await service.marketing.status(self.name)
        except MarketingCancellationUnknown:
            return _marketing_shown(await self._start(service))
        if status.stage is MarketingStage.STOPPING and status.campaigns_outstanding:
            campaign = status.campaigns_outstanding[0]
            await service.marketing.acknowledge_stop(campaign, actor="ad-centre", request_id=f"{ONCE}-{campaign}")
        return _marketing_shown(status)

    async def _start(self, service: Offramp) -> MarketingCancellationStatus:
        return await service.marketing.cancel(
            contract.StartMarketingCancellation(
                organization=self.name,
                actor=AGENT,
                request_id=ONCE,
                administrator=ORGANIZATIONS[self.name]["marketing_service"]["billing_administrator"],
                attestation=TRUST,
                reason=self.about,
            )
        )


def identity_of(organization: dict[str, Any]) -> Identity:
    """Return what an organization's billing administrator knows."""
    return Identity(
        billing_administrator=organization["billing_administrator"],
        organization_url=organization["url"],
        organization_name=organization["unique_name"],
    )


def _marketing_shown(status: MarketingCancellationStatus) -> Shown:
    next_ = f"waits for {status.waiting_for}" if status.waiting_for else ""
    return Shown(status.stage.value, next_, status.stage.is_final)


Scene = CancellationScene | MarketingScene

SCENES: tuple[Scene, ...] = (
    CancellationScene("SUB-1001", Stage.CLOSED, "short reversal window, nobody changes their mind"),
    CancellationScene("SUB-1002", Stage.REVERSED, "short reversal window, the customer comes back"),
    CancellationScene("SUB-1003", Stage.CANCELED, "the real 30 days: a durable timer holds them"),
    CancellationScene("SUB-1004", Stage.INTAKE, "two answers given, waits for the rest"),
    CancellationScene("SUB-1015", Stage.CLOSED, "data exported, fetched, erased in the end", DataChoice.EXPORT),
    CancellationScene("SUB-1016", Stage.CANCELED, "first migrated on premises, then cancelled", DataChoice.MIGRATE),
    MarketingScene("ORG-ELBE", "the marketing service alone, by its own administrator"),
)
