"""The actions on the nightly update and its schedule."""

from collections.abc import Iterator, Sequence

import contract
from contract import UpdateLineDates
from domain.lines.runs import LineDatesProgress
from domain.permissions import Operation, SubjectKind
from starter.console.actions.action import Action, Asked, Offer
from starter.console.forms import REASON, SUBJECT, Field
from starter.service.line_schedule import ScheduleView

_O = Operation
_NOTE = Field("note", "Note", help="For whoever looks at the schedule.")


def offers(schedule: ScheduleView | None, runs: Sequence[LineDatesProgress]) -> Iterator[Offer]:
    """Yield what can be done about the nights: ``schedule`` is None where there is none."""
    as_of = Field("as_of", "As of", "date", required=False, help="Each organization's own day, if not set.")
    yield Offer(_O.BEGIN_LINE_UPDATE, "Update the dates of every line now", "Update", [as_of])
    zone = Field("zone", "Zone in which it runs", value=schedule.zone if schedule else "UTC", help="An IANA name.")
    yield Offer(
        _O.ENSURE_SCHEDULE, "Set the zone of the schedule" if schedule else "Create the schedule", "Set", [zone]
    )
    if schedule is not None and schedule.paused:
        yield Offer(_O.RESUME_SCHEDULE, "Resume the schedule", "Resume", [_NOTE])
    elif schedule is not None:
        yield Offer(_O.PAUSE_SCHEDULE, "Pause the schedule", "Pause", [_NOTE], careful=True)
        days = [Field("first", "First day", "date"), Field("last", "Last day", "date")]
        yield Offer(_O.BACKFILL, "Run nights that were missed", "Run them", days)
    line = Field(SUBJECT, "Line", help="One whose end date no case has set.")
    yield Offer(_O.REOPEN_LINE, "Take away the end date of a line", "Take it away", [line, REASON])
    ended = [(run.run, f"{run.night}: {run.rolled} rolled, {run.closed} closed") for run in runs if run.finished_at]
    if ended:
        which = Field("run", "Run", "select", options=ended)
        yield Offer(_O.RESTORE_RUN, "Take a run back", "Take it back", [which, REASON], careful=True)


async def _begin(asked: Asked) -> None:
    with contract.refusing_malformed():
        wish = UpdateLineDates.model_validate({"as_of": asked.given.day("as_of"), "actor": asked.actor})
    # Its name says less than its content: another one is not to be made under its id.
    await asked.service.access.claim(_O.BEGIN_LINE_UPDATE, **asked.once, wish=wish.model_dump(mode="json"))
    await asked.service.line_dates.begin(wish, request_id=asked.given.request_id)


async def _ensure(asked: Asked) -> None:
    await asked.service.line_dates.ensure_schedule(asked.given.text("zone"), **asked.once)


async def _pause(asked: Asked) -> None:
    await asked.service.line_dates.pause(asked.given.text("note"), **asked.once)


async def _resume(asked: Asked) -> None:
    await asked.service.line_dates.resume(asked.given.text("note"), **asked.once)


async def _backfill(asked: Asked) -> None:
    given = asked.given
    first, last = (given.needed(name, given.day(name)) for name in ("first", "last"))
    await asked.service.line_dates.backfill(first, last, **asked.once)


async def _restore(asked: Asked) -> None:
    await asked.service.line_dates.restore(asked.given.text("run"), reason=asked.given.text("reason"), **asked.once)


async def _reopen(asked: Asked) -> None:
    await asked.service.line_dates.reopen(asked.subject, **asked.reasoned)


ACTIONS = [
    Action(_O.REOPEN_LINE, SubjectKind.LINE, _reopen),
    Action(_O.BEGIN_LINE_UPDATE, None, _begin),
    Action(_O.ENSURE_SCHEDULE, None, _ensure),
    Action(_O.PAUSE_SCHEDULE, None, _pause),
    Action(_O.RESUME_SCHEDULE, None, _resume),
    Action(_O.BACKFILL, None, _backfill),
    Action(_O.RESTORE_RUN, None, _restore),
]
