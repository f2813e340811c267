"""``offramp marketing``: cancel a marketing service alone, pass on a consent, report a stopped campaign."""

from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer
from rich.markup import escape

from domain.marketing import ConsentDecision, MarketingStage
from domain.words import FOR_AGENTS, received_in_words
from starter.cli import values
from starter.cli.output import JsonOption, print_json, say
from starter.cli.receipt import ChannelOption, ReceivedAtOption, ReceivedBecauseOption, stated_receipt
from starter.cli.service import (
    ActorOption,
    CampaignActionOption,
    CancellationOption,
    OrganizationArgument,
    RequestIdOption,
    SubscriptionArgument,
    with_service,
)

if TYPE_CHECKING:
    from contract import MarketingCancellationStatus

marketing_app = typer.Typer(
    help="Cancel a marketing service alone, pass on a consent, report a stopped campaign.",
    no_args_is_help=True,
)

AttestOption = Annotated[
    str | None,
    typer.Option(
        "--attest",
        parser=values.reason,
        metavar="REASON",
        help="Attest that the administrator is asking; give the reason.",
    ),
]


@marketing_app.command()
def cancel(
    organization: OrganizationArgument,
    *,
    administrator: Annotated[
        str, typer.Option("--administrator", metavar="E-MAIL", help="The marketing service's own administrator.")
    ],
    campaign_action: CampaignActionOption = None,
    attest: AttestOption = None,
    reason: Annotated[
        str | None, typer.Option("--reason", parser=values.reason, metavar="REASON", help="The reason, in their words.")
    ] = None,
    received_at: ReceivedAtOption = None,
    channel: ChannelOption = None,
    received_because: ReceivedBecauseOption = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel a marketing service for good, or show the cancellation that is running."""
    from contract import Attestation, StartMarketingCancellation, refusing_malformed

    with refusing_malformed():
        message = StartMarketingCancellation(
            organization=organization,
            actor=actor,
            request_id=request_id or str(uuid4()),
            administrator=administrator,
            campaign_actions=values.campaign_actions(campaign_action),
            attestation=Attestation(reason=attest) if attest else None,
            reason=reason,
        )
    receipt = stated_receipt(received_at, channel, received_because)
    status = with_service(lambda service: service.marketing.cancel(message, receipt=receipt), as_json=as_json)
    already_running = status.request_id != message.request_id
    if as_json:
        print_json({**status.model_dump(mode="json"), "already_running": already_running})
        return
    if already_running:
        since = FOR_AGENTS.instant(status.received_at, status.time_zone)
        say(f"[yellow]Already running[/] since {since}; nothing new was started.")
    _say_status(status)


@marketing_app.command()
def verify(
    organization: OrganizationArgument,
    *,
    send_code: Annotated[
        bool, typer.Option("--send-code", help="Mail a one-time code to the marketing service's administrator.")
    ] = False,
    code: Annotated[str | None, typer.Option("--code", metavar="CODE", help="The code that they read out.")] = None,
    attest: AttestOption = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify the marketing service's own administrator, by a code or your attestation."""
    if sum((send_code, code is not None, attest is not None)) != 1:
        raise typer.BadParameter("Verify in one way at a time: --send-code, --code or --attest.")
    if code is not None:
        status = with_service(
            lambda s: s.marketing.verify_code(organization, code, actor=actor, request_id=request_id), as_json=as_json
        )
    elif attest is not None:
        status = with_service(
            lambda s: s.marketing.attest(organization, actor=actor, reason=attest, request_id=request_id),
            as_json=as_json,
        )
    else:
        status = with_service(
            lambda s: s.marketing.send_code(organization, actor=actor, request_id=request_id), as_json=as_json
        )
    _show(status, as_json=as_json)


@marketing_app.command()
def show(organization: OrganizationArgument, *, as_json: JsonOption = False) -> None:
    """Show the state of a marketing service's newest cancellation, live from its workflow."""
    _show(with_service(lambda service: service.marketing.status(organization), as_json=as_json), as_json=as_json)


@marketing_app.command()
def acknowledge(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", parser=values.identifier, help="The campaign's id.")],
    *,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report that the ad centre has stopped a campaign, as requested."""
    status = with_service(
        lambda service: service.marketing.acknowledge_stop(campaign, actor=actor, request_id=request_id),
        as_json=as_json,
    )
    if as_json:
        print_json(status)
        return
    say(f"Campaign [bold]{escape(campaign)}[/] is stopped ({escape(status.cancellation)}).")
    if status.ads_may_still_run:
        say(f"Ads of these may still run and bill: {escape(', '.join(status.campaigns_outstanding))}.")


@marketing_app.command()
def consent(
    subscription: SubscriptionArgument,
    *,
    agree: Annotated[
        bool, typer.Option("--agree/--decline", help="The decision of the marketing service's administrator.")
    ],
    attest: Annotated[
        str, typer.Option("--attest", parser=values.reason, metavar="REASON", help="The evidence of this decision.")
    ],
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pass on the marketing administrator's decision on whether a cancellation may stop the campaigns."""
    from starter.cli.cancellation_text import say_status

    decision = ConsentDecision.AGREED if agree else ConsentDecision.DECLINED
    status = with_service(
        lambda s: s.cancellations.consent(
            subscription, decision, actor=actor, because=attest, cancellation=cancellation, request_id=request_id
        ),
        as_json=as_json,
    )
    if as_json:
        print_json(status)
    else:
        say_status(status)


def _show(status: "MarketingCancellationStatus", *, as_json: bool) -> None:
    if as_json:
        print_json(status)
    else:
        _say_status(status)


def _say_status(status: "MarketingCancellationStatus") -> None:
    from starter.cli.cancellation_text import campaigns_in_text, say_fact

    zone = status.time_zone
    say(f"Cancellation of the marketing service [bold]{status.cancellation}[/]: [bold]{status.stage}[/].")
    say_fact("received", received_in_words(FOR_AGENTS.instant(status.received_at, zone), status.channel))
    if status.stage is MarketingStage.INTAKE and status.stage_deadline:
        say_fact("closes unanswered", FOR_AGENTS.deadline(status.stage_deadline, zone))
    say_fact("waits for", status.waiting_for)
    say_fact("held up by", escape(status.held_up_because))
    say_fact("campaigns", campaigns_in_text(status))
    say_fact("being delivered", ", ".join(status.undelivered))
    if status.stage is MarketingStage.INTAKE and not status.verified:
        say(f"Verify with: [cyan]offramp marketing verify {status.organization} --send-code[/], then --code CODE")
    for campaign in status.campaigns_outstanding[:1]:
        say(f"When the ad centre has stopped it: [cyan]offramp marketing acknowledge {campaign}[/]")
