"""The bodies of requests about webhook endpoints."""

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from domain.system_tasks import Duty
from domain.vocabulary import EmailAddress, Reason
from domain.webhooks import EndpointName, EventFilter
from starter.api.bodies import Body


class AddWebhook(Body):
    """A webhook endpoint to add."""

    endpoint: EndpointName
    url: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    events: Annotated[list[EventFilter], Field(max_length=100)] = Field(
        default=[], description="events, or areas of them such as `cancellation.*`; all of them where there are none"
    )
    duties: list[Duty] = Field(
        default=[], description="what it does as a system: it is asked for that, and confirms it", max_length=2
    )
    owner: EmailAddress | None = Field(
        default=None, description="who is notified when it is paused by itself, or confirms nothing"
    )


class ResendWebhooks(Body):
    """What is to be sent to an endpoint again."""

    deliveries: Annotated[list[Annotated[str, StringConstraints(max_length=500)]], Field(max_length=1000)] = Field(
        default=[], description="the ids of messages"
    )
    since: AwareDatetime | None = Field(default=None, description="or all messages since this instant")
    failed_only: bool = Field(default=False, description="of these, only what was given up")
    reason: Reason
