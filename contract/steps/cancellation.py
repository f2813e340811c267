"""The steps of a subscription's cancellation: their inputs and their outcomes."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum

from contract.export import ExportStatus
from contract.steps.common import CaseRecord, OfActor, Receipt, Recorded, Step, StepData
from contract.steps.marketing import CampaignStop
from domain.cancellation.checklist import Checklist
from domain.cancellation.identity import Identity
from domain.cancellation.open_billing import OpenLine
from domain.lines.quote import Quote
from domain.marketing import CampaignAction
from domain.messaging import ErasureFacts
from domain.policy import CancellationPolicy
from domain.system_tasks import OpenTask, SystemTask
from domain.vocabulary import Channel, Identifier, Platform, Question, ReceiptChannel


class OpenRequest(OfActor):
    """The request that opens a cancellation."""

    workflow_id: str
    subscription: Identifier | None = None
    """The subscription; that of the line where one ends alone."""
    subscription_line: Identifier | None = None
    """The line that is to end alone."""
    request_id: str
    at: datetime
    answers: Mapping[str, str]
    attested_because: str | None = None
    goodwill_reason: str | None = None
    reason: str | None = None
    reason_code: str | None = None
    campaign_actions: Mapping[str, CampaignAction] = {}
    digest: str = ""
    """The digest of the request's content (`contract.digest_of`); empty in histories that are older than it."""
    continues: str | None = None
    """The recorded case to continue; nothing is opened then."""
    receipt: Receipt | None = None
    """What the request states of its receipt; ``at`` is the instant of that."""


class TaskConfirmed(Step):
    """The confirmation of a registered system that it has done its task."""

    system: str
    task: SystemTask


class TasksFollowed(StepData):
    """What registered systems have not confirmed in a cancellation."""

    tasks: tuple[OpenTask, ...] = ()
    last_message: dict[Channel, int] = {}
    """The number of the newest message about the cancellation on each channel."""
    reminder: timedelta
    """The time until the systems are asked again for the first time."""


class BillingWait(StepData):
    """What a cancellation waits for from billing."""

    since: datetime
    """The instant since which it waits."""
    told: int = 0
    """The number of the newest occasion on which billing was reminded (`domain.cancellation.open_billing`); 0 before the first."""
    lines: tuple[OpenLine, ...] = ()
    """The lines that have not ended."""
    is_due: bool = False
    """True if a look is due: a line can be ended, or has ended, which is still to be announced."""


class BillingLooked(Recorded):
    """The outcome of a look at the billing of a case."""

    billing: BillingWait | None = None


class OpenedCase(StepData):
    """A cancellation as it is recorded: everything that the workflow needs, also to start in the middle."""

    cancellation: str
    subscription: Identifier | None = None
    """Null in histories older than cancellations of single lines."""
    organization: Identifier
    platform: Platform
    checklist: Checklist
    policy: CancellationPolicy
    received_on: date
    quote: Quote
    record: CaseRecord | None = None
    """The record from which the workflow starts; null in histories of versions that started at the beginning alone."""
    received_at: datetime | None = None
    entered_at: datetime | None = None
    """The instant at which it was entered, from which the intake runs; null where that is the receipt."""
    channel: ReceiptChannel | None = None
    opened_by: str | None = None
    reason_code: str | None = None
    goodwill_reason: str | None = None
    goodwill_approved_by: str | None = None
    stop: CampaignStop | None = None
    """The campaigns that were asked to stop; null before a request to stop any."""
    export: ExportStatus | None = None
    copies_made: bool = False
    """True if there may be copies of the data in the object store."""
    erased_at: datetime | None = None
    billing: BillingWait | None = None
    """What the case waits for from billing; null where nothing is open."""
    taken_over_by: str | None = None
    """As in Undone, of a line's case that was undone."""


class Opened(Recorded):
    """The outcome of opening a cancellation."""

    case: OpenedCase


class Quoted(Recorded):
    """The outcome of a step that may change what the case means for the lines."""

    quote: Quote | None = None
    """The quote without explanations; null in histories of versions that quoted a case when it was opened alone."""


class AnswersGiven(StepData):
    """Answers that the checklist has accepted."""

    step: Step
    checklist: Checklist
    answered: tuple[Question, ...]
    campaign_actions: Mapping[str, CampaignAction] = {}


class CaseCorrection(StepData):
    """Other wishes of the customer."""

    step: Step
    answers: Mapping[str, str] = {}
    campaign_actions: Mapping[str, CampaignAction] = {}
    goodwill_reason: str | None = None
    without_goodwill: bool = False
    expects: str | None = None


class Attested(StepData):
    """An agent's word for the billing administrator."""

    step: Step
    because: str


class Approval(StepData):
    """A second person's approval of the goodwill."""

    step: Step
    reason: str
    proposal: str | None = None
    """The digest of what was shown; null where that is not known."""


class Settlement(StepData):
    """The outcome of an attempt to set the end dates."""

    quote: Quote
    outstanding_credit_memos: tuple[str, ...] = ()
    """Invoices to be credited; up to 0.2, and without ``billing``, no end date is set before they are."""
    termination_day_begins_at: datetime
    """The instant (UTC) at which the last day of access begins in the organization's zone."""
    access_ends_at: datetime | None = None
    """The instant (UTC) at which access is to end; null in histories of versions in which it ended as its day began."""
    unapproved: bool = False
    """True if nothing was settled, because the goodwill is not approved, or not as it is now."""
    billing: BillingWait | None = None
    """What the case waits for from billing beside the wait for that day; null where nothing is open."""

    @property
    def ends_at(self) -> datetime:
        """The instant (UTC) at which access is to end, in the words of any version."""
        return self.access_ends_at or self.termination_day_begins_at


class Settled(Recorded):
    """The outcome of an attempt to set the end dates."""

    settlement: Settlement


class Reversal(Step):
    """The step that reverses a cancellation."""

    identity_on_record_now: tuple[Question, ...] = ()
    """The points of the identity that were given as they are on record now, and not as in the cancellation."""


class Undone(Recorded):
    """The outcome of the reversal or the withdrawal of a line's cancellation."""

    taken_over_by: str | None = None
    """The workflow of the cancellation of the subscription that ends the line from now on, if one does."""


class IdentityRead(StepData):
    """The identity of an organization as it is on record now."""

    identity: Identity


class Effect(StepData):
    """The dates that the end of access, or of a line, fixed."""

    access_ended_on: date | None = None
    """The last day of access; null where one line ended."""
    reversal_deadline: datetime


class TookEffect(Recorded):
    """The outcome of the end of access."""

    effect: Effect


class Obstacle(StrEnum):
    """A reason why nothing may be erased yet."""

    HOLD = "hold"
    ACKNOWLEDGEMENT = "acknowledgement"


class Erased(Recorded):
    """The outcome of an erasure: its certificate, or the obstacle."""

    certificate: ErasureFacts | None = None
    waits_for: Obstacle | None = None
