"""The stages of a cancellation: what may happen at each, and until when (rules, section 8)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.cancellation.lifecycle import (
    CancellationEnded,
    InputMalformed,
    NothingToReverse,
    ReversalWindowOver,
    WithdrawalTooLate,
    check_reversal,
    check_withdrawal,
)
from domain.civil_time import reversal_deadline, start_of_day
from domain.refusals import Refusal
from domain.vocabulary import Stage

CASE = "SUB-1/1"
ENDED_ON = date(2026, 11, 22)


def withdrawal(stage: Stage) -> type[Refusal] | None:
    try:
        check_withdrawal(CASE, stage)
    except Refusal as refused:
        return type(refused)
    return None


def reversal(stage: Stage, *, at: datetime, deadline: datetime | None) -> type[Refusal] | None:
    try:
        check_reversal(CASE, stage, asked_at=at, deadline=deadline, zone="Europe/Berlin")
    except Refusal as refused:
        return type(refused)
    return None


def test_a_cancellation_is_withdrawn_before_its_effect_and_at_no_other_stage() -> None:
    assert {stage: withdrawal(stage) for stage in Stage} == {
        Stage.INTAKE: None,
        Stage.PREPARING: None,
        Stage.SCHEDULED: None,
        Stage.CANCELED: WithdrawalTooLate,
        Stage.REVERSED: CancellationEnded,
        Stage.CLOSED: CancellationEnded,
        Stage.WITHDRAWN: CancellationEnded,
        Stage.ABANDONED: CancellationEnded,
    }


def test_a_cancellation_is_reversed_after_its_effect_and_at_no_other_stage() -> None:
    deadline = reversal_deadline(ENDED_ON, 30, "Europe/Berlin")
    in_time = deadline - timedelta(seconds=1)
    before_effect = dict.fromkeys((Stage.INTAKE, Stage.PREPARING, Stage.SCHEDULED), NothingToReverse)
    assert {stage: reversal(stage, at=in_time, deadline=None) for stage in before_effect} == before_effect
    after = [stage for stage in Stage if stage not in before_effect]
    assert {stage: reversal(stage, at=in_time, deadline=deadline) for stage in after} == {
        Stage.CANCELED: None,
        Stage.REVERSED: CancellationEnded,
        Stage.CLOSED: ReversalWindowOver,
        Stage.WITHDRAWN: CancellationEnded,
        Stage.ABANDONED: CancellationEnded,
    }


@pytest.mark.parametrize(
    ("zone", "offset_hours"),
    [("Europe/Berlin", 1), ("America/Sao_Paulo", -3), ("Pacific/Auckland", 13), ("Asia/Kathmandu", 5.75)],
)
def test_requests_on_day_thirty_count_until_midnight_in_the_zone_of_the_case(zone: str, offset_hours: float) -> None:
    deadline = reversal_deadline(ENDED_ON, 30, zone)
    assert deadline == datetime(2026, 12, 23, tzinfo=UTC) - timedelta(hours=offset_hours)
    assert deadline == start_of_day(date(2026, 12, 23), zone)
    last = timedelta(microseconds=1)
    check_reversal(CASE, Stage.CANCELED, asked_at=deadline - last, deadline=deadline, zone=zone)
    with pytest.raises(ReversalWindowOver):
        check_reversal(CASE, Stage.CANCELED, asked_at=deadline, deadline=deadline, zone=zone)


def test_a_window_across_a_change_of_clocks_has_thirty_civil_days_and_not_so_many_hours() -> None:
    deadline = reversal_deadline(date(2026, 10, 1), 30, "Europe/Berlin")
    assert deadline == datetime(2026, 10, 31, 23, tzinfo=UTC), "clocks went back on 25 October"
    assert deadline - start_of_day(date(2026, 10, 1), "Europe/Berlin") == timedelta(days=31, hours=1)


def test_stages_are_before_the_effect_at_it_or_final() -> None:
    assert [stage for stage in Stage if stage.before_effect] == [Stage.INTAKE, Stage.PREPARING, Stage.SCHEDULED]
    assert [stage for stage in Stage if not stage.before_effect and not stage.is_final] == [Stage.CANCELED]


def test_malformed_input_is_shown_in_part_however_long_it_is() -> None:
    refused = InputMalformed([f"answers.{'x' * 5000}: field required"] * 40)
    assert "and 35 more" in refused.message
    assert len(refused.message) < 1500
