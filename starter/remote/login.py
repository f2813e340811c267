"""Logging in at an API: its issuer is asked for a token by the device authorization grant (RFC 8628), in any browser.

The API says which issuer that is (RFC 9728), and the issuer where it hands out tokens (OpenID Connect Discovery).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from starter.api.addresses import METADATA
from starter.remote.facade import ApiUnavailable
from starter.remote.sessions import Session, checked, tokens

_WITHIN = 20.0
_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SCOPE = "openid offline_access"


class LoginRefused(Refusal):
    """A login that the issuer does not grant, or does not know how to."""

    code = "login_refused"

    def __init__(self, issuer: str, why: str) -> None:
        super().__init__(
            f"The issuer {issuer} gives no token: {why}.",
            remedy=Remedy.of(
                RemedyKind.CORRECT_INPUT,
                advice="Log in again, as another client, or give a token of your own.",
            ),
            issuer=issuer,
        )


@dataclass(frozen=True)
class Prompt:
    """What the person who logs in has to do."""

    address: str
    """To be opened in a browser."""
    code: str
    """To be given there."""


def issuer_of(url: str) -> str:
    """Return the issuer whose tokens an API accepts. Raises ApiUnavailable, ApiWithoutTls."""
    url = checked(url)
    found = _get(f"{url}{METADATA}", url)
    if urlsplit(str(found.get("resource", ""))).netloc != urlsplit(url).netloc:
        raise ApiUnavailable(url, "it speaks of another API")
    servers = found.get("authorization_servers")
    if not (isinstance(servers, list) and servers and isinstance(servers[0], str)):
        raise ApiUnavailable(url, "it does not say whose tokens it accepts")
    return servers[0]


def log_in(url: str, client_id: str, prompt: Callable[[Prompt], None]) -> Session:
    """Return a session with an API, when the person who was prompted has logged in.

    Raises:
        ApiUnavailable, ApiWithoutTls, LoginRefused.

    """
    url = checked(url)
    issuer = issuer_of(url)
    checked(issuer)
    found = _get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", issuer)
    if "device_authorization_endpoint" not in found or "token_endpoint" not in found:
        raise LoginRefused(issuer, "it does not offer the device authorization grant")
    checked(found["token_endpoint"])
    asked = _post(
        found["device_authorization_endpoint"],
        {"client_id": client_id, "scope": _SCOPE, "resource": url},
        issuer,
    )
    if "device_code" not in asked:
        raise LoginRefused(issuer, str(asked.get("error_description") or asked.get("error") or "it says not why"))
    prompt(Prompt(str(asked.get("verification_uri_complete") or asked["verification_uri"]), str(asked["user_code"])))
    wanted = {
        "grant_type": _GRANT,
        "device_code": asked["device_code"],
        "client_id": client_id,
        "resource": url,  # for which API the token is (RFC 8707)
    }
    given = _granted(found["token_endpoint"], wanted, asked, issuer)
    kept = {"token_endpoint": found["token_endpoint"], "client_id": client_id}
    return Session.model_validate({"url": url, **kept, **tokens(given)})


def _granted(endpoint: str, wanted: Mapping[str, str], asked: Mapping[str, Any], issuer: str) -> Mapping[str, Any]:
    """Ask until the issuer has granted it, or will not any more."""
    interval = float(asked.get("interval", 5))
    ends = time.monotonic() + float(asked.get("expires_in", 600))
    while time.monotonic() < ends:
        time.sleep(interval)
        given = _post(endpoint, wanted, issuer)
        match given.get("error"):
            case None if "access_token" in given:
                return given
            case "authorization_pending":
                continue
            case "slow_down":
                interval += 5
            case other:
                raise LoginRefused(issuer, str(given.get("error_description") or other or "its answer has no token"))
    raise LoginRefused(issuer, "nobody logged in in time")


def _get(address: str, whose: str) -> dict[str, Any]:
    return _asked(lambda: httpx.get(address, timeout=_WITHIN, follow_redirects=False), whose)


def _post(address: str, fields: Mapping[str, str], whose: str) -> dict[str, Any]:
    return _asked(lambda: httpx.post(checked(address), data=dict(fields), timeout=_WITHIN), whose)


def _asked(ask: Callable[[], httpx.Response], whose: str) -> dict[str, Any]:
    try:
        answer = ask()
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ApiUnavailable(whose, type(error).__name__) from None
    if not isinstance(found, dict):
        raise ApiUnavailable(whose, f"status {answer.status_code}")
    return found
