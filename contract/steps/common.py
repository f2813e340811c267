"""The step itself, and the types that steps of every area share."""

import hashlib
import json
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from contract.cancellation import CancellationStatus
from contract.export import ExportStatus
from contract.line_cancellation import LineCancellationStatus
from contract.marketing import MarketingCancellationStatus
from contract.migration import MigrationMoved, MigrationStatus
from domain.cases import CaseRef
from domain.marketing import Consent
from domain.refusals import RefusalDetails
from domain.vocabulary import (
    CampaignChoice,
    Channel,
    DataChoice,
    Event,
    Question,
    ReceiptChannel,
    Termination,
    Verification,
)


class StepData(BaseModel):
    """Base of every type that Temporal keeps in a history: immutable, and growing by optional fields alone."""

    model_config = ConfigDict(frozen=True)


def without_colons(own: str) -> str:
    """Return an id as it stands among the parts of another one, which colons part; one without any stays as it is."""
    return own.replace("%", "%25").replace(":", "%3A")


def request_in_key(name: str, update_id: str) -> str:
    """Return the id of an update as it stands in the key of a step, so that no id is another one with something added.

    Colons part what a key is made of, and an id is whatever its caller likes: one that ends with ``:refused`` must not be the
    refusal of another. Ids as our client makes them, with no colon in the caller's own part, stay as they are.
    """
    head, colon, rest = update_id.partition(":")
    own = rest if colon and head == name else update_id
    escaped = without_colons(own)
    return f"{name}:{escaped}" if own is not update_id else f"%:{escaped}"


class RequestMade(StepData):
    """The marks by which a request is recognized again, without anything of its content in clear."""

    workflow_id: str
    """The workflow that the request is for: an id is unique among the requests to all its runs."""
    id: str
    """The id of the update."""
    name: str
    """The name of the update."""
    digest: str
    named: str | None = None
    """The case that the request names."""


class Receipt(StepData):
    """What a request states of its receipt, beside the instant."""

    entered_at: datetime | None = None
    """The instant at which it was entered; null where it counts from then, because no earlier one was stated."""
    channel: ReceiptChannel | None = None
    because: str | None = None
    """The reason why it was entered so long after it was received."""


class Claim(StepData):
    """The claim of a request to come from the actor that it names."""

    of: str
    """What a door signs (`contract.requests.claim_of`)."""
    signature: str | None = None
    """The signature that came with the request."""


class OfActor(StepData):
    """Base of what somebody has asked for. Where it runs, the claim is settled: an actor without a signature is marked."""

    actor: str
    claim: Claim | None = None
    """Null where the actor is the service itself, or is known from a record; and in histories that are older than it."""


class Step(OfActor):
    """One business step of a case: its idempotency key, and the actor, instant and reason for the audit trail."""

    cancellation: str
    name: str
    """Unique within the cancellation; a repetition repeats it."""
    at: datetime
    why: str | None = None
    request: RequestMade | None = None
    """The request that the step answers, if it answers one that has an id."""
    asked_at: datetime | None = None
    """The legal instant of the request, which may be before ``at``, that of its processing."""
    receipt: Receipt | None = None
    """What the request states of its receipt, if it states anything."""

    @property
    def dated(self) -> datetime:
        """The instant with legal meaning: that of the request, or else of the step."""
        return self.asked_at or self.at

    @property
    def key(self) -> str:
        """The idempotency key: the case's id, which contains the workflow's subject, and the business step."""
        return f"{self.cancellation}:{self.name}"

    @property
    def case(self) -> CaseRef:
        """The case that the step belongs to; raises ValueError if the id is not that of a case."""
        return CaseRef.parse(self.cancellation)


STORY_GOES_BY = {
    "verification",
    "termination",
    "termination_date",
    "access_ends_at",
    "data",
    "campaigns",
    "access_ended_on",
    "reversal_deadline",
    "goodwill_approved",
    "corrections",
    "restarts",
}
"""The fields of a record of which its digest is made, besides the answered questions and whether there is a goodwill."""


