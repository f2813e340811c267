"""``offramp cancellations``: start, answer, watch and end cancellations."""

from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from domain.cancellation.identity import Identity
from domain.vocabulary import Stage
from starter.cli import values
from starter.cli.checklist import (
    AdministratorOption,
    CampaignsOption,
    DataOption,
    NameOption,
    Step,
    UrlOption,
    answers_of,
    check_one_verification,
    one_after_the_other,
)
from starter.cli.days import TerminationOption
from starter.cli.output import JsonOption, print_json
from starter.cli.service import (
    ActorOption,
    CampaignActionOption,
    CancellationOption,
    RequestIdOption,
    SubscriptionArgument,
    with_records,
    with_service,
)

if TYPE_CHECKING:
    from contract import CancellationStatus

cancellations_app = typer.Typer(help="Start, answer, watch and end cancellations.", no_args_is_help=True)

AttestOption = Annotated[
    str | None,
    typer.Option(
        "--attest",
        parser=values.reason,
        metavar="REASON",
        help="Attest that the billing administrator is asking; give the reason.",
    ),
]
ReasonOption = Annotated[
    str, typer.Option("--reason", parser=values.reason, metavar="REASON", help="The reason, for the audit trail.")
]
CustomersReasonOption = Annotated[
    str | None,
    typer.Option("--reason", parser=values.reason, metavar="REASON", help="The reason, in the customer's words."),
]

GoodwillOption = Annotated[
    str | None,
    typer.Option(
        "--goodwill", parser=values.reason, metavar="REASON", help="Ignore the deadline; a second person approves."
    ),
]

_SENT = "a one-time code is on its way to the billing administrator on record"
_VERIFIED = "the billing administrator is verified"


