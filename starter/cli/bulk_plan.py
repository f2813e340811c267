"""``offramp cancellations bulk``: many cancellations are planned, which starts nothing, and somebody looks at them first."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.bulk import AT_ONCE, MOST_AT_ONCE, MOST_PER_MINUTE, PER_MINUTE, BulkState, RowState
from domain.bulk.refusals import BulkFileMalformed
from starter.cli import values
from starter.cli.bulk_progress import NoWaitOption, leave, watched
from starter.cli.bulk_text import REFUSALS_SHOWN, say_bulk, say_refused_rows
from starter.cli.checklist import (
    AdministratorOption,
    AttestOption,
    CampaignsOption,
    DataOption,
    NameOption,
    ReasonCodeOption,
    UrlOption,
    answers_of,
)
from starter.cli.days import TerminationOption
from starter.cli.documents import content_of
from starter.cli.output import JsonOption, print_json
from starter.cli.service import ActorOption, ReasonOption, RequestIdOption, with_service

if TYPE_CHECKING:
    from records.bulk.lists import BulkRowView, BulkStatus
    from starter.service import Offramp


def plan(
    file: Annotated[
        Path | None,
        typer.Argument(help="The file with a row for each subscription (docs/bulk.md), or - for standard input.",
                       allow_dash=True),
    ] = None,
    *,
    organization: Annotated[
        str | None,
        typer.Option("--organization", parser=values.identifier, metavar="ORGANIZATION",
                     help="Every subscription of this organization instead, with the same answers."),
    ] = None,
    administrator: AdministratorOption = None,
    url: UrlOption = None,
    name: NameOption = None,
    terminate_on: TerminationOption = None,
    data: DataOption = None,
    campaigns: CampaignsOption = None,
    attest: AttestOption = None,
    reason_code: ReasonCodeOption = None,
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, max=MOST_AT_ONCE, help="How many starts are under way together.")
    ] = AT_ONCE,
    per_minute: Annotated[
        int, typer.Option("--per-minute", min=1, max=MOST_PER_MINUTE, help="How many are begun in a minute at most.")
    ] = PER_MINUTE,
    execute: Annotated[
        bool, typer.Option("--execute", help="Confirm the plan at once, where one person may; without it nothing is started.")
    ] = False,
    no_wait: NoWaitOption = False,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Plan the cancellation of many subscriptions: every refusal with its row, and what it would cost. Nothing is started.

    Exit status 1 says that a row is refused.
    """
    if (file is None) == (organization is None):
        raise typer.BadParameter("Give a file, or --organization.")
    csv, source = (None, "") if file is None else _text_of(file)
    answers = answers_of(administrator, url, name, terminate_on, data, campaigns)
    if file is not None and (answers or attest or reason_code):
        raise typer.BadParameter("Answers are columns of the file; the options are for --organization.")

    async def planned(service: "Offramp") -> "tuple[BulkStatus, list[BulkRowView]]":
        status = await service.bulk.plan(
            csv=csv,
            source=source,
            organization=organization,
            answers=answers,
            attestation=attest,
            reason_code=reason_code,
            reason=reason,
            at_once=at_once,
            per_minute=per_minute,
            actor=actor,
            request_id=request_id,
        )
        if no_wait:
            return status, []
        status = await watched(service, status, show=not as_json)
        if execute and status.state is BulkState.PLANNED:
            again = None if request_id is None else f"{request_id}.confirm"
            await service.bulk.confirm(
                status.bulk, digest=str(status.digest), reason=reason, actor=actor, request_id=again
            )
            status = await watched(service, await service.bulk.status(status.bulk), show=not as_json)
        page = await service.bulk.rows(status.bulk, states=[RowState.REFUSED], limit=REFUSALS_SHOWN)
        return status, list(page.rows)

    status, refused = with_service(planned, as_json=True)
    if as_json:
        print_json({**status.model_dump(mode="json"), "refused_rows": refused})
    else:
        say_bulk(status)
        say_refused_rows(refused, status.rows.get(RowState.REFUSED, 0))
    leave(status)


def _text_of(file: Path) -> tuple[str, str]:
    """Return the text of a file, and its name. Raises BulkFileMalformed."""
    content, source = content_of(file)
    try:
        return content.decode("utf-8"), source
    except UnicodeDecodeError:
        raise BulkFileMalformed("it is not written in UTF-8") from None
