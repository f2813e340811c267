"""Links in mails: signed, expiring, and without personal data; each names its case and purpose to a page.

A token names a purpose, a subject (for example the id of a case), the instant until which it is valid, and in a digest the
address to which it was mailed. The same four give the same link, byte for byte, so that a repeated mail is the same mail.
Nothing is stored; the secret is enough to distinguish our links from any other.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from itsdangerous import BadData, URLSafeSerializer
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from contract.sealing import sealed_link
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from domain.words import FOR_CUSTOMERS
from storage.secret_files import with_secrets_of_files

LINKS_PATH = "/links/"
"""The path of the pages under the public URL; a token follows it."""

_SALT = "offramp.links"
_SECRET_LENGTH = 32


class LinkPurpose(StrEnum):
    """The purpose of a link; a token for one purpose is not valid for another."""

    MARKETING_CONSENT = "marketing_consent"
    EXPORT = "export"
    MIGRATION = "migration"


class LinkExpired(Refusal):
    """The refusal of an expired link. Only a page shows it, so its sentence is written for customers."""

    code = "link_expired"

    def __init__(self, expired_at: datetime) -> None:
        super().__init__(
            f"This link could be used until {FOR_CUSTOMERS.instant(expired_at, 'UTC')}.",
            remedy=Remedy.of(RemedyKind.ASK_FOR_LINK),
            expired_at=expired_at.isoformat(),
        )


class LinkReplaced(Refusal):
    """The refusal of a link that a newer one has taken the place of: it may have gone to the wrong address."""

    code = "link_replaced"

    def __init__(self) -> None:
        super().__init__("A newer link has taken the place of this one.", remedy=Remedy.of(RemedyKind.USE_NEWEST_LINK))


class LinkTampered(Refusal):
    """The refusal of a link that this service did not make, or not for this purpose, or that is incomplete."""

    code = "link_tampered"

    def __init__(self) -> None:
        super().__init__(
            "This link is not one that we sent, or a part of it is missing.",
            remedy=Remedy.of(RemedyKind.OPEN_WHOLE_LINK),
        )


class LinkTarget(BaseModel):
    """The contents of a token."""

    model_config = ConfigDict(frozen=True)

    purpose: LinkPurpose
    subject: str
    expires: datetime
    """UTC, whole seconds."""
    recipient: str = ""
    """A keyed digest of the address to which it was mailed; empty in links of versions that had none."""


class LinkSettings(BaseSettings):
    """The settings of links: the public URL of the pages, and the secrets that sign links to them.

    ``OFFRAMP_PUBLIC_URL``: ``https://offramp.example.com``; empty where there are no pages, and then no mail has a link.
    ``OFFRAMP_LINK_SECRET``, or a file with nothing else in it, ``OFFRAMP_LINK_SECRET_FILE``: at least 32 characters.
    ``OFFRAMP_LINK_PREVIOUS_SECRET``, or its ``…_FILE``: during a rotation, the secret that signed the links still under way.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", hide_input_in_errors=True)

    public_url: str = ""
    link_secret: SecretStr | None = None
    link_secret_file: Path | None = Field(default=None, repr=False)
    link_previous_secret: SecretStr | None = None
    link_previous_secret_file: Path | None = Field(default=None, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        return with_secrets_of_files(values, "link_secret", "link_previous_secret")

    @field_validator(
        "link_secret", "link_secret_file", "link_previous_secret", "link_previous_secret_file", mode="before"
    )
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
        for secret in (self.link_secret, self.link_previous_secret):
            if secret is not None and len(secret.get_secret_value()) < _SECRET_LENGTH:
                raise ValueError(f"a link secret has at least {_SECRET_LENGTH} characters")
        if self.public_url and self.link_secret is None:
            raise ValueError("OFFRAMP_PUBLIC_URL needs OFFRAMP_LINK_SECRET: a link must be known to be ours")
        return self

    @property
    def links(self) -> "Links | None":
        """The maker and reader of links; None where there are no pages."""
        return Links(self) if self.public_url else None


class Links:
    """The maker of links and reader of their tokens."""

    def __init__(self, settings: LinkSettings) -> None:
        if settings.link_secret is None:
            raise ValueError("links need OFFRAMP_LINK_SECRET")
        # The last one signs, all of them read.
        secrets = [s.get_secret_value() for s in (settings.link_previous_secret, settings.link_secret) if s is not None]
        self._secrets = secrets
        self._serializer = URLSafeSerializer(secrets, salt=_SALT)
        self._signers = [URLSafeSerializer(secret, salt=_SALT) for secret in secrets]
        self._url = settings.public_url

    @property
    def host(self) -> str:
        """The host under which people find the pages."""
        return urlsplit(self._url).hostname or ""

    def link(self, purpose: LinkPurpose, subject: str, expires: datetime, recipient: str | None = None) -> str:
        """Return the URL that leads to ``subject`` for ``purpose`` until ``expires``, which is rounded down to seconds.

        ``subject`` must not be personal data: everybody who sees the link can read it. ``recipient`` is the address to which it
        is mailed: when another one is on record, the link ends.
        """
        target = LinkTarget(purpose=purpose, subject=subject, expires=expires)
        if recipient is not None:
            target = target.model_copy(update={"recipient": _digest(self._secrets[-1], target, recipient)})
        return f"{self._url}{LINKS_PATH}{self.token(target)}"

    def token(self, target: LinkTarget) -> str:
        """Return the token at the end of a link to this target."""
        token: str = self._serializer.dumps(_contents(target))
        return token

    def sealed(self, target: LinkTarget, recipient: str) -> set[str]:
        """Return what a token of a link to this target and recipient is when sealed, under each of the secrets."""
        targets = [
            target,
            *(target.model_copy(update={"recipient": _digest(secret, target, recipient)}) for secret in self._secrets),
        ]
        return {sealed_link(signer.dumps(_contents(each))) for signer in self._signers for each in targets}

    def refuse_other_recipient(self, target: LinkTarget, recipient: str) -> None:
        """Raise LinkReplaced for a link that was mailed to another address than the one on record now."""
        known = {_digest(secret, target, recipient) for secret in self._secrets}
        if target.recipient and target.recipient not in known:
            raise LinkReplaced

    def read(self, token: str, *, now: datetime | None = None) -> LinkTarget:
        """Return the contents of a token.

        Raises:
            LinkTampered, LinkExpired (the instant of expiry is too late).

        """
        try:
            contents = self._serializer.loads(token)
            expires = datetime.fromtimestamp(contents["e"], tz=UTC)
            target = LinkTarget(
                purpose=contents["p"], subject=contents["s"], expires=expires, recipient=contents.get("r", "")
            )
        except (BadData, ValidationError, KeyError, TypeError, ValueError, OverflowError):
            raise LinkTampered from None
        if (now or datetime.now(UTC)) >= target.expires:
            raise LinkExpired(target.expires)
        return target


def _contents(target: LinkTarget) -> dict[str, str | int]:
    contents: dict[str, str | int] = {
        "p": target.purpose.value,
        "s": target.subject,
        "e": int(target.expires.timestamp()),
    }
    return contents | ({"r": target.recipient} if target.recipient else {})


def _digest(secret: str, target: LinkTarget, recipient: str) -> str:
    text = f"{_SALT}:{target.purpose}:{target.subject}:{recipient.strip().casefold()}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:16]
