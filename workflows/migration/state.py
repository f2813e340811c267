"""What a migration workflow knows, and how it shows it: as query result, in the Web UI, in search attributes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    import contract
    from contract.steps import MigrationState
    from domain.civil_time import instant_in_words
    from domain.migration import HAND_OVERS, HandOver, MigrationStage, patience
    from domain.refusals import RefusalDetails


@dataclass
class MigrationCase:
    """The state of one migration. Changed by the workflow alone; everything shown is derived from it."""

    state: MigrationState
    subscription: str
    last_refusal: RefusalDetails | None = None
    ended_because: str = ""
    _published: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The cancellation's id."""
        return self.state.cancellation

    @property
    def stage(self) -> MigrationStage:
        """Where it stands."""
        return self.state.stage

    @property
    def hand_over(self) -> HandOver | None:
        """What is waited for, if it is not the clock."""
        return HAND_OVERS.get(self.stage)

    @property
    def zone(self) -> str:
        """The organization's time zone."""
        return self.state.time_zone

    @property
    def deadline(self) -> datetime | None:
        """When the stage ends by itself (UTC): the time of the transfer, or the end of patience."""
        if self.stage is MigrationStage.SCHEDULED:
            return self.state.transfer_at
        if (hand_over := self.hand_over) is None:
            return None
        return self.state.stage_since + patience(self.state.policy, hand_over).limit

    def waiting_for(self) -> str:
        """Say what happens next and who has to do something for it; nothing, in a final stage."""
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
        """Return what the cancellation is told."""
        return contract.MigrationMoved(stage=self.stage, waiting_for=self.waiting_for(), deadline=self.deadline)

    def status(self, undelivered: tuple[str, ...]) -> contract.MigrationStatus:
        """Return the status as callers get it."""
        return contract.MigrationStatus(
            cancellation=self.id,
            subscription=self.subscription,
            organization=self.state.organization,
            time_zone=self.zone,
            platform=self.state.platform,
            queue=self.state.queue,
            stage=self.stage,
            waiting_for=self.waiting_for(),
            stage_deadline=self.deadline,
            requested_at=self.state.requested_at,
            transfer_at=self.state.transfer_at,
            transfer=self.state.transfers,
            tables=self.state.tables,
            rows=self.state.rows,
            bytes=self.state.bytes,
            sha256=self.state.sha256,
            undelivered=undelivered,
            last_refusal=self.last_refusal,
            ended_because=self.ended_because,
        )

    def show(self, undelivered: tuple[str, ...]) -> None:
        """Show the state in the Web UI, which writes nothing to the history."""
        workflow.set_current_details(self._details(undelivered))

    def publish(self, undelivered: tuple[str, ...]) -> None:
        """Show the state in the Web UI and, where they changed, in the search attributes."""
        self.show(undelivered)
        wanted: dict[SearchAttributeKey[Any], Any] = {
            contract.MIGRATION_STAGE: self.stage.value,
            contract.STAGE_DEADLINE: self.deadline,
            contract.ORGANIZATION: self.state.organization,
            contract.PLATFORM: self.state.platform.value,
        }
        changed = [
            key.value_unset() if value is None else key.value_set(value)
            for key, value in wanted.items()
            if self._published.get(key.name) != value
        ]
        if changed:
            workflow.upsert_search_attributes(changed)
            self._published = {key.name: value for key, value in wanted.items()}

    def _details(self, undelivered: tuple[str, ...]) -> str:
        """The state as a Markdown table. It holds ids, dates and words of ours: no address, and nothing somebody wrote."""
        state = self.state
        rows = [
            ("Stage", f"**{self.stage}**"),
            ("Waits for", self.waiting_for()),
            ("Begins" if self.stage is MigrationStage.SCHEDULED else "Given up", self._in_words(self.deadline)),
            ("Queue", f"`{state.queue}` ({state.platform})"),
            ("Organization", f"{state.organization}, {self.zone}"),
            ("Requested", self._in_words(state.requested_at)),
            ("Transfer", f"{state.transfers}" if state.transfers else ""),
            ("Transferred", f"{state.rows} rows of {state.tables} tables, {state.bytes} bytes" if state.bytes else ""),
            ("SHA-256", f"`{state.sha256}`" if state.sha256 else ""),
            ("Because", self.ended_because),
            ("Still to be delivered", ", ".join(undelivered)),
            ("Last refusal", f"`{self.last_refusal.code}`, see the audit trail" if self.last_refusal else ""),
        ]
        table = "\n".join(f"| {name} | {value} |" for name, value in rows if name and value)
        return f"### On-premises migration of `{self.id}`\n\n| | |\n|---|---|\n{table}\n"

    def _in_words(self, instant: datetime | None) -> str:
        return "" if instant is None else instant_in_words(instant, self.zone)
