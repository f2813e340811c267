"""Sessions: who is signed in, in an encrypted cookie, so that every process of the console knows it and none keeps it.

A session ends with the token that it was made of. Its key is the console's alone; another key ends all of them.
"""

import json
import secrets
import time
from collections.abc import Sequence
from typing import Any, Literal

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from domain.principals import Principal
from starter.console.refusals import SignInFailed

SIGN_IN_SECONDS = 600
"""The time that somebody has to sign in at the issuer."""
LARGEST_COOKIE = 3_800
"""In bytes, with its name: what every browser keeps."""


class Session(BaseModel):
    """Somebody who is signed in."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["session"] = "session"
    principal: Principal
    expires: int
    """The end, as a Unix time: that of the token."""
    form_key: str
    """What every form of this session carries, and no other site knows."""


class Attempt(BaseModel):
    """A sign-in under way: what the issuer's answer must fit to."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["attempt"] = "attempt"
    state: str
    nonce: str
    code_verifier: str
    leads_to: str
    expires: int

    @classmethod
    def new(cls, leads_to: str) -> "Attempt":
        """Return one that nobody can guess."""
        return cls(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            code_verifier=secrets.token_urlsafe(48),
            leads_to=leads_to,
            expires=int(time.time()) + SIGN_IN_SECONDS,
        )


class Cookies:
    """The console's two cookies: of a session, and of a sign-in under way."""

    def __init__(self, keys: Sequence[Fernet], *, secure: bool) -> None:
        self._box = MultiFernet(keys)
        self._secure = secure
        prefix = "__Host-" if secure else ""  # which a browser takes with Secure alone
        self._session, self._attempt = f"{prefix}offramp-console", f"{prefix}offramp-console-sign-in"

    def session(self, request: Request) -> Session | None:
        """Return the session of a request; None where there is none, or it has ended."""
        found = self._opened(request.cookies.get(self._session), Session)
        return found if isinstance(found, Session) else None

    def attempt(self, request: Request) -> Attempt | None:
        """Return the sign-in under way in a browser."""
        found = self._opened(request.cookies.get(self._attempt), Attempt)
        return found if isinstance(found, Attempt) else None

    def keep_attempt(self, response: Response, attempt: Attempt) -> None:
        """Have the browser keep a sign-in until the issuer answers."""
        self._keep(response, self._attempt, attempt)

    def begin(self, response: Response, principal: Principal, expires: int) -> None:
        """Have the browser keep a new session, and forget how it began. Raises SignInFailed."""
        session = Session(principal=principal, expires=expires, form_key=secrets.token_urlsafe(24))
        self._keep(response, self._session, session)
        response.delete_cookie(self._attempt, secure=self._secure, httponly=True, samesite="lax")

    def end(self, response: Response) -> None:
        """Have the browser forget the session."""
        response.delete_cookie(self._session, secure=self._secure, httponly=True, samesite="lax")

    def _keep(self, response: Response, name: str, content: Session | Attempt) -> None:
        sealed = self._box.encrypt(content.model_dump_json().encode()).decode()
        if len(name) + len(sealed) > LARGEST_COOKIE:
            raise SignInFailed("the token names more organizations than a session can keep")
        response.set_cookie(
            name,
            sealed,
            max_age=max(content.expires - int(time.time()), 0),
            httponly=True,
            # Sent when the issuer sends the browser back, and with no form of another site.
            samesite="lax",
            secure=self._secure,
        )

    def _opened(self, sealed: str | None, kind: type[Session] | type[Attempt]) -> Session | Attempt | None:
        if sealed is None:
            return None
        try:
            content: dict[str, Any] = json.loads(self._box.decrypt(sealed))
            found = kind.model_validate(content)
        except (InvalidToken, ValueError, ValidationError):
            return None
        return found if found.expires > time.time() else None
