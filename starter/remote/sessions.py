"""Sessions with an API: its address and the token that somebody logged in with, in a file of their own."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from starter.local.data_directory import write_private
from starter.local.environment import refuse_unless_ours
from starter.remote.session_file import session_file

_SOON = 30.0
"""The seconds before its end from which on a token is renewed."""
_WITHIN = 20.0


class NotLoggedIn(Refusal):
    """An API without a token for it."""

    code = "not_logged_in"

    def __init__(self, url: str, why: str) -> None:
        super().__init__(
            f"There is no token for the API at {url}: {why}.", remedy=Remedy.of(RemedyKind.LOG_IN, url=url), url=url
        )


class ApiWithoutTls(Refusal):
    """An address of an API to which a token would go in clear."""

    code = "api_without_tls"

    def __init__(self, url: str) -> None:
        super().__init__(
            f"The address {url} has no TLS, so that anybody on the way could read the token.",
            remedy=Remedy.of(RemedyKind.CORRECT_INPUT, advice="Give an address that begins with https://."),
            url=url,
        )


class Session(BaseModel):
    """What is kept of a login."""

    model_config = ConfigDict(frozen=True)

    url: str
    """The address of the API, without the version."""
    token: str
    expires_at: float | None = None
    """In seconds since 1970; None where it is not known."""
    refresh_token: str | None = None
    token_endpoint: str | None = None
    client_id: str | None = None

    @property
    def has_expired(self) -> bool:
        """Return true from shortly before the end of the token."""
        return self.expires_at is not None and time.time() > self.expires_at - _SOON

    def renewed(self) -> "Session":
        """Return the session with a fresh token. Raises NotLoggedIn."""
        if not (self.refresh_token and self.token_endpoint and self.client_id):
            raise NotLoggedIn(self.url, "the one that you logged in with has expired")
        asked = {"grant_type": "refresh_token", "refresh_token": self.refresh_token, "client_id": self.client_id}
        try:
            answer = httpx.post(self.token_endpoint, data=asked, timeout=_WITHIN)
            given: Mapping[str, object] = answer.json() if answer.is_success else {}
        except (httpx.HTTPError, ValueError):
            given = {}
        if "access_token" not in given:
            raise NotLoggedIn(self.url, "the one that you logged in with has expired, and was not renewed")
        return self.model_copy(update=tokens(given, self.refresh_token))


def tokens(given: Mapping[str, object], refresh_token: str | None = None) -> dict[str, object]:
    """Return the fields of a session from an answer of an issuer's token endpoint."""
    lasts = given.get("expires_in")
    return {
        "token": str(given["access_token"]),
        "expires_at": time.time() + float(lasts) if isinstance(lasts, int | float) else None,
        "refresh_token": given.get("refresh_token") or refresh_token,
    }


def kept_session() -> Session | None:
    """Return the session that is kept; None without one. Raises LocalEnvironmentNotOurs."""
    file = session_file()
    refuse_unless_ours(file)
    try:
        return Session.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def keep(session: Session) -> Path:
    """Keep a session instead of the one before; only its owner may read it."""
    file = session_file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(file, json.dumps(session.model_dump(exclude_none=True)))
    return file


def forget() -> bool:
    """Remove the session that is kept; return False if there is none."""
    try:
        session_file().unlink()
    except FileNotFoundError:
        return False
    return True


def current_session(url: str) -> Session:
    """Return the session with an API: by the token in the environment, or as it is kept.

    Raises:
        NotLoggedIn, ApiWithoutTls.

    """
    url = checked(url)
    if token := _token_of_environment():
        return Session(url=url, token=token)
    found = kept_session()
    if found is None or found.url != url:
        raise NotLoggedIn(url, "nobody has logged in there")
    if found.has_expired:
        found = found.renewed()
        keep(found)
    return found


def checked(url: str) -> str:
    """Return an address without a slash at its end, if a token may go there. Raises ApiWithoutTls."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ApiWithoutTls(url)
    return url.rstrip("/")


def _token_of_environment() -> str | None:
    if file := os.environ.get("OFFRAMP_API_TOKEN_FILE"):
        return Path(file).read_text(encoding="utf-8").strip()
    return os.environ.get("OFFRAMP_API_TOKEN")
