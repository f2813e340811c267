"""``offramp lines answer|correct|approve|withdraw|reverse``: the requests about a line's cancellation that runs."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.cancellation.identity import Identity
from starter.cli import values
from starter.cli.changes_of_mind import AdministratorAgain, CustomersReasonOption, NameAgain, UrlAgain
from starter.cli.checklist import (
    AdministratorOption,
    AttestOption,
    CodeOption,
    GoodwillOption,
    NameOption,
    ProposalOption,
    SendCodeOption,
    Step,
    UrlOption,
    WithoutGoodwillOption,
    answers_of,
    check_one_verification,
    one_after_the_other,
    steps_of_answer,
)
from starter.cli.days import line_end
from starter.cli.output import JsonOption, print_json
from starter.cli.receipt import ChannelOption, ReceivedAtOption, ReceivedBecauseOption, stated_receipt
from starter.cli.service import ActorOption, ReasonOption, RequestIdOption, with_service

if TYPE_CHECKING:
    from contract import LineCancellationStatus

LineArgument = Annotated[str, typer.Argument(metavar="LINE", parser=values.identifier, help="The line's id.")]
LastDayOption = Annotated[
    Any,  # Typer knows no union of types
    typer.Option("--terminate-on", parser=line_end, metavar="YYYY-MM-DD|end_of_term", show_default=False,
                 help="The wished last day of the line; or end_of_term, the earliest that its terms allow."),
]  # fmt: skip
CancellationOption = Annotated[
    str | None,
    typer.Option("--cancellation", parser=values.line_cancellation, metavar="ID",
                 help="The cancellation that is meant, as in SUB-1001/line/LINE-7/1; default: the newest of the line."),
]  # fmt: skip


def answer(
    line: LineArgument,
    *,
    administrator: AdministratorOption = None,
    url: UrlOption = None,
    name: NameOption = None,
    terminate_on: LastDayOption = None,
    send_code: SendCodeOption = False,
    code: CodeOption = None,
    attest: AttestOption = None,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer questions of the checklist, and verify the billing administrator by a code or your attestation."""
    answers = answers_of(administrator, url, name, terminate_on, None, None)
    check_one_verification(send_code, code is not None, attest is not None, answered=bool(answers))
    steps: list[Step[LineCancellationStatus]] = steps_of_answer(
        line,
        answers,
        send_code=send_code,
        code=code,
        attest=attest,
        actor=actor,
        cancellation=cancellation,
        request_id=request_id,
    )
    status = one_after_the_other(steps, of=lambda service: service.line_cancellations, as_json=as_json)
    show_status(status, as_json=as_json)


def correct(
    line: LineArgument,
    *,
    terminate_on: LastDayOption = None,
    goodwill: GoodwillOption = None,
    without_goodwill: WithoutGoodwillOption = False,
    reason: ReasonOption,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Correct the wish for a line until the line has ended; it keeps its day of receipt, and is quoted anew."""
    status = with_service(
        lambda s: s.line_cancellations.correct(
            line,
            answers=answers_of(None, None, None, terminate_on, None, None),
            goodwill=goodwill,
            without_goodwill=without_goodwill,
            actor=actor,
            reason=reason,
            cancellation=cancellation,
            request_id=request_id,
        ),
        as_json=as_json,
    )
    show_status(status, as_json=as_json)


def approve(
    line: LineArgument,
    *,
    proposal: ProposalOption = None,
    reason: ReasonOption,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve, as a second person, the goodwill that was requested for a line."""
    status = with_service(
        lambda s: s.line_cancellations.approve(
            line, actor=actor, reason=reason, proposal=proposal, cancellation=cancellation, request_id=request_id
        ),
        as_json=as_json,
    )
    show_status(status, as_json=as_json)


def withdraw(
    line: LineArgument,
    *,
    reason: ReasonOption,
    received_at: ReceivedAtOption = None,
    channel: ChannelOption = None,
    received_because: ReceivedBecauseOption = None,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw the cancellation of a line that has not ended; everything it prepared is undone."""
    status = with_service(
        lambda s: s.line_cancellations.withdraw(
            line,
            actor=actor,
            reason=reason,
            receipt=stated_receipt(received_at, channel, received_because),
            cancellation=cancellation,
            request_id=request_id,
        ),
        as_json=as_json,
    )
    show_status(status, as_json=as_json)


def reverse(
    line: LineArgument,
    *,
    administrator: AdministratorAgain,
    url: UrlAgain,
    name: NameAgain,
    reason: CustomersReasonOption = None,
    received_at: ReceivedAtOption = None,
    channel: ChannelOption = None,
    received_because: ReceivedBecauseOption = None,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reverse the cancellation of a line within its window, with the same information that cancelled it."""
    identity = Identity(billing_administrator=administrator, organization_url=url, organization_name=name)
    status = with_service(
        lambda s: s.line_cancellations.reverse(
            line,
            identity,
            actor=actor,
            reason=reason,
            receipt=stated_receipt(received_at, channel, received_because),
            cancellation=cancellation,
            request_id=request_id,
        ),
        as_json=as_json,
    )
    show_status(status, as_json=as_json)


def show_status(status: "LineCancellationStatus", *, as_json: bool) -> None:
    """Print the status of a line's cancellation, for a program or for a person."""
    if as_json:
        print_json(status)
        return
    from starter.cli.line_text import say_status

    say_status(status)
