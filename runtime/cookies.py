"""HTTP clients that remember nothing of their answers."""

from http.cookiejar import CookieJar, DefaultCookiePolicy


def no_cookies() -> CookieJar:
    """Return a jar that takes no cookie, for an HTTP client of ours.

    A client has one jar for all that it asks. A cookie goes to every port of its host and, if it says so, to each host beside that
    one: what one party answered would go to another one, and with many cookies that one refuses whatever else it is sent.
    """
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
