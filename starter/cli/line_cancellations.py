"""``offramp lines cancel|quote|show``: one line ends by a case of its own, and its subscription goes on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from domain.refusals import Refusal
from domain.vocabulary import Termination
from starter.cli import values
from starter.cli.changes_of_mind import CustomersReasonOption
from starter.cli.checklist import (
    AdministratorOption,
    AttestOption,
    GoodwillOption,
    NameOption,
    ReasonCodeOption,
    UrlOption,
    answers_of,
)
from starter.cli.days import OptionalDay
from starter.cli.line_requests import (
    LastDayOption,
    LineArgument,
    answer,
    approve,
    correct,
    reverse,
    show_status,
    withdraw,
)
from starter.cli.output import REFUSED, JsonOption, print_json, print_refusal
from starter.cli.receipt import ChannelOption, ReceivedAtOption, ReceivedBecauseOption, stated_receipt
from starter.cli.service import ActorOption, RequestIdOption, with_records, with_service

if TYPE_CHECKING:
    from contract import LineCancellationStatus
    from starter.service import Offramp


def cancel(
    lines: Annotated[
        list[str], typer.Argument(metavar="LINE...", parser=values.identifier, help="The ids of the lines.")
    ],
    *,
    administrator: AdministratorOption = None,
    url: UrlOption = None,
    name: NameOption = None,
    terminate_on: LastDayOption = None,
    attest: AttestOption = None,
    goodwill: GoodwillOption = None,
    reason: CustomersReasonOption = None,
    received_at: ReceivedAtOption = None,
    channel: ChannelOption = None,
    received_because: ReceivedBecauseOption = None,
    reason_code: ReasonCodeOption = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel single lines, each as a case of its own; the subscription and its access go on.

    A line that is refused holds up no other one.
    """
    from contract import Attestation, Goodwill, StartLineCancellation, refusing_malformed
    from starter.cli.line_text import say_already_running, say_status

    receipt = stated_receipt(received_at, channel, received_because)
    request_id = request_id or str(uuid4())
    with refusing_malformed():
        starts = [
            StartLineCancellation(
                subscription_line=line,
                actor=actor,
                request_id=request_id,
                answers=answers_of(administrator, url, name, terminate_on or Termination.END_OF_TERM, None, None),
                attestation=Attestation(reason=attest) if attest else None,
                goodwill=Goodwill(reason=goodwill) if goodwill else None,
                reason=reason,
                reason_code=reason_code,
            )
            for line in dict.fromkeys(lines)
        ]

    async def start(service: "Offramp") -> "list[LineCancellationStatus | Refusal]":
        outcomes: list[LineCancellationStatus | Refusal] = []
        for message in starts:
            try:
                outcomes.append(await service.line_cancellations.start(message, receipt=receipt))
            except Refusal as refusal:
                outcomes.append(refusal)
        return outcomes

    outcomes = with_service(start, as_json=as_json, what=f"Starting {', '.join(lines)}")
    if as_json:
        print_json(
            [
                _as_json(message.subscription_line, one, request_id)
                for message, one in zip(starts, outcomes, strict=True)
            ]
        )
    for outcome in () if as_json else outcomes:
        if isinstance(outcome, Refusal):
            print_refusal(outcome, as_json=False)
            continue
        if outcome.request_id != request_id:
            say_already_running(outcome)
        say_status(outcome)
    if any(isinstance(outcome, Refusal) for outcome in outcomes):
        raise typer.Exit(REFUSED)


def quote(
    line: LineArgument,
    received_on: OptionalDay = None,
    terminate_on: LastDayOption = None,
    *,
    goodwill: Annotated[
        bool, typer.Option("--goodwill", help="Ignore the deadline, on a line of the customer.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what cancelling one line would mean: its end, credit memos needed, and why. Nothing is started."""
    found = with_records(
        lambda service: service.line_cancellations.quote(
            line, received_on=received_on, terminate_on=terminate_on, goodwill=goodwill
        )
    )
    if as_json:
        print_json(found)
        return
    from starter.cli.quote import say_quote

    say_quote(found)


def show(line: LineArgument, *, as_json: JsonOption = False) -> None:
    """Show the state of a line's newest cancellation, live from its workflow."""
    show_status(with_service(lambda s: s.line_cancellations.status(line), as_json=as_json), as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add the commands about cancellations of single lines to the group of lines."""
    commands: Sequence[Any] = (cancel, quote, show, answer, correct, approve, withdraw, reverse)
    for command in commands:
        app.command()(command)


def _as_json(line: str, outcome: "LineCancellationStatus | Refusal", request_id: str) -> dict[str, Any]:
    if isinstance(outcome, Refusal):
        return {"subscription_line": line, "error": outcome.details.model_dump(mode="json")}
    return {**outcome.model_dump(mode="json"), "already_running": outcome.request_id != request_id}
