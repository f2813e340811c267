"""The true receipt of a request: never after now, never before its case, and far in the past only with a reason."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

import contract
from domain.receipt import (
    BackdatingNeedsReason,
    ReceivedBeforeCase,
    ReceivedBeforeEarlierEnd,
    ReceivedInFuture,
    check_after_earlier_end,
    check_backdating,
    received_instant,
    received_instant_about,
)
from domain.requests import CLOCK_SKEW

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
CASE_RECEIVED = NOW - timedelta(days=3)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("stated", "counts"),
    [
        (NOW - timedelta(days=60), NOW - timedelta(days=60)),
        (NOW, NOW),
        (NOW + CLOCK_SKEW, NOW),
    ],
)
def test_the_stated_instant_counts_and_none_after_now(stated: datetime, counts: datetime) -> None:
    assert received_instant(stated, now=NOW) == counts


def test_a_receipt_in_the_future_is_refused() -> None:
    with pytest.raises(ReceivedInFuture):
        received_instant(NOW + CLOCK_SKEW + INSTANT, now=NOW)


def test_a_receipt_before_that_of_the_case_is_refused() -> None:
    def received(stated: datetime) -> datetime:
        return received_instant_about(stated, case="SUB-1/2", received_at=CASE_RECEIVED, now=NOW)

    assert received(CASE_RECEIVED - CLOCK_SKEW) == CASE_RECEIVED
    with pytest.raises(ReceivedBeforeCase) as refused:
        received(CASE_RECEIVED - CLOCK_SKEW - INSTANT)
    assert refused.value.values["cancellation"] == "SUB-1/2"


@pytest.mark.parametrize(
    ("received_at", "zone", "days_ago"),
    [
        (datetime(2026, 11, 15, 0, 0, tzinfo=UTC), "UTC", 14),
        (datetime(2026, 11, 14, 23, 59, tzinfo=UTC), "UTC", 15),
        (datetime(2026, 11, 14, 23, 0, tzinfo=UTC), "Europe/Berlin", 14),
        (datetime(2026, 11, 14, 22, 59, tzinfo=UTC), "Europe/Berlin", 15),
    ],
)
def test_more_civil_days_ago_than_the_policy_allows_needs_a_reason(
    received_at: datetime, zone: str, days_ago: int
) -> None:
    check_backdating(received_at, entered_at=NOW, zone=zone, days=days_ago, because=None)
    check_backdating(received_at, entered_at=NOW, zone=zone, days=0, because="found behind a cupboard")
    with pytest.raises(BackdatingNeedsReason) as refused:
        check_backdating(received_at, entered_at=NOW, zone=zone, days=days_ago - 1, because=None)
    assert refused.value.values["days"] == str(days_ago - 1)


def test_a_cancellation_received_before_the_reversal_of_the_last_one_was_overtaken_by_it() -> None:
    check_after_earlier_end(NOW, "SUB-1/1", NOW)
    with pytest.raises(ReceivedBeforeEarlierEnd):
        check_after_earlier_end(NOW - INSTANT, "SUB-1/1", NOW)


def test_an_instant_is_read_in_any_zone_and_kept_in_utc() -> None:
    message = contract.Withdraw.model_validate(
        {"actor": "crm", "reason": "stays", "received_at": "2026-09-28T01:30:00+02:00", "channel": "letter"}
    )
    assert message.received_at == datetime(2026, 9, 27, 23, 30, tzinfo=UTC)
    assert message.model_dump(mode="json")["received_at"] == "2026-09-27T23:30:00Z"


@pytest.mark.parametrize("field", ["sent_at", "received_at"])
@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "2026-09-28T10:00:00"])
def test_an_instant_that_no_calendar_has_or_without_an_offset_is_malformed(field: str, instant: str) -> None:
    with pytest.raises(ValidationError):
        contract.Withdraw.model_validate({"actor": "crm", "reason": "stays", field: instant})


def test_the_last_instant_of_the_calendar_is_in_the_future_and_no_error() -> None:
    message = contract.Withdraw.model_validate(
        {"actor": "crm", "reason": "stays", "received_at": "9999-12-31T23:59:59-12:00"}
    )
    assert message.received_at is not None
    with pytest.raises(ReceivedInFuture):
        received_instant(message.received_at, now=NOW)
