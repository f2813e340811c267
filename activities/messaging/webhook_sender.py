"""The sending of one message to one webhook endpoint: signed, within a deadline, and what its answer means."""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
from standardwebhooks import Webhook

from activities.messaging.delivery import MessagePutOff, MessageRejected
from activities.messaging.http_client import AddressForbidden, HttpClient
from activities.messaging.webhook_secrets import WebhookKeys, WebhookKeysMissing
from activities.messaging.webhook_settings import WebhookSettings
from domain.audit_seals import SealedHead
from domain.webhooks import CONFIGURED
from storage.tables import WebhookEndpointRow

TIMEOUT_SECONDS = 10.0
"""The time limit of a request as a whole, however slowly the endpoint answers."""

GONE = 410
"""The status with which an endpoint says that it wants nothing more."""

# Client errors that are about the moment and not about the message: request timeout, too early, too many requests.
_TEMPORARY_CLIENT_ERRORS = frozenset({408, 425, 429})


# httpx logs the URL of every request with its query string: our logs would contain the receivers' tokens.
logging.getLogger("httpx").setLevel(logging.WARNING)


class WebhookSender:
    """The way to the endpoints: that of the configuration with its secrets, and the others with those derived from the keys."""

    def __init__(self, configured: WebhookSettings, client: HttpClient, keys: WebhookKeys) -> None:
        self._configured = configured
        self._client = client
        self._keys = keys

    def send(self, endpoint: WebhookEndpointRow, message_id: str, body: str) -> int:
        """Send a message; return the status with which the endpoint has accepted it.

        Raises:
            MessageRejected: it never will: it answers with a permanent 4xx.
            MessagePutOff: it may later, or is gone (`GONE`).

        """
        url = self._url_of(endpoint)
        try:
            headers = self._headers(endpoint, message_id, body, datetime.now(UTC))
            status = self._client.post(url, content=body, headers=headers, within_seconds=TIMEOUT_SECONDS)
        except WebhookKeysMissing as missing:
            raise MessagePutOff(missing.message) from None
        except TimeoutError:
            raise MessagePutOff(
                f"The webhook endpoint {url.host} did not answer within {TIMEOUT_SECONDS:.0f} s."
            ) from None
        except AddressForbidden:
            raise MessagePutOff(f"The webhook endpoint {url.host} has an address to which nothing is sent.") from None
        except httpx.ConnectError:
            raise MessagePutOff(f"The webhook endpoint {url.host} cannot be reached.") from None
        except httpx.TransportError as error:
            raise MessagePutOff(
                f"The webhook endpoint {url.host} broke off the connection ({type(error).__name__})."
            ) from None
        if status == GONE:
            raise MessagePutOff(f"The webhook endpoint {url.host} says that it is gone ({status}).", status)
        if 400 <= status < 500 and status not in _TEMPORARY_CLIENT_ERRORS:
            raise MessageRejected(f"The webhook endpoint {url.host} refused the message with {status}.", status)
        if not 200 <= status < 300:
            raise MessagePutOff(f"The webhook endpoint {url.host} answered {status}.", status)
        return status

    def _url_of(self, endpoint: WebhookEndpointRow) -> httpx.URL:
        if endpoint.name != CONFIGURED:
            return httpx.URL(str(endpoint.url))
        if not self._configured.webhook_url:
            raise MessagePutOff("This worker has no webhook endpoint configured.")
        return httpx.URL(self._configured.webhook_url)

    def _headers(self, endpoint: WebhookEndpointRow, id_: str, body: str, at: datetime) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "user-agent": "offramp",
            "webhook-id": id_,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signer.sign(id_, at, body) for signer in self._signers(endpoint, at)),
        }

    def _signers(self, endpoint: WebhookEndpointRow, at: datetime) -> Sequence[Webhook]:
        """Return the signers of an endpoint's messages: its secret, and the one before while that counts as well."""
        if endpoint.secret is None:
            return self._configured.signers
        derived_from = [endpoint.secret]
        if endpoint.previous_secret and endpoint.previous_until and at < endpoint.previous_until:
            derived_from.append(endpoint.previous_secret)
        return [Webhook(self._keys.secret(endpoint.name, each)) for each in derived_from]


def body_of(event: str, at: datetime, data: dict[str, Any], head: SealedHead | None) -> str:
    """Return a message as JSON, byte for byte the same in every attempt; ``head`` is that of the audit trail."""
    content: dict[str, Any] = {
        "type": event,
        "timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": data,
    }
    if head is not None:
        content["audit_head"] = str(head)
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
