"""The steps of an update of subscription line dates."""

from pydantic import AwareDatetime, Field

from contract.steps.common import OfActor, StepData
from domain.civil_dates import CivilDate
from domain.lines.runs import Scope


class OpenRun(OfActor):
    """A run to open. Its day is ``as_of``, or else for each organization the day on which ``instant`` falls in its zone."""

    run: str
    as_of: CivilDate | None = None
    instant: AwareDatetime
    requested_at: AwareDatetime | None = None
    """The instant of the request, which the day must not be ahead of; null in histories of versions that did not check it."""
    force: bool = False
    """True to update ahead of the day."""
    zone: str | None = None
    scope: Scope = Scope()


class UpdatePass(StepData):
    """One pass over the due lines of a run; the first has number 1."""

    run: str
    number: int = Field(ge=1)
