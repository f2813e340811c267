"""Notifications: the events that go by mail, and the facts that a message carries (rules, section 11)."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.cancellation.open_billing import OpenLine
from domain.cases import CaseKind
from domain.lines.explanation import Statements
from domain.lines.quote import Quote
from domain.marketing import CampaignFacts, Consent, MarketingStage
from domain.migration import HandOver, MigrationStage, Party
from domain.system_tasks import SystemErasure, SystemTaskFacts
from domain.vocabulary import Channel, Event, Platform, ReceiptChannel, Stage, Termination

_AREAS = ("cancellation", "line_cancellation", "credit_memo", "export", "data", "marketing", "migration", "system_task")
_NOT_MAILED = (Event.CREDIT_MEMO_REQUESTED, Event.MARKETING_STOP_REQUESTED)
MAILED = frozenset(each for each in Event if each.partition(".")[0] in _AREAS and each not in _NOT_MAILED)
"""The events of which people are notified by mail."""


def channels_of(event: Event, available: frozenset[Channel]) -> tuple[Channel, ...]:
    """Return the channels that carry an event: systems receive everything, people what concerns them."""
    return tuple(
        channel for channel in Channel if channel in available and (channel is Channel.WEBHOOK or event in MAILED)
    )


class MarketingFacts(BaseModel):
    """The facts of a message about campaigns that are, or were, to be stopped."""

    model_config = ConfigDict(frozen=True)

    campaigns: tuple[CampaignFacts, ...] = ()
    """The campaigns that the message is about; in a request to the ad centre, one at a time."""
    consent: Consent | None = None
    """The state of the consent of the service's own administrator, where it was needed."""
    consent_until: datetime | None = None
    ads_may_still_run: bool = False
    """True while the ad centre has not acknowledged all of them."""
    reminder: int = 0
    """The number of earlier requests to the ad centre."""


class ExportFacts(BaseModel):
    """The facts of a message about an export."""

    model_config = ConfigDict(frozen=True)

    tables: int
    rows: int
    bytes: int
    warnings: int
    link_expires_at: datetime


class ErasureFacts(BaseModel):
    """The content of a certificate of erasure: its instants, and the amounts erased."""

    model_config = ConfigDict(frozen=True)

    started_at: datetime
    finished_at: datetime
    tables: int
    rows: int
    objects: int
    bytes: int
    kept_because: str | None = None
    """The reason why the organization's own data stays, or is not erased with this case; null if it is."""
    absent_schema: str | None = None
    """The schema that was to be erased and was not there: removed by others, or looked for in a wrong database."""
    compacted: bool = False
    """True if the object store has compacted its files since: the bytes are gone from its disks."""
    own_records_until: datetime | None = None
    """The instant from which answers, letters and words about the cancellation are removed; null from earlier versions."""


class MigrationFacts(BaseModel):
    """The facts of a message about an on-premises migration, without the IT department's address."""

    model_config = ConfigDict(frozen=True)

    stage: MigrationStage
    platform: Platform
    queue: str
    told: Party
    """The recipient of the message, or, of one that goes to systems alone, its would-be recipient."""
    hand_over: HandOver | None = None
    """The hand-over that the migration waits for."""
    since: datetime
    """The beginning of the wait."""
    deadline: datetime | None = None
    """The instant at which the wait is given up."""
    transfer_at: datetime | None = None
    transfer: int = 0
    """The number of the transfer that the message is about, from 1; 0 before the first."""
    tables: int | None = None
    rows: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    link_expires_at: datetime | None = None


class MessageFacts(BaseModel):
    """The facts from which a message is written. Webhooks carry them without `NOT_FOR_SYSTEMS`."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    subscription: str
    description: str
    """The subscription's name, as its customer knows it."""
    organization: str
    organization_name: str
    organization_url: str
    time_zone: str
    stage: Stage
    occurred_at: datetime
    """The legal instant of the event."""
    received_at: datetime
    """The legal instant of the receipt of the cancellation."""
    received_on: date
    termination: Termination | None = None
    """The way in which the end of access is asked for."""
    channel: ReceiptChannel | None = None
    """The way by which the cancellation was received, where that was stated."""
    request_id: str | None = None
    """The request that opened the cancellation; null in messages of versions before 0.3."""
    request_channel: ReceiptChannel | None = None
    """The way by which the request was received that led to this event, where that was stated."""
    recorded_at: datetime | None = None
    """The instant at which the event was recorded, where a request led to it that had been received earlier."""
    termination_date: date | None = None
    """The last day of access; the day of receipt where it is to end at once."""
    access_ends_at: datetime | None = None
    """The instant at which the last day of access, or the last day of a line, is over."""
    data: str | None = None
    campaigns: str | None = None
    access_ended_on: date | None = None
    reversal_deadline: datetime | None = None
    """The first instant at which a reversal is too late."""
    quote: Quote | None = None
    changes: Statements = []
    """The differences from the statement before, on all lines: for systems, never for a letter."""
    changes_for_customer: Statements = []
    """The same, on the customer's own lines alone."""
    open_questions: list[str] = []
    verified: bool = False
    intake_ends_at: datetime | None = None
    """The instant at which an unfinished checklist is given up."""
    reason: str | None = None
    """The reason for the event, in the words of whoever caused it."""
    reason_code: str | None = None
    """The reason for leaving, of those that the organization's policy lists."""
    lines: list[str] = []
    """The ids of the lines that the event is about, where it is about lines."""
    invoice: str | None = None
    """The invoice that an event about a credit memo is about."""
    credit_from: date | None = None
    """The day from which on it suffices to credit that invoice."""
    open_billing: tuple[OpenLine, ...] = ()
    """The lines whose end waits for credit memos, those of vendors too."""
    billing_open_since: datetime | None = None
    """The instant since which they wait, in a reminder of them."""
    queue: str | None = None
    """The support queue that a reminder of credit memos is for."""
    marketing_was_stopped: bool = False
    marketing: MarketingFacts | None = None
    """The facts about the campaigns, where they were to be stopped."""
    export: ExportFacts | None = None
    erasure: ErasureFacts | None = None
    migration: MigrationFacts | None = None
    system_task: SystemTaskFacts | None = None
    system_erasures: tuple[SystemErasure, ...] = ()
    """The systems that were asked to erase as well, in a certificate of erasure."""

    def for_letter(self, event: Event) -> "MessageFacts":
        """Return the facts that a letter about an event may show (`reason_in_letter`)."""
        return self.model_copy(update={"reason": reason_in_letter(event, self)})

    @property
    def name(self) -> str:
        """The subscription as its customer knows it: the description, or the id where there is none."""
        return self.description.strip() or self.subscription

    @property
    def name_and_id(self) -> str:
        """The same with the id, once."""
        return self.name if self.name == self.subscription else f"{self.name} ({self.subscription})"

    @property
    def ends_at_once(self) -> bool:
        """True if nothing is left to wait for before access ends."""
        return self.access_ends_at is not None and self.access_ends_at <= self.occurred_at

    def for_systems(self) -> dict[str, Any]:
        """Return the facts as JSON, without those that identify the customer or are written for letters."""
        return self.model_dump(mode="json", exclude_none=True, exclude=NOT_FOR_SYSTEMS)


