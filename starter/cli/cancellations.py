"""``offramp cancellations``: start, answer, watch and end cancellations."""

from uuid import uuid4

import typer

from starter.cli import values
from starter.cli.bulk_plan import plan as bulk
from starter.cli.cancellation_lists import history, list_command, messages, show
from starter.cli.changes_of_mind import CustomersReasonOption, reverse, show_status, withdraw
from starter.cli.checklist import (
    AdministratorOption,
    AttestOption,
    CampaignsOption,
    CodeOption,
    DataOption,
    GoodwillOption,
    NameOption,
    ProposalOption,
    ReasonCodeOption,
    SendCodeOption,
    UrlOption,
    WithoutGoodwillOption,
    answers_of,
    check_one_verification,
    one_after_the_other,
    steps_of_answer,
)
from starter.cli.days import TerminationOption
from starter.cli.output import JsonOption, print_json
from starter.cli.receipt import ChannelOption, ReceivedAtOption, ReceivedBecauseOption, stated_receipt
from starter.cli.service import (
    ActorOption,
    CampaignActionOption,
    CancellationOption,
    ReasonOption,
    RequestIdOption,
    SubscriptionArgument,
    with_service,
)
from starter.cli.system_tasks import confirm_task

cancellations_app = typer.Typer(help="Start, answer, watch and end cancellations.", no_args_is_help=True)


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
    received_at: ReceivedAtOption = None,
    channel: ChannelOption = None,
    received_because: ReceivedBecauseOption = None,
    reason_code: ReasonCodeOption = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a cancellation with the answers known so far, or show the one that is running."""
    from contract import Attestation, Goodwill, StartCancellation, refusing_malformed
    from starter.cli.cancellation_text import say_already_running, say_status

    with refusing_malformed():
        message = StartCancellation(
            subscription=subscription,
            actor=actor,
            request_id=request_id or str(uuid4()),
            answers=answers_of(administrator, url, name, terminate_on, data, campaigns),
            attestation=Attestation(reason=attest) if attest else None,
            goodwill=Goodwill(reason=goodwill) if goodwill else None,
            reason=reason,
            reason_code=reason_code,
            campaign_actions=values.campaign_actions(campaign_action),
        )
    receipt = stated_receipt(received_at, channel, received_because)
    status = with_service(
        lambda s: s.cancellations.start(message, receipt=receipt), as_json=as_json, what=f"Starting {subscription}"
    )
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
    send_code: SendCodeOption = False,
    code: CodeOption = None,
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
    steps = steps_of_answer(
        subscription,
        answers,
        send_code=send_code,
        code=code,
        attest=attest,
        actor=actor,
        cancellation=cancellation,
        request_id=request_id,
        campaign_actions=actions,
    )
    show_status(one_after_the_other(steps, of=lambda service: service.cancellations, as_json=as_json), as_json=as_json)


@cancellations_app.command()
def correct(
    subscription: SubscriptionArgument,
    *,
    terminate_on: TerminationOption = None,
    data: DataOption = None,
    campaigns: CampaignsOption = None,
    campaign_action: CampaignActionOption = None,
    goodwill: GoodwillOption = None,
    without_goodwill: WithoutGoodwillOption = False,
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
    show_status(status, as_json=as_json)


@cancellations_app.command()
def approve(
    subscription: SubscriptionArgument,
    *,
    proposal: ProposalOption = None,
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
    show_status(status, as_json=as_json)


cancellations_app.command()(withdraw)
cancellations_app.command()(confirm_task)
cancellations_app.command()(reverse)


cancellations_app.command("bulk")(bulk)


cancellations_app.command("list")(list_command)
cancellations_app.command()(show)
cancellations_app.command()(history)
cancellations_app.command()(messages)
