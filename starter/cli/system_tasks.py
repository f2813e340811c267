"""``offramp cancellations confirm-task``: a registered system has done what it was asked for."""

from typing import Annotated

import typer
from rich.markup import escape

from domain.system_tasks import SystemTask
from starter.cli.output import JsonOption, print_json, say
from starter.cli.service import ActorOption, RequestIdOption, with_service


def confirm_task(
    cancellation: Annotated[str, typer.Argument(metavar="CANCELLATION", help="The cancellation, as SUB-1001/1.")],
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="The name under which the system is registered.")],
    task: Annotated[SystemTask, typer.Argument(help="What it has done.")],
    *,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Confirm that a registered system has ended access, given it back or erased what it held."""
    status = with_service(
        lambda service: service.cancellations.confirm_task(
            cancellation, system, task, actor=actor, request_id=request_id
        ),
        as_json=as_json,
    )
    if as_json:
        print_json(status)
        return
    for left in status.open:
        say(f"[bold]Not confirmed yet:[/] {escape(left.in_words)}.")
    if not status.open:
        say(f"Every system has confirmed what [bold]{escape(cancellation)}[/] asked of it.")
