"""The settings of the codec server."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from storage.secret_files import with_secrets_of_files

SHORTEST_TOKEN = 32
"""The shortest token, in characters."""


class CodecNotConfigured(Refusal):
    """The codec server was started without its keys, without its token, or without knowing whom it answers."""

    code = "codec_not_configured"

    def __init__(self, lacks: str, variable: str, expected: str) -> None:
        super().__init__(
            f"The codec server has no {lacks}.",
            remedy=Remedy.of(RemedyKind.CONFIGURE, variable=variable, expected=expected),
        )


class CodecSettings(BaseSettings):
    """The address of the codec server, the token of those who may use it, and the Web UI that asks it.

    ``OFFRAMP_CODEC_HOST`` and ``OFFRAMP_CODEC_PORT``: where it listens; by default 127.0.0.1 and 8235.
    ``OFFRAMP_CODEC_TOKEN``, or a file with nothing else in it, ``OFFRAMP_CODEC_TOKEN_FILE``: at least 32 characters.
    ``OFFRAMP_CODEC_UI``: the address of the Web UI, such as ``https://temporal.example.com``; several between spaces. Browsers
    let no other site read an answer.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", hide_input_in_errors=True)

    codec_host: str = "127.0.0.1"
    codec_port: int = Field(default=8235, ge=1, le=65535)
    codec_token: SecretStr | None = None
    codec_token_file: Path | None = Field(default=None, repr=False)
    codec_ui: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        return with_secrets_of_files(values, "codec_token")

    @field_validator("codec_token", "codec_token_file", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return value or None

    @field_validator("codec_token")
    @classmethod
    def _long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SHORTEST_TOKEN:
            raise ValueError(f"a token has at least {SHORTEST_TOKEN} characters")
        return value

    @field_validator("codec_ui")
    @classmethod
    def _origins(cls, value: str) -> str:
        for address in value.split():
            parts = urlsplit(address)
            if parts.scheme not in ("https", "http") or not parts.hostname:
                raise ValueError("write https://host or http://host:port of the Web UI")
        return value

    @property
    def token(self) -> str:
        """The token. Raises CodecNotConfigured."""
        if self.codec_token is None:
            raise CodecNotConfigured(
                "token", "OFFRAMP_CODEC_TOKEN_FILE", f"a file with a random text of {SHORTEST_TOKEN} characters or more"
            )
        return self.codec_token.get_secret_value()

    @property
    def origins(self) -> list[str]:
        """The origins of the Web UI. Raises CodecNotConfigured."""
        if not self.codec_ui.split():
            raise CodecNotConfigured(
                "address of a Web UI to answer",
                "OFFRAMP_CODEC_UI",
                "the address of the Web UI, such as https://temporal.example.com",
            )
        return [f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, self.codec_ui.split())]
