"""The console as a web application."""

import logging
import traceback
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from domain.cancellation.lifecycle import InputMalformed
from domain.refusals import Refusal, RefusalDetails
from starter.access.settings import AccessSettings
from starter.console import cases, installation, lists, live, marketing, nights, performing, quotes, reasons, sign_in
from starter.console.actions.table import ACTIONS
from starter.console.pages import HEADERS, refusal_page
from starter.console.provider import Provider
from starter.console.refusals import NotSignedIn
from starter.console.sessions import Cookies
from starter.console.settings import ConsoleSettings
from starter.service import Offramp
from starter.web.bodies import limit_bodies
from starter.web.connections import with_security_headers
from starter.web.refusals import NothingThere

_STATIC = Path(__file__).with_name("static")
_FILES = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "live.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_OF_THIS_MACHINE = ("127.0.0.1", "localhost")
"""The hosts of health checks beside the name under which people find the console."""

logger = logging.getLogger(__name__)


def create_console(service: Offramp, settings: ConsoleSettings, access: AccessSettings) -> ASGIApp:
    """Put the console together on a facade, for the people whom the configured issuer signs in.

    Raises:
        ConsoleNotConfigured, AccessNotConfigured.

    """
    app = FastAPI(title="Offramp console", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.service, app.state.url = service, settings.url
    app.state.temporal_ui, app.state.namespace = settings.temporal_ui_url, service.namespace
    app.state.cookies = Cookies(settings.session_keys, secure=settings.url.startswith("https:"))
    app.state.provider = Provider(
        access.verifier(),
        access.verifier(audience=settings.console_client_id),
        client_id=settings.console_client_id,
        client_secret=settings.console_client_secret,
        returns_to=f"{settings.url}{sign_in.RETURN}",
        scope=settings.console_scope,
        authorization_url=settings.console_authorization_url,
        token_url=settings.console_token_url,
    )
    hosts = [str(urlsplit(settings.url).hostname), *_OF_THIS_MACHINE]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    for area in (sign_in, live, lists, cases, quotes, marketing, nights, reasons, installation, performing):
        app.include_router(area.router)
    app.add_api_route("/health", lambda: PlainTextResponse("ok"))
    app.add_api_route("/static/{name}", _static)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _no_such_page)
    app.add_exception_handler(Exception, _failed)
    larger = {f"/actions/{action.operation}": action.largest for action in ACTIONS.values() if action.largest}
    return with_security_headers(limit_bodies(app, larger), HEADERS)


async def _static(name: str) -> Response:
    if name not in _FILES:
        raise NothingThere
    content = (_STATIC / name).read_bytes()
    return Response(content, media_type=_FILES[name], headers={"cache-control": "max-age=300"})


async def _refused(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # noqa: S101 - it is registered for these
    if isinstance(refusal, NotSignedIn) and request.method == "GET" and _is_looked_at(request):
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{sign_in.SIGN_IN}?to={quote(asked)}", status_code=303)
    return refusal_page(request, refusal.details)


def _is_looked_at(request: Request) -> bool:
    """Return true for a page that a person goes to, and not for what a script of it asks for."""
    return request.headers.get("sec-fetch-mode", "navigate") == "navigate"


async def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for these
    problems = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()]
    return refusal_page(request, InputMalformed(problems).details)


async def _no_such_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    if error.status_code == HTTPStatus.NOT_FOUND:
        return refusal_page(request, NothingThere().details)
    phrase = HTTPStatus(error.status_code).phrase
    return refusal_page(request, RefusalDetails(code="fault", message=f"{phrase}."), status=error.status_code)


async def _failed(request: Request, error: Exception) -> Response:
    place = "".join(traceback.format_tb(error.__traceback__))  # its own text may hold what a customer has sent
    logger.error("A page failed with %s:\n%s", type(error).__name__, place)
    details = RefusalDetails(
        code="fault",
        message="A fault of the service: nothing is known of the request.",
        way_out="Open the case again before you repeat it.",
    )
    return refusal_page(request, details, status=500)
