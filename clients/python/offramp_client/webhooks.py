"""Webhooks as they arrive: verified by the signatures of Standard Webhooks (https://www.standardwebhooks.com), and read."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ConfigDict, ValidationError

from offramp_client.base import Model
from offramp_client.errors import WebhookRefused
from offramp_client.generated.models import (
    CancellationData,
    LineCancellationData,
    LineDatesData,
    MarketingCancellationData,
)


class TestData(Model):
    """The facts of a message of trial (`webhook.test`), which is about nothing: answer it with 2xx, and do nothing."""

    __test__ = False  # of pytest

    endpoint: str


class OtherData(Model):
    """The facts of a message about something that this version does not know; its members are as they were sent."""

    model_config = ConfigDict(extra="allow")


Data = CancellationData | LineCancellationData | MarketingCancellationData | LineDatesData | TestData | OtherData
TOLERANCE = timedelta(minutes=5)
TEST_EVENT = "webhook.test"
SHORTEST_KEY = 24
"""In bytes, as Standard Webhooks has it: nobody signs with a key that was left empty."""


class Webhook(Model):
    """A message of the service to systems."""

    id: str
    """The same in every delivery: one that was seen before can be dropped."""
    type: str
    """The event (docs/messages.md)."""
    timestamp: datetime
    data: Data
    """The facts, in the form of what they are about."""
    audit_head: str | None = None
    """The head of the audit trail some minutes before, to be kept elsewhere."""


def verify_webhook(
    body: bytes,
    headers: Mapping[str, str],
    secrets: str | Sequence[str],
    *,
    tolerance: timedelta = TOLERANCE,
    now: datetime | None = None,
) -> Webhook:
    """Return a webhook that the service has sent.

    Args:
        body: the body as it arrived, byte for byte.
        headers: the headers of the request, in whatever case.
        secrets: `whsec_…`; several of them while they are rotated.
        tolerance: how far its timestamp, which is that of the attempt, may be from now.
        now: the instant to compare with; that of the clock, if not given.

    Raises:
        WebhookRefused: it is not signed with one of the secrets, or not now, or has another form.
        ValueError: a secret is none.

    """
    found = {name.lower(): value for name, value in headers.items()}
    id_, sent, signatures = (found.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (id_ and sent.isascii() and sent.isdigit() and len(sent) < 12 and signatures):
        raise WebhookRefused("The request has not the headers of a signed webhook.")
    keys = _keys([secrets] if isinstance(secrets, str) else secrets)
    if not _is_signed(f"{id_}.{sent}.".encode() + body, signatures, keys):
        raise WebhookRefused("No signature of the webhook is by a secret that is known here.")
    away = abs((now or datetime.now(UTC)) - datetime.fromtimestamp(int(sent), UTC))
    if away > tolerance:
        raise WebhookRefused(f"The webhook was sent at another time than now: {away} away.")
    return parse_webhook(id_, body)


def parse_webhook(id_: str, body: bytes | str) -> Webhook:
    """Return a webhook whose signature somebody else has verified. Raises WebhookRefused."""
    try:
        sent = _Sent.model_validate_json(body)
        data = _form(sent.type, sent.data).model_validate(sent.data)
    except ValidationError as error:
        raise WebhookRefused("The body of the webhook has another form than this version knows.") from error
    return Webhook(id=id_, type=sent.type, timestamp=sent.timestamp, data=data, audit_head=sent.audit_head)


class _Sent(Model):
    type: str
    timestamp: datetime
    data: dict[str, Any]
    audit_head: str | None = None


def _form(event: str, data: Mapping[str, Any]) -> type[Data]:
    """Return the form of the facts, by what they are about."""
    if event == TEST_EVENT:
        return TestData
    if "run" in data:
        return LineDatesData
    if "subscription_line" in data:
        return LineCancellationData
    if "subscription" in data:
        return CancellationData
    return MarketingCancellationData if "cancellation" in data else OtherData


def _keys(secrets: Sequence[str]) -> list[bytes]:
    try:
        keys = [base64.b64decode(secret.removeprefix("whsec_"), validate=True) for secret in secrets]
    except (binascii.Error, ValueError):
        keys = []
    if not keys or any(len(key) < SHORTEST_KEY for key in keys):
        raise ValueError(f"A secret of webhooks is whsec_ and at least {SHORTEST_KEY} random bytes in base64.")
    return keys


def _is_signed(content: bytes, signatures: str, keys: Sequence[bytes]) -> bool:
    """Return true if one of the signatures is by one of the keys; each is compared whole, in constant time."""
    expected = [base64.b64encode(hmac.digest(key, content, hashlib.sha256)) for key in keys]
    given = [each.removeprefix("v1,").encode() for each in signatures.split(" ") if each.startswith("v1,")]
    fits = False
    for one in given:
        for other in expected:
            fits |= hmac.compare_digest(one, other)
    return fits
