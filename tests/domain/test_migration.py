"""On-premises migrations: who must act, until when, and at which time data is transferred (rules, section 10)."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.migration import (
    FURTHEST_TRANSFER,
    HAND_OVERS,
    QUEUES,
    HandOver,
    LocalTimeUnclear,
    MigrationEnded,
    MigrationStage,
    MigrationStepNotAwaited,
    Party,
    TransferTimeInPast,
    TransferTimeTooFar,
    check_step,
    patience,
    transfer_instant,
)
from domain.policy import CancellationPolicy
from domain.refusals import Refusal
from domain.vocabulary import Platform

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)


def test_each_platform_has_its_support_queue() -> None:
    assert QUEUES == {
        Platform.MICROSOFT_ONLINE_SERVICES: "technical_support",
        Platform.COMMERCE_TRANSACTION: "billing_support",
    }


def test_every_stage_waits_for_a_hand_over_for_the_clock_or_for_nothing() -> None:
    waiting = set(MigrationStage) - set(HAND_OVERS)
    assert waiting == {stage for stage in MigrationStage if stage.is_final} | {MigrationStage.SCHEDULED}
    assert {hand_over: hand_over.must_act for hand_over in HandOver} == {
        HandOver.ACCEPTANCE: Party.QUEUE,
        HandOver.TRANSFER: Party.QUEUE,
        HandOver.DOWNLOAD: Party.IT_DEPARTMENT,
        HandOver.COMPLETION: Party.QUEUE,
    }


@pytest.mark.parametrize("hand_over", list(HandOver))
def test_a_reminder_comes_before_an_escalation_and_that_before_the_end(hand_over: HandOver) -> None:
    granted = patience(CancellationPolicy(), hand_over)
    assert timedelta(0) < granted.reminder < granted.escalation < granted.limit


def test_a_machine_is_late_after_hours_and_people_after_days() -> None:
    assert patience(CancellationPolicy(), HandOver.TRANSFER).reminder < timedelta(days=1)
    assert patience(CancellationPolicy(), HandOver.DOWNLOAD).reminder >= timedelta(days=1)


@pytest.mark.parametrize("stage", list(MigrationStage))
def test_a_step_is_taken_at_its_stage_alone(stage: MigrationStage) -> None:
    awaited = frozenset({MigrationStage.AVAILABLE})
    if stage in awaited:
        check_step("SUB-1/1", stage, "an acknowledgement", awaited)
        return
    refusal = MigrationEnded if stage.is_final else MigrationStepNotAwaited
    with pytest.raises(refusal) as refused:
        check_step("SUB-1/1", stage, "an acknowledgement", awaited)
    assert refused.value.values["stage"] == stage.value


@pytest.mark.parametrize(
    ("wished", "instant"),
    [
        ("2026-10-02T02:30", "2026-10-02T00:30+00:00"),
        ("2026-10-02T02:30+05:45", "2026-10-01T20:45+00:00"),
        ("2026-10-25T02:30+02:00", "2026-10-25T00:30+00:00"),
        ("2026-10-25T02:30+01:00", "2026-10-25T01:30+00:00"),
        ("2026-10-25T01:59", "2026-10-24T23:59+00:00"),
        ("2026-10-25T03:00", "2026-10-25T02:00+00:00"),
        ("2027-03-28T03:00", "2027-03-28T01:00+00:00"),
    ],
)
def test_a_civil_time_is_of_the_organizations_zone_and_an_offset_says_its_own(wished: str, instant: str) -> None:
    found = transfer_instant(datetime.fromisoformat(wished), zone="Europe/Berlin", now=NOW)
    assert found == datetime.fromisoformat(instant)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("wished", "refusal"),
    [
        ("2026-10-25T02:30", LocalTimeUnclear),
        ("2027-03-28T02:30", LocalTimeUnclear),
        ("2026-10-01T13:59", TransferTimeInPast),
        ("2027-06-01T00:00", TransferTimeTooFar),
    ],
)
def test_a_time_that_cannot_be_meant_is_refused(wished: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        transfer_instant(datetime.fromisoformat(wished), zone="Europe/Berlin", now=NOW)


def test_the_present_instant_and_the_furthest_one_are_taken() -> None:
    for instant in (NOW, NOW + FURTHEST_TRANSFER):
        assert transfer_instant(instant, zone="Europe/Berlin", now=NOW) == instant
