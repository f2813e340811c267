"""The sign-in page of the local stack: ``python -m starter.local.sign_in``, an OpenID Connect provider for one person's machine.

Whoever reaches it chooses a name and roles, and is believed: it listens on this machine alone, for the stack's own console, whose
code for signing in is that for every other issuer.
"""

import argparse
import base64
import getpass
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from domain.principals import Principal, Role
from runtime.serving import serve
from starter.local import HOST
from starter.local.data_directory import DataDirectory
from starter.local.issuer import identity_token, token
from starter.web.bodies import limit_bodies
from starter.web.connections import server_options, with_security_headers

CLIENT = "offramp-console"
AUTHORIZE, TOKEN = "/authorize", "/token"
CODE_SECONDS = 60.0
LASTS = timedelta(hours=8)

_ASKED = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
)


@dataclass(frozen=True)
class _Grant:
    """Somebody who has signed in, until the code for it is exchanged."""

    principal: Principal
    nonce: str
    challenge: str
    ends: float


def create_sign_in(data: DataDirectory, returns_to: str, style: str) -> ASGIApp:
    """Put the provider together, for a console to whose address it sends people back; ``style`` is the style of its page."""
    provider = _Provider(data, returns_to, style)
    app = FastAPI(title="Offramp sign-in", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"], www_redirect=False)
    app.add_api_route(AUTHORIZE, provider.ask)
    app.add_api_route(AUTHORIZE, provider.believe, methods=["POST"])
    app.add_api_route(TOKEN, provider.exchange, methods=["POST"])
    app.add_api_route("/style.css", provider.css)
    parts = urlsplit(returns_to)
    policy = (
        f"default-src 'none'; style-src 'self'; form-action 'self' {parts.scheme}://{parts.netloc}; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return with_security_headers(limit_bodies(app), {"content-security-policy": policy})


class _Provider:
    """The handlers of the addresses."""

    def __init__(self, data: DataDirectory, returns_to: str, style: str) -> None:
        self._data = data
        self._returns_to = returns_to
        self._style = style
        self._grants: dict[str, _Grant] = {}

    async def css(self) -> Response:
        return Response(self._style, media_type="text/css")

    async def ask(self, request: Request) -> Response:
        asked = dict(request.query_params)
        return self._page(asked) if self._is_ours(asked) else _refused("invalid_request")

    async def believe(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode(errors="replace"))
        asked = {name: form.get(name, [""])[0] for name in _ASKED}
        if not self._is_ours(asked) or request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return _refused("invalid_request")
        organizations = " ".join(form.get("organizations", [])).replace(",", " ").split()
        try:
            principal = Principal.model_validate(
                {
                    "subject": form.get("subject", [""])[0],
                    "roles": form.get("role", []),
                    "organizations": organizations or None,
                }
            )
        except ValidationError:
            return self._page(asked, "A name without @, and organizations by their ids, are expected.")
        now = time.monotonic()
        self._grants = {code: grant for code, grant in self._grants.items() if grant.ends > now}
        code = secrets.token_urlsafe(24)
        self._grants[code] = _Grant(principal, asked["nonce"], asked["code_challenge"], now + CODE_SECONDS)
        answer = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{self._returns_to}?{answer}", status_code=303)

    async def exchange(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode(errors="replace")).items()}
        grant = self._grants.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            grant is None
            or grant.ends < time.monotonic()
            or form.get("redirect_uri") != self._returns_to
            or form.get("client_id") != CLIENT
            or not hmac.compare_digest(challenge, grant.challenge)
        ):
            return _refused("invalid_grant")
        who = grant.principal
        organizations: Sequence[str] | None = None if who.organizations is None else sorted(who.organizations)
        access = token(
            self._data, subject=who.subject, roles=sorted(who.roles), organizations=organizations, lasts=LASTS
        )
        identity = identity_token(self._data, subject=who.subject, client=CLIENT, nonce=grant.nonce, lasts=LASTS)
        given = {"access_token": access, "id_token": identity, "token_type": "Bearer", "expires_in": LASTS.seconds}
        return JSONResponse(given, headers={"cache-control": "no-store"})

    def _is_ours(self, asked: Mapping[str, str]) -> bool:
        """Return true for a sign-in of the stack's console, with PKCE."""
        return (
            asked.get("response_type") == "code"
            and asked.get("client_id") == CLIENT
            and asked.get("redirect_uri") == self._returns_to
            and asked.get("code_challenge_method") == "S256"
            and all(asked.get(name) for name in ("state", "nonce", "code_challenge"))
        )

    def _page(self, asked: Mapping[str, str], problem: str = "") -> Response:
        shown = _TEMPLATES.get_template("sign_in.html.j2").render(
            asked={name: asked.get(name, "") for name in _ASKED}, roles=list(Role), me=_own_name(), problem=problem
        )
        return HTMLResponse(shown, status_code=422 if problem else 200)


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "me"


def _refused(error: str) -> Response:
    return JSONResponse({"error": error}, status_code=400)


async def main() -> None:
    """Serve the page until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--returns-to", required=True)
    parser.add_argument("--style", type=Path, required=True)
    given = parser.parse_args()
    app = create_sign_in(DataDirectory(given.data), given.returns_to, given.style.read_text(encoding="utf-8"))
    await uvicorn.Server(uvicorn.Config(app, HOST, given.port, **server_options())).serve()


if __name__ == "__main__":
    serve(main, failing="The sign-in page cannot be served")
