"""Policies: durations that can be meant, and a reversal window of whole days."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.policy import CancellationPolicy, ReasonCodeUnknown, check_reason_code


@pytest.mark.parametrize(
    "given",
    [
        {"intake_timeout": "PT0S"},
        {"intake_timeout": "-P1D"},
        {"intake_timeout": "P3661D"},
        {"reversal_window_days": 0},
        {"reversal_window_days": 3661},
        {"code_attempts": 0},
        {"code_attempts": 11},
        {"migration_escalation_queue": "no spaces, please"},
        {"billing_queue": "no spaces, please"},
        {"credit_memo_escalation_queue": ""},
        {"credit_memo_escalation": timedelta(0)},
        {"intake_timeuot": "P14D"},
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CancellationPolicy.model_validate(given)


def test_durations_are_iso_8601_and_come_back_as_they_went() -> None:
    policy = CancellationPolicy.model_validate({"intake_timeout": "P30D", "code_lifetime": "PT5M"})
    assert (policy.intake_timeout, policy.code_lifetime) == (timedelta(days=30), timedelta(minutes=5))
    assert CancellationPolicy.model_validate_json(policy.model_dump_json()) == policy


def test_reminders_of_the_standard_policy_come_before_what_they_remind_of() -> None:
    policy = CancellationPolicy()
    assert max(policy.intake_reminders) < policy.intake_timeout
    assert max(policy.consent_reminders) < policy.consent_timeout
    assert policy.reversal_reminder < timedelta(days=policy.reversal_window_days)


def test_a_policys_own_reasons_replace_the_standard_ones() -> None:
    check_reason_code(None, ["merger"])
    check_reason_code("merger", ["merger"])
    check_reason_code("too_expensive", None)
    for reason, listed in (("too_expensive", ["merger"]), ("merger", None)):
        with pytest.raises(ReasonCodeUnknown):
            check_reason_code(reason, listed)
