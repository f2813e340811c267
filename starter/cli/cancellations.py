"""``offramp cancellations``: start, answer, watch and end cancellations."""

from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from domain.civil_time import in_words, instant_in_words
from domain.identity import Identity
from domain.lifecycle import CancellationUnknown
from domain.vocabulary import CampaignChoice, DataChoice, Question, Stage
from starter.cli.days import OptionalDay
from starter.cli.output import JsonOption, console, print_json
from starter.cli.quote import print_quote
from starter.cli.service import ActorOption, RequestIdOption, SubscriptionArgument, database, with_service
from storage import audit
from storage.overview import CaseSummary, list_cases
from workflows.contract import Attestation, CancellationStatus, Goodwill, StartCancellation

cancellations_app = typer.Typer(help="Start, answer, watch and end cancellations.", no_args_is_help=True)

AdministratorOption = Annotated[str | None, typer.Option("--administrator", help="The billing administrator's e-mail.")]
UrlOption = Annotated[str | None, typer.Option("--url", help="The organization's URL.")]
NameOption = Annotated[str | None, typer.Option("--name", help="The organization's unique name.")]
DataOption = Annotated[DataChoice | None, typer.Option("--data", help="What becomes of the data.")]
CampaignsOption = Annotated[CampaignChoice | None, typer.Option("--campaigns", help="What becomes of the campaigns.")]
AttestOption = Annotated[
    str | None, typer.Option("--attest", metavar="REASON", help="Vouch for the billing administrator, and say why.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the audit trail.")]