class LineMessageFacts(MessageFacts):
    """The facts of a message about the cancellation of one line; the access in them is that of a subscription that goes on."""

    subscription_line: str
    line_ends_on: date | None = None
    """The last day on which the line is billed, as decided; ``access_ends_at`` is the instant at which that day is over."""
    ends_with_subscription_on: date | None = None
    """The last day of a line whose cancellation was undone, where its subscription is cancelled and takes it along."""


class MarketingServiceFacts(BaseModel):
    """The facts of a message about the cancellation of a marketing service alone."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    organization: str
    organization_name: str
    organization_url: str
    time_zone: str
    stage: MarketingStage
    occurred_at: datetime
    """The legal instant of the event."""
    received_at: datetime
    """The legal instant of the receipt of the cancellation."""
    channel: ReceiptChannel | None = None
    request_id: str | None = None
    request_channel: ReceiptChannel | None = None
    recorded_at: datetime | None = None
    verified: bool = False
    intake_ends_at: datetime | None = None
    """The instant at which an unfinished checklist is given up."""
    marketing: MarketingFacts
    reason: str | None = None

    def for_letter(self, event: Event) -> "MarketingServiceFacts":
        """Return the facts that a letter about an event may show (`reason_in_letter`)."""
        return self.model_copy(update={"reason": reason_in_letter(event, self)})

    def for_systems(self) -> dict[str, Any]:
        """Return the facts as JSON, without those that identify the customer."""
        return self.model_dump(mode="json", exclude_none=True, exclude=NOT_FOR_SYSTEMS)


Facts = MessageFacts | LineMessageFacts | MarketingServiceFacts
"""The facts of a message about a case of any kind."""


def reason_in_letter(event: Event, facts: Facts) -> str | None:
    """Return the reason that the letter about an event may repeat; None if it may repeat none (rules, section 8).

    Anybody can start, withdraw or reverse in somebody's name, and our letters must not carry their words. So a letter repeats
    the words of a start alone, whose author was verified as they were given, and the service's own.
    """
    if event in _STARTS:  # the acknowledgement is written in the transaction of the start
        return facts.reason if facts.verified else None
    return facts.reason if event in _BY_THE_SERVICE else None


_STARTS = frozenset({Event.RECEIVED, Event.LINE_RECEIVED, Event.MARKETING_CANCELLATION_RECEIVED})
_BY_THE_SERVICE = frozenset({Event.ABANDONED, Event.LINE_ABANDONED, Event.MARKETING_CANCELLATION_ABANDONED})
"""The events whose reason is the service's own sentence: a time limit that passed."""

FACTS: dict[CaseKind, type[Facts]] = {
    CaseKind.SUBSCRIPTION: MessageFacts,
    CaseKind.MARKETING_SERVICE: MarketingServiceFacts,
    CaseKind.SUBSCRIPTION_LINE: LineMessageFacts,
}
"""The form of the facts in messages about each kind of case."""

OF_A_LINE: dict[Event, Event] = {
    Event.RECEIVED: Event.LINE_RECEIVED,
    Event.SCHEDULED: Event.LINE_SCHEDULED,
    Event.RESCHEDULED: Event.LINE_RESCHEDULED,
    Event.REMINDER: Event.LINE_REMINDER,
    Event.EFFECTIVE: Event.LINE_EFFECTIVE,
    Event.REVERSAL_REMINDER: Event.LINE_REVERSAL_REMINDER,
    Event.REVERSED: Event.LINE_REVERSED,
    Event.WITHDRAWN: Event.LINE_WITHDRAWN,
    Event.ABANDONED: Event.LINE_ABANDONED,
    Event.CLOSED: Event.LINE_CANCELLATION_CLOSED,
    Event.BILLING_SETTLED: Event.LINE_BILLING_SETTLED,
}
"""The event of a line's cancellation for each event of a subscription's that has one of its own: a system that ends access by
these must not do so for a line."""

NOT_FOR_SYSTEMS: dict[str, Any] = {
    # The customer's identity and own words.
    "organization_name": True,
    "organization_url": True,
    "reason": True,
    "marketing": {"campaigns": {"__all__": {"name"}}},
    # Written for letters.
    "changes_for_customer": True,
}
"""The fields that webhooks do not carry."""
