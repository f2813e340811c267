"""Attempts: when a call is sent again, and when it is given up."""

import random
import ssl
import time

import httpx

from offramp_client.errors import Unreachable

PASSING = frozenset({429, 502, 503, 504})
"""The statuses that pass: the same request may be sent again."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
LONGEST_ATTEMPT = 100.0
"""Longer than the service waits for anything, in seconds."""
_FINAL = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


class Attempts:
    """The attempts of one call.

    Args:
        patience: the time after which no other attempt begins, in seconds from now.
        request_id: the key of the call.

    """

    def __init__(self, patience: float, request_id: str | None = None) -> None:
        self._ends = time.monotonic() + patience
        self._request_id = request_id
        self._made = 0

    @property
    def timeout(self) -> httpx.Timeout:
        """The time that the next attempt may take."""
        left = max(self._ends - time.monotonic(), 1.0)
        return httpx.Timeout(min(left, LONGEST_ATTEMPT), connect=min(left, 10.0))

    def pause_after_error(self, error: httpx.TransportError) -> float:
        """Return the seconds until the next attempt. Raises Unreachable."""
        pause = self._pause(0.0)
        if pause is None or isinstance(error, _FINAL) or _is_untrusted(error):
            raise Unreachable(f"The service does not answer: {type(error).__name__}.", self._request_id) from error
        return pause

    def pause_after(self, response: httpx.Response) -> float | None:
        """Return the seconds until the next attempt; None where the response is the answer."""
        if response.status_code not in PASSING:
            return None
        return self._pause(_asked_for(response))

    def _pause(self, at_least: float) -> float | None:
        """Return the next pause: twice as long as the one before, with jitter, so that callers do not come back together."""
        longest = min(FIRST_PAUSE * 2**self._made, LONGEST_PAUSE)
        self._made += 1
        pause = at_least + random.uniform(longest / 2, longest)  # noqa: S311 - it spreads load, and hides nothing
        return pause if time.monotonic() + pause < self._ends else None


def _asked_for(response: httpx.Response) -> float:
    """Return the seconds that a response asks to wait; a date is not understood, and none of the service."""
    given = response.headers.get("retry-after", "")
    return float(given) if given.isascii() and given.isdigit() else 0.0


def _is_untrusted(error: BaseException) -> bool:
    """Return true where the other side is not who it should be, which does not pass."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
