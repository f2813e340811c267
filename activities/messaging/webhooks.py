"""Webhooks to systems: the outbox's messages as signed requests (Standard Webhooks, https://www.standardwebhooks.com)."""

import base64
import binascii
import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from standardwebhooks import Webhook
from temporalio import activity

from activities.common.registration import Registered
from activities.common.retries import LINE_EVENT_PATIENCE, WEBHOOK_MAX_ATTEMPTS
from activities.messaging.delivery import MessagePutOff, MessageRejected, deliver_all, deliver_line_events, portable_id
from activities.messaging.http_client import HttpClient
from contract import WorkQueue
from domain.audit_seals import SealedHead
from domain.vocabulary import Channel
from records.audit_seals import head_published_with
from storage.secret_files import with_secrets_of_files
from storage.tables import MessageRow

TIMEOUT_SECONDS = 10.0
"""The time limit of a request as a whole, however slowly the endpoint answers."""

WEBHOOK_ENDPOINT_UNAVAILABLE = "webhook_endpoint_unavailable"

# Client errors that are about the moment and not about the message: request timeout, too early, too many requests.
_TEMPORARY_CLIENT_ERRORS = frozenset({408, 425, 429})
_SECRET_BYTES = range(24, 65)
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


# httpx logs the URL of every request with its query string: our logs would contain the receivers' tokens.
logging.getLogger("httpx").setLevel(logging.WARNING)


