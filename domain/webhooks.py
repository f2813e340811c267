"""Webhook endpoints: the systems that hear of events, which ones each hears of, and when one counts as dead."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, StringConstraints

from domain.network import is_forbidden
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from domain.system_tasks import Duty
from domain.vocabulary import Event

CONFIGURED = "webhook"
"""The name of the endpoint that the installation's configuration gives, with secrets of the configuration's own."""

TEST_EVENT = "webhook.test"
"""The type of a message of trial, which is about nothing, and names its endpoint alone."""

DEAD_AFTER = timedelta(days=3)
"""The time without an accepted message after which an endpoint is paused by itself."""
GIVEN_UP_AFTER = timedelta(days=3)
"""The time after which a message is given up that an endpoint puts off again and again while it takes others."""
SLOW_FOR = timedelta(minutes=1)
"""The time for which an endpoint counts as slow after an answer that took long, however promptly it answers meanwhile."""
REJECTED_IN_A_ROW = 20
"""The number of messages that an endpoint refuses for good, one after another, after which it is paused by itself."""
SECRETS_OVERLAP = timedelta(hours=24)
"""The time for which the secret before a rotation signs as well."""
_LONGEST_WAIT = timedelta(hours=1)

EndpointName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
EventFilter = Annotated[str, StringConstraints(max_length=100, pattern=r"^[a-z_]+\.([a-z_]+|\*)$")]
"""An event, or an area of events: ``cancellation.*``."""

_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


class EndpointState(StrEnum):
    """The state of an endpoint."""

    ACTIVE = "active"
    PAUSED = "paused"
    """Its messages are kept, and delivered in their order once it is resumed."""
    REMOVED = "removed"
    """It hears of nothing any more, for good."""


class Endpoint(BaseModel):
    """One endpoint, as people who run the installation see it. Its URL is shown without its query, which may hold a token."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    name: str
    url: str | None
    """Null where the configuration names it."""
    events: tuple[str, ...]
    """The events that it hears of; all of them where it is empty."""
    duties: tuple[Duty, ...] = ()
    """What it has registered for as a system: access, erasure."""
    owner: str | None
    """The address of those who are notified when it is paused by itself, or does not confirm its tasks."""
    state: EndpointState
    created_at: datetime
    created_by: str
    paused_at: datetime | None = None
    paused_by: str | None = None
    paused_because: str | None = None
    failing_since: datetime | None = None
    """The instant since which it takes nothing; null while it does."""
    last_failure: str | None = None
    pending: int = 0
    """The number of messages that it is owed."""
    put_off: int = 0
    """The number of these that it has put off, and that are tried again at growing intervals."""
    put_off_since: datetime | None = None
    """The instant at which it put off the first of them."""


class EndpointSecret(BaseModel):
    """An endpoint with the secret that signs its messages, which is shown when it is made and never again."""

    model_config = ConfigDict(frozen=True)

    endpoint: Endpoint
    secret: str
    previous_until: datetime | None = None
    """The instant until which the secret before it signs as well."""


class EndpointUnknown(Refusal):
    """A name of no webhook endpoint."""

    code = "endpoint_unknown"

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"There is no webhook endpoint {endpoint}.",
            remedy=correct_input("Name one of the endpoints that are listed."),
            endpoint=endpoint,
        )


class EndpointNameTaken(Refusal):
    """A new endpoint under the name of another one; names of removed ones are not used again either."""

    code = "endpoint_name_taken"

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"There is, or was, another webhook endpoint {endpoint}.",
            remedy=correct_input("Choose another name: messages and entries of the audit trail are known by it."),
            endpoint=endpoint,
        )


class EndpointUrlRefused(Refusal):
    """A URL that messages are not sent to."""

    code = "endpoint_url_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Messages cannot be sent to this URL: {reason}.",
            remedy=correct_input("Write https://host/path; http is for this machine alone."),
            reason=reason,
        )


class EventUnknown(Refusal):
    """A filter that no event passes."""

    code = "event_unknown"

    def __init__(self, event: str) -> None:
        super().__init__(
            f"There is no event {event}.",
            remedy=correct_input("Name an event, or an area of events such as cancellation.*."),
            event=event,
        )


class EndpointOfConfiguration(Refusal):
    """A change of the endpoint that the configuration of the installation gives."""

    code = "endpoint_of_configuration"

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"The webhook endpoint {endpoint} and its secrets are given by the configuration of the workers.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE,
                variable="OFFRAMP_WEBHOOK_URL",
                expected="its URL, with OFFRAMP_WEBHOOK_SECRET; or nothing",
            ),
            endpoint=endpoint,
        )


def check_url(url: str) -> None:
    """Raise EndpointUrlRefused unless messages may be sent to a URL: HTTPS, unless it is on this machine.

    Messages name subscriptions, and a signature hides nothing. What a host's name stands for is looked at when a message is sent.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise EndpointUrlRefused("it is none") from None
    if parts.scheme not in ("https", "http") or not host or not url.isprintable() or " " in url:
        raise EndpointUrlRefused("it is none")
    if parts.scheme == "http" and host not in _THIS_MACHINE:
        raise EndpointUrlRefused("without TLS everybody on the way can read them")
    if is_forbidden(host):
        raise EndpointUrlRefused("no system has such an address")


def check_events(filters: Sequence[str]) -> tuple[str, ...]:
    """Return the filters of an endpoint, each once and in order; raises EventUnknown for one that nothing passes."""
    for each in filters:
        if not any(passes(event, (each,)) for event in Event):
            raise EventUnknown(each)
    return tuple(sorted(set(filters)))


def passes(event: str, filters: Sequence[str]) -> bool:
    """Return true if an event passes the filters of an endpoint; without any, each does."""
    return not filters or event in filters or area_of(event) in filters


def area_of(event: str) -> str:
    """Return the filter of the area of an event: ``cancellation.*``."""
    return f"{event.partition('.')[0]}.*"


def wait_after(failures: int) -> timedelta:
    """Return the time until the next attempt after so many failures, at least one: none at first, at most an hour."""
    return min(timedelta(seconds=2 ** min(failures - 1, 12) - 1), _LONGEST_WAIT)
