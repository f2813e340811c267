"""The steps of an update of subscription line dates."""

from pydantic import AwareDatetime, Field

from contract.steps.common import StepData
from domain.civil_dates import CivilDate
from domain.lines.runs import Scope


class OpenRun(StepData):
    """A run to open. Its day is ``as_of``, or else the day on which ``instant`` falls in the zone."""

    run: str
    as_of: CivilDate | None = None
    instant: AwareDatetime
    zone: str | None = None
    scope: Scope = Scope()
    actor: str


class UpdatePass(StepData):
    """One pass over the due lines of a run; the first has number 1."""

    run: str
    number: int = Field(ge=1)
