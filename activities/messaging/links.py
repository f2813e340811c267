"""Links in mails: signed, expiring, and without personal data, so that a page knows who was sent there to do what.

A token names a purpose, a subject (the id of a case, say) and the instant until which it holds. It is made anew whenever
the mail is: the same three give the same link, byte for byte, so that a mail that is repeated is the same mail. Nothing
is stored, and whoever has the secret can tell a link of ours from any other.
"""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from itsdangerous import BadData, URLSafeSerializer
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from domain.words import FOR_CUSTOMERS

LINKS_PATH = "/links/"
"""Under this path of the public URL the pages are found, one token after it."""

_SALT = "offramp.links"
_SECRET_LENGTH = 32


class LinkPurpose(StrEnum):
    """What a link leads to; a token for one purpose is worth nothing for another."""

    MARKETING_CONSENT = "marketing_consent"
    EXPORT = "export"
    MIGRATION = "migration"


class LinkExpired(Refusal):
    """A link after its time. Only a page shows it, so its sentence is written for customers."""

    code = "link_expired"

    def __init__(self, expired_at: datetime) -> None:
        super().__init__(
            f"This link could be used until {FOR_CUSTOMERS.instant(expired_at, 'UTC')}.",
            remedy=Remedy.of(RemedyKind.ASK_FOR_LINK),
            expired_at=expired_at.isoformat(),
        )


class LinkTampered(Refusal):
    """A link that this service did not make, or not for this purpose, or that lost a part on its way."""

    code = "link_tampered"

    def __init__(self) -> None:
        super().__init__(
            "This link is not one that we sent, or a part of it is missing.",
            remedy=Remedy.of(RemedyKind.OPEN_WHOLE_LINK),
        )


class LinkTarget(BaseModel):
    """What a token holds."""

    model_config = ConfigDict(frozen=True)

    purpose: LinkPurpose
    subject: str
    expires: datetime
    """UTC, whole seconds."""


class LinkSettings(BaseSettings):
    """Where people find our pages, and what signs the links that lead there.

    ``OFFRAMP_PUBLIC_URL``: ``https://offramp.example.com``; empty where there are no pages, and then no mail has a link.
    ``OFFRAMP_LINK_SECRET``, or a file that holds it alone, ``OFFRAMP_LINK_SECRET_FILE``: at least 32 characters.
    ``OFFRAMP_LINK_PREVIOUS_SECRET``: during a rotation, the secret that signed the links still under way.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", hide_input_in_errors=True)

    public_url: str = ""
    link_secret: SecretStr | None = None
    link_secret_file: Path | None = Field(default=None, repr=False)
    link_previous_secret: SecretStr | None = None

    @field_validator("link_secret", "link_secret_file", "link_previous_secret", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return value or None

    @field_validator("public_url")
    @classmethod
    def _a_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("write https://host or https://host/path")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.link_secret_file is not None:
            if self.link_secret is not None:
                raise ValueError("set OFFRAMP_LINK_SECRET or OFFRAMP_LINK_SECRET_FILE, not both")
            try:
                self.link_secret = SecretStr(self.link_secret_file.read_text(encoding="utf-8").rstrip("\r\n"))
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is no text"
                raise ValueError(f"OFFRAMP_LINK_SECRET_FILE cannot be read: {reason}") from None
        for secret in (self.link_secret, self.link_previous_secret):
            if secret is not None and len(secret.get_secret_value()) < _SECRET_LENGTH:
                raise ValueError(f"a link secret has at least {_SECRET_LENGTH} characters")
        if self.public_url and self.link_secret is None:
            raise ValueError("OFFRAMP_PUBLIC_URL needs OFFRAMP_LINK_SECRET: a link must be known to be ours")
        return self

    @property
    def links(self) -> "Links | None":
        """What makes and reads links; None where there are no pages."""
        return Links(self) if self.public_url else None


class Links:
    """Makes links, and reads their tokens."""

    def __init__(self, settings: LinkSettings) -> None:
        if settings.link_secret is None:
            raise ValueError("links need OFFRAMP_LINK_SECRET")
        # The last one signs, all of them read.
        secrets = [s.get_secret_value() for s in (settings.link_previous_secret, settings.link_secret) if s is not None]
        self._serializer = URLSafeSerializer(secrets, salt=_SALT)
        self._url = settings.public_url

    def link(self, purpose: LinkPurpose, subject: str, expires: datetime) -> str:
        """Return the URL that leads to ``subject`` for ``purpose`` until ``expires``, which it rounds down to seconds.

        ``subject`` must be no personal data: it can be read by everybody who sees the link.
        """
        return f"{self._url}{LINKS_PATH}{self.token(LinkTarget(purpose=purpose, subject=subject, expires=expires))}"

    def token(self, target: LinkTarget) -> str:
        """Return the token that a link to this target ends with."""
        held = {"p": target.purpose.value, "s": target.subject, "e": int(target.expires.timestamp())}
        token: str = self._serializer.dumps(held)
        return token

    def read(self, token: str, *, now: datetime | None = None) -> LinkTarget:
        """Return what a token holds.

        Raises:
            LinkTampered, LinkExpired (the instant of expiry is too late).

        """
        try:
            held = self._serializer.loads(token)
            target = LinkTarget(purpose=held["p"], subject=held["s"], expires=datetime.fromtimestamp(held["e"], tz=UTC))
        except (BadData, ValidationError, KeyError, TypeError, ValueError, OverflowError):
            raise LinkTampered from None
        if (now or datetime.now(UTC)) >= target.expires:
            raise LinkExpired(target.expires)
        return target