@cancellations_app.command()
def start(
    subscription: SubscriptionArgument,
    *,
    administrator: AdministratorOption = None,
    url: UrlOption = None,
    name: NameOption = None,
    terminate_on: TerminationOption = None,
    data: DataOption = None,
    campaigns: CampaignsOption = None,
    campaign_action: CampaignActionOption = None,
    attest: AttestOption = None,
    goodwill: GoodwillOption = None,
    reason: CustomersReasonOption = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a cancellation with the answers known so far, or show the one that is running."""
    from contract import Attestation, Goodwill, StartCancellation
    from starter.cli.cancellation_text import say_already_running, say_status

    message = StartCancellation(
        subscription=subscription,
        actor=actor,
        request_id=request_id or str(uuid4()),
        answers=answers_of(administrator, url, name, terminate_on, data, campaigns),
        attestation=Attestation(reason=attest) if attest else None,
        goodwill=Goodwill(reason=goodwill) if goodwill else None,
        reason=reason,
        campaign_actions=values.campaign_actions(campaign_action),
    )
    status = with_service(lambda s: s.cancellations.start(message), as_json=as_json, what=f"Starting {subscription}")
    already_running = status.request_id != message.request_id
    if as_json:
        print_json({**status.model_dump(mode="json"), "already_running": already_running})
        return
    if already_running:
        say_already_running(status, unused_answers=tuple(message.answers))
    say_status(status)


@cancellations_app.command()
def answer(
    subscription: SubscriptionArgument,
    *,
    administrator: AdministratorOption = None,
    url: UrlOption = None,
    name: NameOption = None,
    terminate_on: TerminationOption = None,
    data: DataOption = None,
    campaigns: CampaignsOption = None,
    campaign_action: CampaignActionOption = None,
    send_code: Annotated[
        bool, typer.Option("--send-code", help="Mail a one-time code to the administrator on record.")
    ] = False,
    code: Annotated[
        str | None,
        typer.Option("--code", metavar="CODE", help="The one-time code that the administrator read out."),
    ] = None,
    attest: AttestOption = None,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer questions of the checklist, and verify the billing administrator by a code or your attestation."""
    answers = answers_of(administrator, url, name, terminate_on, data, campaigns)
    actions = values.campaign_actions(campaign_action)
    if actions and not answers:
        raise typer.BadParameter("--campaign-action needs an answer: --campaigns stop.")
    check_one_verification(send_code, code is not None, attest is not None, answered=bool(answers))
    steps: list[Step] = []
    if answers:
        steps.append(
            (
                "the answers are kept",
                lambda s: s.answer(
                    subscription,
                    answers,
                    actor=actor,
                    campaign_actions=actions,
                    cancellation=cancellation,
                    request_id=request_id,
                ),
            )
        )
    if send_code:
        steps.append(
            (_SENT, lambda s: s.send_code(subscription, actor=actor, cancellation=cancellation, request_id=request_id))
        )
    if code is not None:
        steps.append(
            (
                _VERIFIED,
                lambda s: s.verify_code(
                    subscription, code, actor=actor, cancellation=cancellation, request_id=request_id
                ),
            )
        )
    if attest is not None:
        steps.append(
            (
                _VERIFIED,
                lambda s: s.attest(
                    subscription, actor=actor, reason=attest, cancellation=cancellation, request_id=request_id
                ),
            )
        )
    _show(one_after_the_other(steps, as_json=as_json), as_json=as_json)


@cancellations_app.command()
def correct(
    subscription: SubscriptionArgument,
    *,
    terminate_on: TerminationOption = None,
    data: DataOption = None,
    campaigns: CampaignsOption = None,
    campaign_action: CampaignActionOption = None,
    goodwill: GoodwillOption = None,
    without_goodwill: Annotated[bool, typer.Option("--without-goodwill", help="Give the goodwill up.")] = False,
    reason: ReasonOption,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Correct the customer's wishes until the cancellation takes effect; it keeps its day of receipt, and is quoted anew."""
    status = with_service(
        lambda s: s.cancellations.correct(
            subscription,
            answers=answers_of(None, None, None, terminate_on, data, campaigns),
            campaign_actions=values.campaign_actions(campaign_action),
            goodwill=goodwill,
            without_goodwill=without_goodwill,
            actor=actor,
            reason=reason,
            cancellation=cancellation,
            request_id=request_id,
        ),
        as_json=as_json,
    )
    _show(status, as_json=as_json)


@cancellations_app.command()
def approve(
    subscription: SubscriptionArgument,
    *,
    proposal: Annotated[
        str | None,
        typer.Option(
            "--proposal", metavar="DIGEST", help="What you approve, as `show` names it; anything else is refused."
        ),
    ] = None,
    reason: ReasonOption,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve, as a second person, the goodwill that was requested."""
    status = with_service(
        lambda s: s.cancellations.approve(
            subscription,
            actor=actor,
            reason=reason,
            proposal=proposal,
            cancellation=cancellation,
            request_id=request_id,
        ),
        as_json=as_json,
    )
    _show(status, as_json=as_json)


@cancellations_app.command()
def withdraw(
    subscription: SubscriptionArgument,
    *,
    reason: ReasonOption,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw a cancellation that has not taken effect; everything it prepared is undone."""
    status = with_service(
        lambda s: s.cancellations.withdraw(
            subscription, actor=actor, reason=reason, cancellation=cancellation, request_id=request_id
        ),
        as_json=as_json,
    )
    _show(status, as_json=as_json)


@cancellations_app.command()
def reverse(
    subscription: SubscriptionArgument,
    *,
    administrator: Annotated[
        str, typer.Option("--administrator", metavar="E-MAIL", help="The billing administrator's e-mail.")
    ],
    url: Annotated[str, typer.Option("--url", metavar="URL", help="The organization's URL.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The organization's unique name.")],
    reason: CustomersReasonOption = None,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reverse a cancellation within its window, with the same information that cancelled it."""
    identity = Identity(billing_administrator=administrator, organization_url=url, organization_name=name)
    status = with_service(
        lambda s: s.cancellations.reverse(
            subscription, identity, actor=actor, reason=reason, cancellation=cancellation, request_id=request_id
        ),
        as_json=as_json,
    )
    _show(status, as_json=as_json)


@cancellations_app.command("list")
def list_command(
    *,
    stage: Annotated[Stage | None, typer.Option("--stage", help="Only those at this stage.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10_000)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List cancellations, newest first."""
    from starter.cli.cancellation_text import say_cases

    cases = with_records(lambda service: service.cancellations.list(stage=stage, limit=limit))
    if as_json:
        print_json(cases)
    else:
        say_cases(cases, stage)


@cancellations_app.command()
def show(subscription: SubscriptionArgument, *, as_json: JsonOption = False) -> None:
    """Show the state of a subscription's newest cancellation, live from its workflow."""
    _show(with_service(lambda service: service.cancellations.status(subscription), as_json=as_json), as_json=as_json)


@cancellations_app.command()
def history(subscription: SubscriptionArgument, *, as_json: JsonOption = False) -> None:
    """Print the audit trail: actor, time, change and reason of every event."""
    from starter.cli.cancellation_text import say_history

    history = with_records(lambda service: service.cancellations.history(subscription))
    if as_json:
        print_json([{**entry.model_dump(mode="json"), "at": entry.at.isoformat()} for entry in history.entries])
    else:
        say_history(history)


def _show(status: "CancellationStatus", *, as_json: bool) -> None:
    from starter.cli.cancellation_text import say_status

    if as_json:
        print_json(status)
    else:
        say_status(status)