@cancellations_app.command()
def start(
    subscription: SubscriptionArgument,
    *,
    administrator: AdministratorOption = None,
    url: UrlOption = None,
    name: NameOption = None,
    terminate_on: OptionalDay = None,
    data: DataOption = None,
    campaigns: CampaignsOption = None,
    attest: AttestOption = None,
    goodwill: Annotated[
        str | None, typer.Option("--goodwill", metavar="REASON", help="Ignore the deadline; a second person approves.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why the customer leaves, in their words.")] = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a cancellation with the answers known already, or show the one that is running."""
    answers = _answers(administrator, url, name, terminate_on, data, campaigns)
    message = StartCancellation(
        subscription=subscription,
        actor=actor,
        request_id=request_id or "",
        answers=answers,
        attestation=Attestation(reason=attest) if attest else None,
        goodwill=Goodwill(reason=goodwill) if goodwill else None,
        reason=reason,
    )
    _print_status(with_service(lambda service: service.start(message)), as_json=as_json)


@cancellations_app.command()
def answer(
    subscription: SubscriptionArgument,
    *,
    administrator: AdministratorOption = None,
    url: UrlOption = None,
    name: NameOption = None,
    terminate_on: OptionalDay = None,
    data: DataOption = None,
    campaigns: CampaignsOption = None,
    send_code: Annotated[
        bool, typer.Option("--send-code", help="Mail a one-time code to the administrator on record.")
    ] = False,
    code: Annotated[
        str | None, typer.Option("--code", help="The one-time code that the administrator read out.")
    ] = None,
    attest: AttestOption = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer questions of the checklist, and verify the billing administrator by a code or by your word."""
    answers = _answers(administrator, url, name, terminate_on, data, campaigns)
    if not (answers or send_code or code or attest):
        raise typer.BadParameter("Give at least one answer, --send-code, --code or --attest.")

    async def act(service: Any) -> CancellationStatus:
        status: CancellationStatus | None = None
        if answers:
            status = await service.answer(subscription, answers, actor=actor, request_id=request_id)
        if send_code:
            status = await service.send_code(subscription, actor=actor, request_id=request_id)
        if code:
            status = await service.verify_code(subscription, code, actor=actor, request_id=request_id)
        if attest:
            status = await service.attest(subscription, actor=actor, reason=attest, request_id=request_id)
        assert status is not None  # noqa: S101 - one of the four was asked for
        return status

    _print_status(with_service(act), as_json=as_json)


@cancellations_app.command()
def approve(
    subscription: SubscriptionArgument,
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve, as a second person, the goodwill that somebody asked for."""
    status = with_service(lambda s: s.approve(subscription, actor=actor, reason=reason, request_id=request_id))
    _print_status(status, as_json=as_json)


@cancellations_app.command()
def withdraw(
    subscription: SubscriptionArgument,
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw a cancellation that has not taken effect; everything it prepared is undone."""
    status = with_service(lambda s: s.withdraw(subscription, actor=actor, reason=reason, request_id=request_id))
    _print_status(status, as_json=as_json)


@cancellations_app.command()
def reverse(
    subscription: SubscriptionArgument,
    *,
    administrator: Annotated[str, typer.Option("--administrator", help="The billing administrator's e-mail.")],
    url: Annotated[str, typer.Option("--url", help="The organization's URL.")],
    name: Annotated[str, typer.Option("--name", help="The organization's unique name.")],
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in the customer's words.")] = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reverse a cancellation within its window, with the same information that cancelled it."""
    identity = Identity(billing_administrator=administrator, organization_url=url, organization_name=name)
    status = with_service(
        lambda s: s.reverse(subscription, identity, actor=actor, reason=reason, request_id=request_id)
    )
    _print_status(status, as_json=as_json)


@cancellations_app.command("list")
def list_command(
    *,
    stage: Annotated[Stage | None, typer.Option("--stage", help="Only those at this stage.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List cancellations, newest first."""
    with database() as engine, Session(engine) as session:
        cases = list_cases(session, stage=stage, limit=limit)
    if as_json:
        print_json(cases)
        return
    table = Table("Cancellation", "Organization", "Stage", "Received", "Terminates on", "Reversible until", "Ended")
    for case in cases:
        table.add_row(*_row(case))
    console.print(table if cases else "No cancellation yet. Start one: offramp cancellations start SUBSCRIPTION")


@cancellations_app.command()
def show(subscription: SubscriptionArgument, *, as_json: JsonOption = False) -> None:
    """Show where the newest cancellation of a subscription stands, live from its workflow."""
    _print_status(with_service(lambda service: service.status(subscription)), as_json=as_json)


@cancellations_app.command()
def history(subscription: SubscriptionArgument, *, as_json: JsonOption = False) -> None:
    """Print the audit trail: who, when, what, why."""
    with database() as engine, Session(engine) as session:
        entries = [
            {
                "at": row.at.isoformat(),
                "actor": row.actor,
                "action": row.action,
                "cancellation": row.cancellation,
                "line": row.subscription_line,
                "before": row.before,
                "after": row.after,
                "why": row.why,
            }
            for row in audit.trail_of(session, subscription)
        ]
    if not entries:
        raise CancellationUnknown(subscription)
    if as_json:
        print_json(entries)
        return
    table = Table("When (UTC)", "Who", "What", "From", "To", "Why", title=f"Audit trail of {subscription}")
    for entry in entries:
        what = f"{entry['action']} {entry['line']}" if entry["line"] else str(entry["action"])
        why = str(entry["why"] or "")
        when = str(entry["at"])[:19].replace("T", " ")
        table.add_row(when, str(entry["actor"]), what, _values(entry["before"]), _values(entry["after"]), why)
    console.print(table)


def _answers(
    administrator: str | None,
    url: str | None,
    name: str | None,
    terminate_on: Any,
    data: DataChoice | None,
    campaigns: CampaignChoice | None,
) -> dict[str, str]:
    given = {
        Question.BILLING_ADMINISTRATOR: administrator,
        Question.ORGANIZATION_URL: url,
        Question.ORGANIZATION_NAME: name,
        Question.TERMINATION_DATE: terminate_on,
        Question.DATA: data,
        Question.CAMPAIGNS: campaigns,
    }
    return {question.value: str(value) for question, value in given.items() if value is not None}


def _print_status(status: CancellationStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(status)
        return
    console.print(f"Cancellation [bold]{status.cancellation}[/] is [bold]{status.stage}[/].", highlight=False)
    facts = {
        "waits for": status.waiting_for,
        "open questions": ", ".join(status.open_questions),
        "terminates on": in_words(status.termination_date) if status.termination_date else "",
        "stage ends by itself": _instant(status.stage_deadline, status.time_zone),
        "access ended on": in_words(status.access_ended_on) if status.access_ended_on else "",
        "reversible until": _instant(status.reversal_deadline, status.time_zone),
        "credit memos needed": ", ".join(status.outstanding_credit_memos),
        "not delivered yet": ", ".join(status.undelivered),
    }
    for name, value in facts.items():
        if value:
            console.print(f"  {name:<21} {value}", highlight=False, soft_wrap=True)
    if status.quote is not None and not status.stage.is_final:
        print_quote(status.quote)


def _row(case: CaseSummary) -> tuple[str, ...]:
    return (
        case.cancellation,
        case.organization,
        case.stage,
        _instant(case.received_at, case.time_zone),
        in_words(case.termination_date) if case.termination_date else "",
        _instant(case.reversal_deadline, case.time_zone),
        _instant(case.ended_at, case.time_zone),
    )


def _instant(instant: Any, zone: str) -> str:
    return instant_in_words(instant, zone) if instant else ""


def _values(values: object) -> str:
    return "\n".join(f"{name}: {value}" for name, value in values.items()) if isinstance(values, dict) else ""
