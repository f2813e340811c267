"""When the Python client sends a request again: what passes, as late as the service asks, and never for longer than its patience."""

import ssl

import httpx
import pytest

from offramp_client import Unreachable
from offramp_client.attempts import FIRST_PAUSE, LONGEST_PAUSE, Attempts


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_passes_is_sent_again_not_before_the_service_asks_for_it(status: int) -> None:
    pause = Attempts(60).pause_after(httpx.Response(status, headers={"retry-after": "5"}))
    assert pause is not None
    assert 5 < pause <= 5 + FIRST_PAUSE


@pytest.mark.parametrize("status", [200, 201, 202, 400, 401, 403, 404, 409, 412, 422, 500])
def test_what_does_not_pass_is_the_answer(status: int) -> None:
    assert Attempts(60).pause_after(httpx.Response(status)) is None


def test_pauses_grow_and_are_not_the_same_for_two_callers() -> None:
    attempts = [Attempts(1e6) for _ in range(8)]
    pauses = [[each.pause_after(httpx.Response(503)) or 0.0 for each in attempts] for _ in range(12)]
    assert all(FIRST_PAUSE / 2 <= pause <= FIRST_PAUSE for pause in pauses[0])
    assert all(LONGEST_PAUSE / 2 <= pause <= LONGEST_PAUSE for pause in pauses[-1])
    assert len(set(pauses[0])) > 1


def test_a_pause_that_would_end_too_late_is_not_begun() -> None:
    assert Attempts(4).pause_after(httpx.Response(503, headers={"retry-after": "5"})) is None
    with pytest.raises(Unreachable):
        Attempts(0).pause_after_error(httpx.ConnectError("refused"))


def test_a_date_to_come_back_at_counts_as_none() -> None:
    pause = Attempts(60).pause_after(httpx.Response(503, headers={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}))
    assert pause is not None
    assert pause <= FIRST_PAUSE


def test_somebody_else_behind_the_address_does_not_pass() -> None:
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError()
    with pytest.raises(Unreachable):
        Attempts(60).pause_after_error(error)
    with pytest.raises(Unreachable):
        Attempts(60).pause_after_error(httpx.UnsupportedProtocol("gopher"))
    assert Attempts(60).pause_after_error(httpx.ReadTimeout("slow"))