class CaseRecord(StepData):
    """The state of a case in the records after a step. It binds the workflow of the case.

    A step may be recorded although no history knows of it: the workflow task in which it was taken was lost. So every step
    returns the record, and the workflow adopts it.
    """

    revision: int
    """The number of the newest entry about the case in the audit trail: the higher one is the newer record."""
    stage: str
    """The stage: `Stage`, or `MarketingStage` of a marketing service cancelled alone."""
    verification: Verification | None = None
    answered: tuple[Question, ...] = ()
    """The answered questions of the checklist. The answers about the identity are the identity on record."""
    termination: Termination | None = None
    """The way in which the end of access is asked for; null until it is, and in histories older than it."""
    termination_date: date | None = None
    line_ends_on: date | None = None
    """The last day of the line, where one line ends alone."""
    access_ends_at: datetime | None = None
    """The instant (UTC) at which access, or the line, is to end, once that is fixed; null in histories older than it."""
    data: DataChoice | None = None
    campaigns: CampaignChoice | None = None
    consent: Consent | None = None
    consent_until: datetime | None = None
    access_ended_on: date | None = None
    reversal_deadline: datetime | None = None
    export: ExportStatus | None = None
    goodwill_reason: str | None = None
    goodwill_approved: bool = False
    corrections: int | None = None
    """How often the case was corrected, or its approval voided; null in histories older than corrections."""
    restarts: int = 0
    """How often the case was taken back to its preparation, from which its story begins anew."""
    has_open_tasks: bool = False
    """True if there is a task that a registered system has not confirmed."""

    def says_the_same(self, other: "CaseRecord") -> bool:
        """Return true if a request is judged by both records alike: they differ in nothing but their revision."""
        return self == other.model_copy(update={"revision": self.revision})

    @property
    def digest(self) -> str | None:
        """A digest of what a story goes by: the answers and the dates; None of a record of before corrections.

        What changes beside the story, such as an export or the tasks of systems, is not in it. Two versions of the code
        compare their digests: it never gets another field.
        """
        if self.corrections is None:
            return None
        goes_by = self.model_dump(mode="json", include=STORY_GOES_BY) | {
            "answered": sorted(self.answered),
            "goodwill": self.goodwill_reason is not None,
        }
        return hashlib.sha256(json.dumps(goes_by, sort_keys=True).encode()).hexdigest()[:16]


class FirstAnswer(StepData):
    """The answer that a request has had before: the refusal, or else its acceptance."""

    cancellation: str
    """The case that gave it."""
    refusal: RefusalDetails | None = None
    status: CancellationStatus | LineCancellationStatus | MarketingCancellationStatus | MigrationStatus | None = None
    """The recorded state of that case, where the request was accepted by an earlier one than the one that is running."""


class Recorded(StepData):
    """The outcome of a step: the sequence number of the newest message that is owed, by channel, and the record."""

    last_message: dict[Channel, int] = {}
    first: FirstAnswer | None = None
    """The answer that a refused request had before, which is the one that it gets."""
    record: CaseRecord | None = None
    """The record of the case afterwards; null for the steps of a migration, which return its own state."""


class Continued(StepData):
    """The state of a case that is in no record, for the run of its workflow that continues another one as new."""

    requests_received: int = 0
    last_refusal: RefusalDetails | None = None
    migration: MigrationMoved | None = None
    """The state of the migration that a cancellation waits for, as it was last reported."""


class Reminder(StepData):
    """A reminder to send; the step's name is its occasion."""

    step: Step
    event: Event


class RefusedRequest(StepData):
    """A request with the refusal that it met."""

    subscription: str | None = None
    """The subscription, where the case is the cancellation of one."""
    step: Step
    action: str
    refusal: RefusalDetails
    stage: str | None = None
    """The stage in which the workflow refused."""
    known: CaseRecord | None = None
    """The record by which the workflow refused; null where it knew none, and in histories of versions that sent none."""

    def is_outdated(self, record: CaseRecord | None) -> bool:
        """Return true if the workflow refused by another record than this one: nothing is audited, and it judges again."""
        if record is None:
            return False
        if self.known is not None:
            return not self.known.says_the_same(record)
        return self.stage is not None and record.stage != self.stage


class CodeTried(StepData):
    """A one-time code to be checked."""

    step: Step
    code: str
    """As `VerifyCode.code` has it."""
