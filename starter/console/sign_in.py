"""Signing in and out."""

from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from starter.console.callers import Sent
from starter.console.pages import page
from starter.console.provider import Provider
from starter.console.refusals import SignInFailed
from starter.console.sessions import Attempt, Cookies

SIGN_IN, RETURN, SIGN_OUT = "/sign-in", "/signed-in", "/sign-out"

router = APIRouter()


@router.get(SIGN_IN)
async def sign_in(request: Request, to: str = "/") -> Response:
    """Send the browser to the issuer."""
    provider: Provider = request.app.state.provider
    cookies: Cookies = request.app.state.cookies
    attempt = Attempt.new(own_path(to))
    answer = RedirectResponse(await provider.sign_in_url(attempt), status_code=303)
    cookies.keep_attempt(answer, attempt)
    return answer


@router.get(RETURN)
async def signed_in(request: Request) -> Response:
    """Begin a session by the answer of the issuer. Raises SignInFailed, TokenInvalid, IssuerUnavailable."""
    provider: Provider = request.app.state.provider
    cookies: Cookies = request.app.state.cookies
    attempt = cookies.attempt(request)
    if attempt is None:
        raise SignInFailed("it did not begin in this browser, or too long ago")
    principal, expires = await provider.signed_in(attempt, request.query_params)
    answer = RedirectResponse(attempt.leads_to, status_code=303)
    cookies.begin(answer, principal, expires)
    return answer


@router.post(SIGN_OUT)
async def sign_out(request: Request, _: Sent) -> Response:
    """End the session."""
    cookies: Cookies = request.app.state.cookies
    request.state.session = None
    answer = page(request, "signed_out.html.j2")
    cookies.end(answer)
    return answer


def own_path(path: str) -> str:
    """Return an address within the console; its first page in place of any other."""
    parts = urlsplit(path)
    is_own = path.startswith("/") and path[1:2] not in ("/", "\\") and not parts.scheme and not parts.netloc
    return path if is_own and path.isprintable() and len(path) < 1000 else "/"
