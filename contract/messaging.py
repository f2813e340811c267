"""The delivery of messages that outlive their case, and of those that a webhook endpoint is owed: names and messages."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from contract.common import Instant, Message, Signed, read_as
from domain.cases import CaseRef
from domain.vocabulary import Actor, Reason
from domain.webhooks import EndpointName

MESSAGE_DELIVERY = "MessageDelivery"
"""The type of the workflow that delivers messages recorded after the workflow of their case ended.

Only the service's own client starts it.
"""


def delivery_workflow_id(case: str) -> str:
    """Return the only workflow id under which the messages of a case are delivered after its end."""
    return f"delivery:{case}"


SIGNAL_DELIVER = "deliver"
"""Signal to MessageDelivery: more messages are recorded."""

_CASE_ID = TypeAdapter[str](Annotated[str, AfterValidator(lambda case: CaseRef.parse(case).id)])
_LAST_MESSAGE = TypeAdapter[dict[str, int]](dict[str, Annotated[int, Field(strict=True, ge=0, lt=2**63)]])


def read_case_id(received: Sequence[Any]) -> str:
    """Return the id of a case, the input of MessageDelivery; raises InputMalformed."""
    return read_as(received, _CASE_ID.validate_python)


def read_last_message(received: Sequence[Any]) -> dict[str, int]:
    """Return the input of the signal ``deliver``: numbers of messages by the names of channels; raises InputMalformed."""
    return read_as(received, _LAST_MESSAGE.validate_python)


WEBHOOK_BACKFILL = "WebhookBackfill"
"""The type of the workflow that has everything sent that a webhook endpoint is owed: takes `BackfillWebhooks`, returns nothing.

Only the service's own client starts it, as the next one.
"""

WEBHOOK_ENDPOINT = "WebhookEndpoint"
"""The type of the workflow that serves one endpoint which did not take what it was sent: takes `ServeEndpoint`, returns nothing.

Deliveries start it, so that no case waits for an endpoint, and it notifies the owner of one that was paused.
"""

SIGNAL_OWED = "owed"
"""Signal to WebhookEndpoint, without input: there is more for it."""


def webhook_endpoint_workflow_id(endpoint: str) -> str:
    """Return the only workflow id under which an endpoint is served."""
    return f"webhook-endpoint:{endpoint}"


WEBHOOK_TEST = "WebhookTest"
"""The type of the workflow that sends a webhook endpoint a message of trial: takes `TestWebhook`, returns `WebhookTested`."""


class BackfillWebhooks(Signed):
    """Input of WebhookBackfill. With ``messages`` or ``since``, what was handled before is sent again, under its ids."""

    endpoint: EndpointName
    actor: Actor
    reason: Reason | None = None
    messages: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    """The ids of messages."""
    since: Instant | None = None
    """All messages since this instant."""
    failed_only: bool = False
    """True for those alone that were given up."""

    @property
    def reopens(self) -> bool:
        """True if something is to be sent again."""
        return bool(self.messages) or self.since is not None


class ServeEndpoint(Message):
    """Input of WebhookEndpoint."""

    endpoint: EndpointName


class TestWebhook(Message):
    """Input of WebhookTest."""

    __test__ = False

    endpoint: EndpointName


class WebhookTested(BaseModel):
    """The answer to a message of trial."""

    model_config = ConfigDict(frozen=True)

    accepted: bool
    status: int | None = None
    """The status of the answer; null where there was none."""
    failure: str | None = None
    milliseconds: int
