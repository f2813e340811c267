"""The issuer as the console signs people in with it: OpenID Connect, authorization code with PKCE."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from domain.principals import Principal
from runtime.cookies import no_cookies
from starter.access.keys import ANSWER_SECONDS, DISCOVERY
from starter.access.refusals import TokenInvalid
from starter.access.tokens import TokenVerifier
from starter.console.refusals import SignInFailed
from starter.console.sessions import Attempt


class Provider:
    """One client at one issuer.

    Args:
        access_tokens: the verification of the tokens that say who somebody is and what they may do: that of the API.
        id_tokens: the same for tokens that are for the client.
        client_id: the client.
        client_secret: its secret; a public client has none.
        returns_to: the URL of the console to which the issuer sends people back.
        scope: what is asked for.
        authorization_url: where people sign in; where the discovery says, if not set.
        token_url: where the code is exchanged; the same.
    """

    def __init__(
        self,
        access_tokens: TokenVerifier,
        id_tokens: TokenVerifier,
        *,
        client_id: str,
        client_secret: SecretStr | None,
        returns_to: str,
        scope: str,
        authorization_url: str | None = None,
        token_url: str | None = None,
    ) -> None:
        self.issuer = access_tokens.issuer
        self._access_tokens = access_tokens
        self._id_tokens = id_tokens
        self._client_id = client_id
        self._client_secret = client_secret
        self._returns_to = returns_to
        self._scope = scope
        self._authorization_url = authorization_url
        self._token_url = token_url

    async def sign_in_url(self, attempt: Attempt) -> str:
        """Return the address at which somebody signs in. Raises SignInFailed."""
        challenge = hashlib.sha256(attempt.code_verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._returns_to,
            "scope": self._scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        url = self._authorization_url or await self._discovered("authorization_endpoint")
        return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"

    async def signed_in(self, attempt: Attempt, answer: Mapping[str, str]) -> tuple[Principal, int]:
        """Return who has signed in, by the issuer's answer to an attempt, and until when (Unix time).

        Raises:
            SignInFailed, TokenInvalid, IssuerUnavailable.

        """
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise SignInFailed("the issuer answers another sign-in than the one that was begun here")
        if answer.get("iss", self.issuer) != self.issuer:  # RFC 9207
            raise SignInFailed("another issuer answers")
        if "code" not in answer:
            raise SignInFailed(f"the issuer says {answer.get('error', 'nothing')[:60]!r}")
        tokens = await self._exchanged(answer["code"], attempt)
        if not all(isinstance(tokens.get(name), str) for name in ("id_token", "access_token")):
            raise SignInFailed("the issuer gives no token")
        claims = await self._access_tokens.claims(tokens["access_token"])
        identity = await self._id_tokens.claims(tokens["id_token"])
        if identity.get("nonce") != attempt.nonce:
            raise SignInFailed("the issuer answers another sign-in than the one that was begun here")
        if identity["sub"] != claims["sub"]:
            raise TokenInvalid(self.issuer, "it is somebody else's than the sign-in")
        return self._access_tokens.principal_of(claims), int(claims["exp"])

    async def _exchanged(self, code: str, attempt: Attempt) -> dict[str, Any]:
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._returns_to,
            "client_id": self._client_id,
            "code_verifier": attempt.code_verifier,
        }
        if self._client_secret is not None:
            asked["client_secret"] = self._client_secret.get_secret_value()
        url = self._token_url or await self._discovered("token_endpoint")
        return await self._answered("POST", url, asked)

    async def _discovered(self, name: str) -> str:
        found = await self._answered("GET", f"{self.issuer.rstrip('/')}{DISCOVERY}", None)
        if found.get("issuer") != self.issuer or not isinstance(found.get(name), str):
            raise SignInFailed("the issuer does not say where one signs in")
        return str(found[name])

    async def _answered(self, method: str, url: str, form: Mapping[str, str] | None) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=ANSWER_SECONDS, cookies=no_cookies()) as client:
                answer = await client.request(method, url, data=form, headers={"accept": "application/json"})
                found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise SignInFailed(f"the issuer does not answer ({type(error).__name__})") from None
        if not isinstance(found, dict) or answer.is_error:
            said = found.get("error", "") if isinstance(found, dict) else ""
            raise SignInFailed(f"the issuer refuses it: {str(said)[:60] or answer.status_code}")
        return found