class WebhookSettings(BaseSettings):
    """The settings of webhooks: their endpoint, and the secrets that sign them.

    ``OFFRAMP_WEBHOOK_URL``: empty where no system listens; HTTPS, unless it is on this machine, because messages name people
    and a signature hides nothing. ``OFFRAMP_WEBHOOK_SECRET``: ``whsec_`` and 24 to 64 random
    bytes in base64. ``OFFRAMP_WEBHOOK_PREVIOUS_SECRET``: during a rotation, the secret that receivers still know; both
    sign. Either may be in a file of its own: ``…_FILE``.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", hide_input_in_errors=True)

    webhook_url: str = Field(default="", repr=False)
    webhook_secret: SecretStr | None = None
    webhook_secret_file: Path | None = None
    webhook_previous_secret: SecretStr | None = None
    webhook_previous_secret_file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        return with_secrets_of_files(values, "webhook_secret", "webhook_previous_secret")

    @field_validator("webhook_secret_file", "webhook_previous_secret_file", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return value or None

    @field_validator("webhook_url")
    @classmethod
    def _a_url(cls, value: str) -> str:
        if value:
            try:
                url = httpx.URL(value)
            except httpx.InvalidURL:
                raise ValueError("write https://host/path") from None
            if url.scheme not in ("https", "http") or not url.host:
                raise ValueError("write https://host/path")
            if url.scheme == "http" and url.host not in _THIS_MACHINE:
                raise ValueError("write https://host/path: http is for this machine alone")
        return value

    @field_validator("webhook_secret", "webhook_previous_secret")
    @classmethod
    def _a_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        marker, _, encoded = value.get_secret_value().partition("_")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if marker != "whsec" or len(key) not in _SECRET_BYTES:
            raise ValueError("write whsec_ and 24 to 64 random bytes in base64")
        return value

    @model_validator(mode="after")
    def _signed(self) -> "WebhookSettings":
        if self.webhook_url and self.webhook_secret is None:
            raise ValueError(
                "OFFRAMP_WEBHOOK_URL needs OFFRAMP_WEBHOOK_SECRET: receivers must be able to tell us from others"
            )
        return self

    @property
    def signers(self) -> list[Webhook]:
        """The signers of each request: the secret, and the previous one while it is set."""
        secrets = (self.webhook_secret, self.webhook_previous_secret)
        return [Webhook(secret.get_secret_value()) for secret in secrets if secret is not None]


class Webhooks:
    """The activities that send the messages of the outbox to the endpoint."""

    def __init__(self, engine: Engine, settings: WebhookSettings, client: HttpClient) -> None:
        self._engine = engine
        self._client = client
        self._url = httpx.URL(settings.webhook_url) if settings.webhook_url else None
        self._signers = settings.signers

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {WorkQueue.WEBHOOKS: [self.deliver_webhooks, self.deliver_line_events]}

    @activity.defn(no_thread_cancel_exception=True)
    def deliver_webhooks(self, cancellation: str) -> int:
        """Send the pending messages of a cancellation, and return the sequence number up to which all are handled.

        Run again, it sends nothing again; after a crash between the endpoint's acceptance and our record of it, one
        request is sent twice with the same webhook-id. From attempt `WEBHOOK_MAX_ATTEMPTS` on, each attempt gives up
        the oldest message that cannot be sent, so that a missing endpoint does not block a cancellation for ever.

        Raises:
            ApplicationError: ``webhook_endpoint_unavailable``, to be retried (`activities.common.retries.WEBHOOK_RETRY`).

        """
        return deliver_all(
            self._engine,
            cancellation,
            Channel.WEBHOOK,
            lambda message, facts: self._send(message, facts.for_systems()),
            max_attempts=WEBHOOK_MAX_ATTEMPTS,
            unavailable=WEBHOOK_ENDPOINT_UNAVAILABLE,
        )

    @activity.defn(no_thread_cancel_exception=True)
    def deliver_line_events(self) -> None:
        """Send every pending message about closed and rolled lines, of any run, oldest first.

        A message that is put off when it is older than `LINE_EVENT_PATIENCE` is given up; until then each night tries
        again.

        Raises:
            ApplicationError: ``webhook_endpoint_unavailable``, to be retried (`activities.common.retries.WEBHOOK_RETRY`).

        """
        deliver_line_events(
            self._engine,
            lambda message: self._send(message, message.content),
            patience=LINE_EVENT_PATIENCE,
            unavailable=WEBHOOK_ENDPOINT_UNAVAILABLE,
        )

    def _send(self, message: MessageRow, data: dict[str, Any]) -> None:
        """Send a message; return when the endpoint has accepted it.

        Raises:
            MessageRejected: it never will: there is no endpoint, or it answers with a permanent 4xx.
            MessagePutOff: it may later.

        """
        if self._url is None:
            raise MessageRejected("No webhook endpoint is configured any more.")
        with Session(self._engine) as session:
            body = _body(message, data, head_published_with(session, message.created_at))
        try:
            status = self._client.post(
                self._url,
                content=body,
                headers=self._headers(portable_id(message.id), body, datetime.now(UTC)),
                within_seconds=TIMEOUT_SECONDS,
            )
        except TimeoutError:
            raise MessagePutOff(
                f"The webhook endpoint {self._url.host} did not answer within {TIMEOUT_SECONDS:.0f} s."
            ) from None
        except httpx.ConnectError:
            raise MessagePutOff(f"The webhook endpoint {self._url.host} cannot be reached.") from None
        except httpx.TransportError as error:
            raise MessagePutOff(
                f"The webhook endpoint {self._url.host} broke off the connection ({type(error).__name__})."
            ) from None
        if 400 <= status < 500 and status not in _TEMPORARY_CLIENT_ERRORS:
            raise MessageRejected(f"The webhook endpoint {self._url.host} refused the message with {status}.")
        if not 200 <= status < 300:
            raise MessagePutOff(f"The webhook endpoint {self._url.host} answered {status}.")

    def _headers(self, id_: str, body: str, at: datetime) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "user-agent": "offramp",
            "webhook-id": id_,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signer.sign(id_, at, body) for signer in self._signers),
        }


def _body(message: MessageRow, data: dict[str, Any], head: SealedHead | None) -> str:
    """Return the message as JSON, byte for byte the same in every attempt."""
    content: dict[str, Any] = {
        "type": message.event,
        "timestamp": message.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": data,
    }
    if head is not None:
        content["audit_head"] = str(head)
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
