"""The instant of a request: the one at which it was sent, never after now and never before its case."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.requests import CLOCK_SKEW, SentBeforeCase, SentInFuture, check_sent, instant_of

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
RECEIVED = NOW - timedelta(days=3)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("sent_at", "counts"),
    [
        (None, NOW),
        (NOW, NOW),
        (NOW - timedelta(days=1), NOW - timedelta(days=1)),
        (NOW + CLOCK_SKEW, NOW),
        (RECEIVED - CLOCK_SKEW, RECEIVED),
    ],
)
def test_the_instant_at_which_a_request_was_sent_counts(sent_at: datetime | None, counts: datetime) -> None:
    assert instant_of(sent_at, case="SUB-1/2", received_at=RECEIVED, now=NOW) == counts


def test_a_request_from_the_future_is_refused() -> None:
    with pytest.raises(SentInFuture):
        check_sent(NOW + CLOCK_SKEW + INSTANT, now=NOW)


def test_a_request_from_before_the_case_is_refused() -> None:
    with pytest.raises(SentBeforeCase) as refused:
        instant_of(RECEIVED - CLOCK_SKEW - INSTANT, case="SUB-1/2", received_at=RECEIVED, now=NOW)
    assert refused.value.values["cancellation"] == "SUB-1/2"
