"""The state of a migration, and its views as query result, in the Web UI and in search attributes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from workflows.common.case_state import CaseState

with workflow.unsafe.imports_passed_through():
    import contract
    from contract.steps import MigrationState
    from domain.migration import HAND_OVERS, HandOver, MigrationStage, patience
    from domain.policy import CancellationPolicy
    from domain.words import FOR_AGENTS


@dataclass(kw_only=True, eq=False, repr=False)
class MigrationCase(CaseState[MigrationStage, contract.MigrationStatus]):
    """The state of one migration."""

    state: MigrationState
    """The recorded state."""
    subscription: str
    ended_because: str = ""

    def __post_init__(self) -> None:  # noqa: D105
        self.received_at = self.state.requested_at
        self.take(self.state)

    def take(self, state: MigrationState) -> None:
        """Adopt the recorded state and enter its stage."""
        self.state = state
        self.enter(state.stage, deadline=_deadline(state))

    @property
    def id(self) -> str:
        """The cancellation's id."""
        return self.state.cancellation

    @property
    def hand_over(self) -> HandOver | None:
        """The hand-over that the migration waits for; None while it waits for a time."""
        return HAND_OVERS.get(self.stage)

    @property
    def zone(self) -> str:
        """The organization's time zone."""
        return self.state.time_zone

    @property
    def policy(self) -> CancellationPolicy:
        """The durations of the case."""
        return self.state.policy

    def waiting_for(self) -> str:
        """Return the next event and the party that must act for it, in words; empty in a final stage."""
        queue = self.state.queue.replace("_", " ")
        match self.stage:
            case MigrationStage.REQUESTED:
                return f"{queue}: acceptance of the migration, with the IT department's address and the time"
            case MigrationStage.SCHEDULED:
                return "the time of the transfer"
            case MigrationStage.TRANSFERRING:
                return "the transfer of the data, which runs by itself"
            case MigrationStage.AVAILABLE:
                return "the IT department: download of the data, and its acknowledgement"
            case MigrationStage.DOWNLOADED:
                return f"{queue}: the report that the migration is complete"
        return ""

    def moved(self) -> contract.MigrationMoved:
        """Return the state of the migration for the cancellation that waits for it."""
        return contract.MigrationMoved(
            stage=self.stage, waiting_for=self.waiting_for(), deadline=self.stage_deadline, cancellation=self.id
        )

    def status(self, undelivered: tuple[str, ...]) -> contract.MigrationStatus:
        """Return the status for callers."""
        return contract.MigrationStatus(
            cancellation=self.id,
            subscription=self.subscription,
            organization=self.state.organization,
            time_zone=self.zone,
            platform=self.state.platform,
            queue=self.state.queue,
            stage=self.stage,
            waiting_for=self.waiting_for(),
            stage_deadline=self.stage_deadline,
            requested_at=self.state.requested_at,
            transfer_at=self.state.transfer_at,
            transfer=self.state.transfers,
            tables=self.state.tables,
            rows=self.state.rows,
            bytes=self.state.bytes,
            sha256=self.state.sha256,
            undelivered=undelivered,
            last_refusal=self.last_refusal,
            held_up_because=self.held_up_because,
            ended_because=self.ended_because,
            fetched=self.state.fetched,
        )

    def _search_attributes(self) -> dict[SearchAttributeKey[Any], Any]:
        return {
            contract.MIGRATION_STAGE: self.stage.value,
            contract.STAGE_DEADLINE: self.stage_deadline,
            contract.ORGANIZATION: self.state.organization,
            contract.PLATFORM: self.state.platform.value,
        }

    def _heading(self) -> str:
        return "On-premises migration of"

    def _rows(self) -> list[tuple[str, str]]:
        state = self.state
        return [
            ("Begins" if self.stage is MigrationStage.SCHEDULED else "Given up", self._in_words(self.stage_deadline)),
            ("Queue", f"`{state.queue}` ({state.platform})"),
            ("Organization", f"{state.organization}, {self.zone}"),
            ("Requested", self._in_words(state.requested_at)),
            ("Transfer", f"{state.transfers}" if state.transfers else ""),
            ("Transferred", f"{state.rows} rows of {state.tables} tables, {state.bytes} bytes" if state.bytes else ""),
            ("SHA-256", f"`{state.sha256}`" if state.sha256 else ""),
            ("Because", self.ended_because),
        ]

    def _in_words(self, instant: datetime | None) -> str:
        return "" if instant is None else FOR_AGENTS.instant(instant, self.zone)


def _deadline(state: MigrationState) -> datetime | None:
    """Return the instant (UTC) at which the stage ends by itself: the time of the transfer, or the end of patience."""
    if state.stage is MigrationStage.SCHEDULED:
        return state.transfer_at
    if (hand_over := HAND_OVERS.get(state.stage)) is None:
        return None
    return state.stage_since + patience(state.policy, hand_over).limit
