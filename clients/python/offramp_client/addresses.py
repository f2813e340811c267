"""The address of a service, and the token that goes there."""

from collections.abc import Awaitable, Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

Token = str | Callable[[], str]
"""A bearer token, or what returns one that is valid now: it is asked before every attempt."""
AsyncToken = str | Callable[[], str | Awaitable[str]]
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


def checked(url: str) -> str:
    """Return an address without a slash at its end. Raises ValueError for one to which a token would go in clear."""
    parts = urlsplit(url)
    if not parts.hostname or (parts.scheme != "https" and parts.hostname not in _THIS_MACHINE):
        raise ValueError(f"{url!r} is no address that begins with https://: anybody on the way could read the token.")
    return url.rstrip("/")


def no_cookies() -> CookieJar:
    """Return a jar that takes no cookie: a client has its token, and keeps nothing of its answers."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
