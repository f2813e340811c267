"""Requests about a case: the case that one names, its id, and the instant at which it was sent (rules, section 8)."""

import re
from datetime import datetime, timedelta

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input

CLOCK_SKEW = timedelta(minutes=5)
"""The difference between the clocks of a sender and of this service that is taken for what it is."""


class RequestOfAnotherCase(Refusal):
    """A request about another case than the one that it reached."""

    code = "request_of_another_case"

    def __init__(self, cancellation: str, named: str) -> None:
        super().__init__(
            f"The request is about {named}, and this is {cancellation}.",
            remedy=Remedy.of(RemedyKind.NAME_CASE, expected=cancellation),
            cancellation=cancellation,
            named=named,
        )


class RequestIdReused(Refusal):
    """A request under the id of an earlier one with other content; the first one's answer stands."""

    code = "request_id_reused"

    def __init__(self, request: str, cancellation: str) -> None:
        self.cancellation = cancellation
        super().__init__(
            f"A request with other content was made under the id {request!r} before, about {cancellation}.",
            remedy=Remedy.of(RemedyKind.CORRECT_INPUT, advice="Give a new request an id of its own."),
            request=request,
            cancellation=cancellation,
        )


class RequestIdReserved(Refusal):
    """A request under an id of those that the service gives to its own requests."""

    code = "request_id_reserved"

    def __init__(self, request: str) -> None:
        super().__init__(
            f"The id {request!r} is of a form that the service gives to requests of its own: those of the rows of a bulk.",
            remedy=Remedy.of(RemedyKind.CORRECT_INPUT, advice="Give the request an id of another form."),
            request=request,
        )


class SentInFuture(Refusal):
    """A request that states to have been sent after now."""

    code = "sent_in_future"

    def __init__(self, sent_at: datetime, now: datetime) -> None:
        super().__init__(
            f"The request was sent at {sent_at.isoformat()}, it says, and it is {now.isoformat(timespec='seconds')}.",
            remedy=Remedy.of(RemedyKind.CORRECT_INPUT, advice="Set the clock of the sender, or leave the instant out."),
            sent_at=sent_at.isoformat(),
        )


class SentBeforeCase(Refusal):
    """A request that was sent before its case was received, and so cannot be about it."""

    code = "sent_before_case"

    def __init__(self, sent_at: datetime, cancellation: str, received_at: datetime) -> None:
        super().__init__(
            f"The request was sent at {sent_at.isoformat()}, before {cancellation} was received at "
            f"{received_at.isoformat(timespec='seconds')}: it is about an earlier case.",
            remedy=Remedy.of(RemedyKind.SHOW_CANCELLATION, cancellation=cancellation),
            sent_at=sent_at.isoformat(),
            cancellation=cancellation,
        )


_RESERVED = re.compile(r"bulk-[0-9a-f]{16}-")


def refuse_reserved(request_id: str) -> None:
    """Refuse an id that a caller gives to a request and that is of the form of the service's own (`domain.bulk.request_id_of`).

    Those can be foretold, and a request under one would take the place of the service's. Raises RequestIdReserved.
    """
    if _RESERVED.match(request_id):
        raise RequestIdReserved(request_id)


def check_sent(sent_at: datetime | None, *, now: datetime) -> datetime:
    """Return the instant of a request: the one at which it was sent if that is stated, and never one after now.

    Raises:
        SentInFuture: it is later than now by more than `CLOCK_SKEW`.

    """
    if sent_at is None:
        return now
    if sent_at > now + CLOCK_SKEW:
        raise SentInFuture(sent_at, now)
    return min(sent_at, now)


def instant_of(sent_at: datetime | None, *, case: str, received_at: datetime, now: datetime) -> datetime:
    """Return the instant of a request about a case, which is never before the case was received.

    Raises:
        SentInFuture.
        SentBeforeCase: it is earlier than the receipt by more than `CLOCK_SKEW`.

    """
    at = check_sent(sent_at, now=now)
    if at < received_at - CLOCK_SKEW:
        raise SentBeforeCase(at, case, received_at)
    return max(at, received_at)


class SenderUnknown(Refusal):
    """A request that only the service's own doors send, by somebody whom none of them knows."""

    code = "sender_unknown"

    def __init__(self, actor: str) -> None:
        super().__init__(
            f"The request came to Temporal directly, and nobody knows that {actor} is who they say.",
            remedy=correct_input("Ask for it over the HTTP API or on the command line."),
            actor=actor,
        )
