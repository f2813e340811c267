"""The settings of the console."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from starter.console.refusals import ConsoleNotConfigured
from storage.secret_files import with_secrets_of_files

_A_KEY = "a random key of 32 bytes in URL-safe Base64"


class ConsoleSettings(BaseSettings):
    """The address of the console, and how it signs people in with the issuer of `AccessSettings`.

    ``OFFRAMP_CONSOLE_URL``: the URL under which people reach it; the issuer sends them back there.
    ``OFFRAMP_CONSOLE_HOST`` and ``OFFRAMP_CONSOLE_PORT``: where it listens; by default 127.0.0.1 and 8237.
    ``OFFRAMP_CONSOLE_SESSION_KEYS``, or its ``…_FILE``: keys that encrypt sessions, between spaces; the first is used, the others
    are still understood.
    ``OFFRAMP_CONSOLE_CLIENT_ID`` and ``OFFRAMP_CONSOLE_CLIENT_SECRET``, or its ``…_FILE``: the client at the issuer; a public
    client has no secret.
    ``OFFRAMP_CONSOLE_SCOPE``: what is asked for; by default ``openid``.
    ``OFFRAMP_CONSOLE_AUTHORIZATION_URL`` and ``OFFRAMP_CONSOLE_TOKEN_URL``: by default as the issuer's discovery says.
    ``OFFRAMP_TEMPORAL_UI_URL``: the Temporal Web UI, to which cases link.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", env_ignore_empty=True, hide_input_in_errors=True)

    console_url: str | None = None
    console_host: str = "127.0.0.1"
    console_port: int = Field(default=8237, ge=1, le=65535)
    console_session_keys: SecretStr | None = None
    console_session_keys_file: Path | None = Field(default=None, repr=False)
    console_client_id: str = "offramp-console"
    console_client_secret: SecretStr | None = None
    console_client_secret_file: Path | None = Field(default=None, repr=False)
    console_scope: str = "openid"
    console_authorization_url: str | None = None
    console_token_url: str | None = None
    temporal_ui_url: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        return with_secrets_of_files(values, "console_session_keys", "console_client_secret")

    @field_validator("console_url", "temporal_ui_url")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("write https://host, without anything after the path")
        return value.rstrip("/")

    @property
    def url(self) -> str:
        """The URL under which people reach the console, without a slash at its end. Raises ConsoleNotConfigured."""
        if self.console_url is None:
            raise ConsoleNotConfigured(
                "URL under which people find it", "OFFRAMP_CONSOLE_URL", "that URL, such as https://console.example.com"
            )
        if urlsplit(self.console_url).path:
            raise ConsoleNotConfigured("host of its own", "OFFRAMP_CONSOLE_URL", "a URL without a path")
        return self.console_url

    @property
    def session_keys(self) -> Sequence[Fernet]:
        """The keys of sessions, the one that is used first. Raises ConsoleNotConfigured."""
        given = self.console_session_keys.get_secret_value().split() if self.console_session_keys else []
        try:
            keys = [Fernet(key) for key in given]
        except ValueError:
            keys = []
        if not keys:
            raise ConsoleNotConfigured("usable key of sessions", "OFFRAMP_CONSOLE_SESSION_KEYS", _A_KEY)
        return keys
