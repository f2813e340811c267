"""The step itself, and the types that steps of every area share."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.cases import CaseRef
from domain.refusals import RefusalDetails
from domain.vocabulary import Channel, Event


class StepData(BaseModel):
    """Base of every type that Temporal keeps in a history: immutable, and growing by optional fields alone."""

    model_config = ConfigDict(frozen=True)


class Step(StepData):
    """One business step of a case: its idempotency key, and the actor, instant and reason for the audit trail."""

    cancellation: str
    name: str
    """Unique within the cancellation; a repetition repeats it."""
    actor: str
    at: datetime
    why: str | None = None

    @property
    def key(self) -> str:
        """The idempotency key: the case's id, which contains the workflow's subject, and the business step."""
        return f"{self.cancellation}:{self.name}"

    @property
    def case(self) -> CaseRef:
        """The case that the step belongs to; raises ValueError if the id is not that of a case."""
        return CaseRef.parse(self.cancellation)


class Recorded(StepData):
    """The outcome of a step: the sequence number of the newest message that is owed, by channel."""

    last_message: dict[Channel, int] = {}


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


class CodeTried(StepData):
    """A one-time code to be checked."""

    step: Step
    code: str
