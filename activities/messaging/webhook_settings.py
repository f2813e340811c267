"""The settings of the webhook endpoint that the configuration gives."""

import base64
import binascii
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from standardwebhooks import Webhook

from domain.webhooks import EndpointUrlRefused, check_url
from storage.secret_files import with_secrets_of_files

_SECRET_BYTES = range(24, 65)


class WebhookSettings(BaseSettings):
    """The settings of the endpoint that the configuration gives: its URL, and the secrets that sign its messages.

    ``OFFRAMP_WEBHOOK_URL``: empty where there is none, or others are added; HTTPS, unless it is on this machine, because messages name people
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
                check_url(value)
            except EndpointUrlRefused as refused:
                raise ValueError(f"write https://host/path: {refused.details.values['reason']}") from None
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
