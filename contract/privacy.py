"""The retention of personal data: names and messages."""

from pydantic import BaseModel, ConfigDict

PERSONAL_DATA_RETENTION = "PersonalDataRetention"
"""The type of the workflow that removes the personal data of cases whose time is over: returns `RetentionReport`."""

RETENTION_SCHEDULE = "personal-data-retention"
"""The id of the schedule that runs it, and the prefix of its workflow ids."""


class RetentionReport(BaseModel):
    """The result of PersonalDataRetention."""

    model_config = ConfigDict(frozen=True)

    forgotten: int
    """The number of cases whose personal data was removed."""
    failed: int = 0
    """The number of those of which it could not be; the log of the worker names them."""
