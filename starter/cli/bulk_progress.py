"""The progress of a bulk at a terminal, for as long as somebody watches."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from domain.bulk import BulkState, RowState
from starter.cli.bulk_text import rows_text
from starter.cli.output import REFUSED, console

if TYPE_CHECKING:
    from records.bulk.lists import BulkStatus
    from starter.service import Offramp

_LOOK_AGAIN = 0.5
_WAITED_FOR = {
    False: (BulkState.PLANNED, BulkState.KILLED, BulkState.EXPIRED),
    True: (BulkState.FINISHED, BulkState.STOPPED, BulkState.KILLED, BulkState.EXPIRED),
}
"""The states at which a watch ends: of a plan, and of a bulk that is carried out."""

NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Do not watch how far it is; `offramp bulk show` does.")]


async def watched(service: "Offramp", status: "BulkStatus", *, show: bool) -> "BulkStatus":
    """Watch a bulk until its plan is complete or, once it is confirmed, until it ends or is stopped."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    ends = _WAITED_FOR[status.confirmed_by is not None]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not show) as bar:
        task = bar.add_task("", total=status.total)
        while status.state not in ends:
            judged = status.total - status.rows.get(RowState.PLANNING, 0)
            planning = status.state is BulkState.PLANNING
            doing = "judging rows" if planning else rows_text(status.rows)
            if status.switch.off_since is not None:
                doing = f"the kill switch is off: {doing}"
            bar.update(task, description=doing, completed=judged if planning else status.settled)
            await asyncio.sleep(_LOOK_AGAIN)
            status = await service.bulk.status(status.bulk)
    return status


def leave(status: "BulkStatus") -> None:
    """Exit with status 1 where a row was refused, or the bulk ended before its plan was carried out."""
    if status.rows.get(RowState.REFUSED) or status.state in (BulkState.KILLED, BulkState.EXPIRED):
        raise typer.Exit(REFUSED)
