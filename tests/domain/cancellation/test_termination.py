"""The end of access: the instant, and the day that counts (rules, sections 1 and 8)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.cancellation.termination import access_ended_on, access_ends_at
from domain.civil_time import start_of_day
from domain.vocabulary import Termination

LAST_DAY = date(2026, 12, 31)
RECEIVED_AT = datetime(2026, 11, 29, 10, tzinfo=UTC)


@pytest.mark.parametrize("termination", [Termination.ON_DATE, Termination.END_OF_TERM])
def test_access_works_through_its_last_day_where_the_organization_is(termination: Termination) -> None:
    assert access_ends_at(termination, LAST_DAY, "Europe/Berlin", received_at=RECEIVED_AT) == datetime(
        2026, 12, 31, 23, tzinfo=UTC
    )
    assert access_ends_at(termination, LAST_DAY, "Pacific/Honolulu", received_at=RECEIVED_AT) == datetime(
        2027, 1, 1, 10, tzinfo=UTC
    )


def test_access_at_once_is_due_with_the_receipt() -> None:
    assert access_ends_at(Termination.NOW, LAST_DAY, "Europe/Berlin", received_at=RECEIVED_AT) == RECEIVED_AT


@pytest.mark.parametrize(
    ("late_by", "ended_on"),
    [
        (timedelta(0), LAST_DAY),
        (timedelta(hours=23), LAST_DAY),  # the workers came back in the course of the next day
        (timedelta(days=1), date(2027, 1, 2)),  # access worked until then, and the window begins where it ended
        (timedelta(days=20), date(2027, 1, 21)),
        (timedelta(hours=-20), LAST_DAY),  # a case of a version in which access ended as the day began
    ],
)
def test_access_ended_on_the_day_that_was_asked_for_unless_it_worked_for_longer(
    late_by: timedelta, ended_on: date
) -> None:
    at = start_of_day(LAST_DAY + timedelta(days=1), "Asia/Tokyo") + late_by
    assert access_ended_on(Termination.ON_DATE, LAST_DAY, "Asia/Tokyo", at=at) == ended_on


def test_access_that_was_to_end_at_once_ended_on_the_day_on_which_it_did() -> None:
    at = start_of_day(date(2026, 12, 5), "Asia/Tokyo")
    assert access_ended_on(Termination.NOW, date(2026, 11, 29), "Asia/Tokyo", at=at) == date(2026, 12, 5)
