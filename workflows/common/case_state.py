"""The state of a case: its stage, and its views as query result, in the Web UI and in search attributes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from workflows.common.web_ui import as_details, publish_changed

with workflow.unsafe.imports_passed_through():
    from contract import HELD_UP
    from contract.steps import CampaignStop, CaseRecord, Continued
    from domain.marketing import MarketingStage
    from domain.migration import MigrationStage
    from domain.policy import CancellationPolicy
    from domain.refusals import RefusalDetails
    from domain.vocabulary import Stage, Verification


AnyStage = TypeVar("AnyStage", bound=Stage | MarketingStage | MigrationStage)
Status = TypeVar("Status")


class CaseState(ABC, Generic[AnyStage, Status]):
    """The state of one case. Only its workflow changes it, the stage only through `enter`; all views are derived from it.

    The kinds of cases are dataclasses, and this base is none: workflow code is reloaded for every workflow, and each
    dataclass costs a millisecond of it.
    """

    subscription: str | None
    """The subscription of the case, if it has one."""
    received_at: datetime
    """The instant (UTC) at which the case was received."""
    last_refusal: RefusalDetails | None = None
    held_up: RefusalDetails | None = None
    """The refusal that the next step of the story meets, while it waits to try again."""
    record: CaseRecord | None = None
    """The newest record of the case that a step returned."""
    _stage: AnyStage
    _stage_deadline: datetime | None = None
    _published: Mapping[str, Any] = MappingProxyType({})

    @property
    @abstractmethod
    def id(self) -> str:
        """The case's id."""

    @property
    @abstractmethod
    def zone(self) -> str:
        """The organization's time zone when the case was opened."""

    @property
    @abstractmethod
    def policy(self) -> CancellationPolicy:
        """The durations of the case."""

    @property
    def stage(self) -> AnyStage:
        """The current stage."""
        return self._stage

    @property
    def stage_deadline(self) -> datetime | None:
        """The instant (UTC) at which the stage ends by itself, if it does."""
        return self._stage_deadline

    def enter(self, stage: AnyStage, *, deadline: datetime | None = None) -> None:
        """Begin a stage, or give the current one another deadline."""
        self._stage, self._stage_deadline = stage, deadline

    def adopt(self, record: CaseRecord) -> bool:
        """Take over what the records say of the case, but for its stage; return False if that is no news.

        The results of steps that were taken at the same time may arrive in any order.
        """
        if self.record is not None and record.revision < self.record.revision:
            return False
        self.record = record
        return True

    def left(self, requests_received: int) -> Continued:
        """Return the state that is in no record, for the run that continues the case."""
        return Continued(requests_received=requests_received, last_refusal=self.last_refusal)

    def take_over(self, continued: Continued) -> None:
        """Take over what the run before left."""
        self.last_refusal = continued.last_refusal

    @property
    def is_overtaken(self) -> bool:
        """True if the record is further than this workflow: a step was recorded, and its workflow task was lost."""
        return False

    @abstractmethod
    def waiting_for(self) -> str:
        """Return the next event and the party that must act for it, in words; empty in a final stage."""

    @abstractmethod
    def status(self, undelivered: tuple[str, ...]) -> Status:
        """Return the status for callers."""

    def show(self, undelivered: tuple[str, ...]) -> None:
        """Show the state in the Web UI, which writes nothing to the history.

        The table contains ids, dates and words of ours: no address, and no text that people entered.
        """
        rows = [
            ("Stage", f"**{self.stage}**"),
            ("Held up", f"`{self.held_up.code}`: {self.held_up.message}" if self.held_up else ""),
            ("Waits for", self.waiting_for()),
            *self._rows(),
            ("Still to be delivered", ", ".join(undelivered)),
            ("Last refusal", f"`{self.last_refusal.code}`, see the audit trail" if self.last_refusal else ""),
        ]
        # The id is code: the Web UI's font would make a fraction of its slash.
        workflow.set_current_details(as_details(f"{self._heading()} `{self.id}`", rows))

    def publish(self, undelivered: tuple[str, ...]) -> None:
        """Show the state in the Web UI and in the search attributes; called before every wait and at the end."""
        self.show(undelivered)
        attributes = self._search_attributes() | {HELD_UP: self.held_up.code if self.held_up else None}
        self._published = publish_changed(attributes, self._published)

    @property
    def is_published_as_held_up(self) -> bool:
        """True if the search attributes say that the case is held up."""
        return self._published.get(HELD_UP.name) is not None

    @property
    def held_up_because(self) -> str:
        """The reason why the story cannot take its next step, in words; empty if it can."""
        return self.held_up.message if self.held_up else ""

    @abstractmethod
    def _heading(self) -> str:
        """Return the name of this kind of case, which precedes its id."""

    @abstractmethod
    def _rows(self) -> list[tuple[str, str]]:
        """Return the table's rows for this kind of case; a row without a name or a value is left out."""

    @abstractmethod
    def _search_attributes(self) -> dict[SearchAttributeKey[Any], Any]:
        """Return the search attributes of this kind of case; a value of None unsets the attribute."""


class CancellationState(CaseState[AnyStage, Status]):
    """The state of a case that cancels something for a billing administrator, and stops campaigns."""

    request_id: str
    """The request that opened the case."""
    stop: CampaignStop | None = None
    """The state of the campaigns to be stopped."""

    @property
    @abstractmethod
    def is_verified(self) -> bool:
        """True once the billing administrator is verified."""

    @abstractmethod
    def verify(self, how: Verification) -> None:
        """Mark the billing administrator as verified."""

    def _campaigns(self) -> str:
        """Return the state of the campaigns in words; empty before an attempt to stop them."""
        if self.stop is None:
            return ""
        if not self.stop.requested:
            return "nothing was left to stop"
        if self.stop.outstanding:
            return (
                f"**ads may still run and bill**: {', '.join(self.stop.outstanding)} not acknowledged by the ad centre"
            )
        return f"stopped: {', '.join(self.stop.requested)}"
