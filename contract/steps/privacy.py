"""The steps of the retention of personal data."""

from pydantic import AwareDatetime

from contract.steps.common import StepData


class RetentionSlice(StepData):
    """Some of the cases whose time is over at an instant."""

    at: AwareDatetime


class Forgotten(StepData):
    """The number of cases whose personal data was removed, and whether there are more."""

    cases: int
    more: bool
    failed: int = 0
    """The number of cases that could not be forgotten."""
