"""The checklist on the command line: its options and those of the wishes beside it, and the steps of an answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer

from domain.vocabulary import CampaignChoice, DataChoice, Question
from starter.cli import values
from starter.cli.output import console, error_console, say
from starter.cli.service import with_service

if TYPE_CHECKING:
    from contract import CancellationStatus, LineCancellationStatus
    from domain.marketing import CampaignAction
    from starter.service import Offramp
    from starter.service.reversible import ReversibleCaseClient

Status = TypeVar("Status", "CancellationStatus", "LineCancellationStatus")
Step: TypeAlias = "tuple[str, Callable[[ReversibleCaseClient[Status]], Awaitable[Status]]]"
"""The message when the step is done, and the step."""

_SENT = "a one-time code is on its way to the billing administrator on record"
_VERIFIED = "the billing administrator is verified"

AdministratorOption = Annotated[
    str | None, typer.Option("--administrator", metavar="E-MAIL", help="The billing administrator's e-mail.")
]
UrlOption = Annotated[str | None, typer.Option("--url", metavar="URL", help="The organization's URL.")]
NameOption = Annotated[str | None, typer.Option("--name", metavar="NAME", help="The organization's unique name.")]
DataOption = Annotated[DataChoice | None, typer.Option("--data", help="The customer's choice for the data.")]
CampaignsOption = Annotated[
    CampaignChoice | None, typer.Option("--campaigns", help="The customer's choice for the campaigns.")
]
GoodwillOption = Annotated[
    str | None,
    typer.Option(
        "--goodwill", parser=values.reason, metavar="REASON", help="Ignore the deadline; a second person approves."
    ),
]
SendCodeOption = Annotated[
    bool, typer.Option("--send-code", help="Mail a one-time code to the administrator on record.")
]
CodeOption = Annotated[
    str | None, typer.Option("--code", metavar="CODE", help="The one-time code that the administrator read out.")
]
WithoutGoodwillOption = Annotated[bool, typer.Option("--without-goodwill", help="Give the goodwill up.")]
ProposalOption = Annotated[
    str | None,
    typer.Option(
        "--proposal", metavar="DIGEST", help="What you approve, as `show` names it; anything else is refused."
    ),
]
AttestOption = Annotated[
    str | None,
    typer.Option(
        "--attest",
        parser=values.reason,
        metavar="REASON",
        help="Attest that the billing administrator is asking; give the reason.",
    ),
]
ReasonCodeOption = Annotated[
    str | None,
    typer.Option("--reason-code", metavar="CODE",
                 help="The same as one of the reasons that the organization's policy lists, for example too_expensive."),
]  # fmt: skip


def answers_of(
    administrator: str | None,
    url: str | None,
    name: str | None,
    terminate_on: Any,
    data: DataChoice | None,
    campaigns: CampaignChoice | None,
) -> dict[str, str]:
    """Return the answers that were given, by question."""
    given = {
        Question.BILLING_ADMINISTRATOR: administrator,
        Question.ORGANIZATION_URL: url,
        Question.ORGANIZATION_NAME: name,
        Question.TERMINATION_DATE: terminate_on,
        Question.DATA: data,
        Question.CAMPAIGNS: campaigns,
    }
    return {question.value: str(value) for question, value in given.items() if value is not None}


def check_one_verification(*ways: bool, answered: bool) -> None:
    """Raise BadParameter unless there is an answer, or a verification, and that in one way."""
    if sum(ways) > 1:
        raise typer.BadParameter("Verify in one way at a time: --send-code, --code or --attest.")
    if not answered and not any(ways):
        raise typer.BadParameter("Give at least one answer, --send-code, --code or --attest.")


def steps_of_answer(
    subject: str,
    answers: Mapping[str, str],
    *,
    send_code: bool,
    code: str | None,
    attest: str | None,
    actor: str,
    cancellation: str | None,
    request_id: str | None,
    campaign_actions: "Mapping[str, CampaignAction] | None" = None,
) -> "list[Step[Status]]":
    """Return the steps that give answers and verify the billing administrator, as far as the options say so."""
    about: dict[str, Any] = {"actor": actor, "cancellation": cancellation, "request_id": request_id}
    steps: list[Any] = []
    if answers:
        steps.append(
            ("the answers are kept", lambda s: s.answer(subject, answers, campaign_actions=campaign_actions, **about))
        )
    if send_code:
        steps.append((_SENT, lambda s: s.send_code(subject, **about)))
    if code is not None:
        steps.append((_VERIFIED, lambda s: s.verify_code(subject, code, **about)))
    if attest is not None:
        steps.append((_VERIFIED, lambda s: s.attest(subject, reason=attest, **about)))
    return steps


def one_after_the_other(
    steps: "Sequence[Step[Status]]", *, of: "Callable[[Offramp], ReversibleCaseClient[Status]]", as_json: bool
) -> "Status":
    """Take the steps in an area and return the status after the last; if one is refused, report what was done before it."""
    done: list[str] = []

    async def act(service: "Offramp") -> "Status":
        statuses = []
        for message, step in steps:
            statuses.append(await step(of(service)))
            done.append(message)
        return statuses[-1]

    try:
        return with_service(act, as_json=as_json)
    finally:
        if done and not as_json:
            say(f"Done: {' and '.join(done)}.", to=console if len(done) == len(steps) else error_console)
