"""What cancellations of subscriptions and of single lines share: every request after the start, each once under its key."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response

from contract import CancellationStatus, LineCancellationStatus
from domain.lines.quote import Quote
from domain.vocabulary import Identifier, Termination
from starter.api import bodies
from starter.api.callers import AskedOnce, Service
from starter.api.case_areas import CaseArea
from starter.api.routes import MORE, operation
from starter.service import Offramp
from starter.service.cancellation import CancellationClient
from starter.service.line_cancellations import LineCancellationClient

Status = CancellationStatus | LineCancellationStatus


def add_requests(
    router: APIRouter, area: CaseArea, client: Callable[[Offramp], CancellationClient | LineCancellationClient]
) -> None:
    """Give a router the addresses of one kind, but those of the start and the verification."""
    in_path, in_both, status = area.in_path, area.in_both, area.status

    @operation(router, area.operations["quote"], 404, 409, response_model=Quote)
    async def quote(
        *,
        subject: Identifier = in_path,
        service: Service,
        received_on: Annotated[
            date | None, Query(description="a civil day in the organization's zone; today, if not given")
        ] = None,
        terminate_on: Annotated[
            date | Termination | None, Query(description="the wished last day, or a way without a date")
        ] = None,
        goodwill: bool = False,
    ) -> Quote:
        """Return what cancelling would mean; nothing is started."""
        return await client(service).quote(
            subject, received_on=received_on, terminate_on=terminate_on, goodwill=goodwill
        )

    @operation(router, area.operations["status"], 404, response_model=status, responses=_WITH_VERSION)
    async def show(
        *, subject: Identifier = in_path, case: str | None = in_both, service: Service, response: Response
    ) -> Status:
        """Return the status of a cancellation: of its workflow while that runs, else of the record."""
        return versioned(await client(service).status(subject, cancellation=case), response)

    @operation(router, area.operations["answer"], *MORE, response_model=status)
    async def answer(
        *,
        subject: Identifier = in_path,
        case: str | None = in_both,
        body: bodies.AnswerQuestions,
        asked: AskedOnce,
        service: Service,
    ) -> Status:
        """Answer questions of the checklist: all of them are taken, or none."""
        return await client(service).answer(
            subject, body.answers, campaign_actions=body.campaign_actions, cancellation=case, **asked
        )

    @operation(router, area.operations["approve"], *MORE, response_model=status)
    async def approve(
        *,
        subject: Identifier = in_path,
        case: str | None = in_both,
        body: bodies.ApproveGoodwill,
        asked: AskedOnce,
        service: Service,
    ) -> Status:
        """Approve, as a second person, the goodwill that was asked for."""
        return await client(service).approve(
            subject, reason=body.reason, proposal=body.proposal, cancellation=case, **asked
        )

    @operation(router, area.operations["correct"], *MORE, 412, response_model=status, responses=_WITH_VERSION)
    async def correct(
        *,
        subject: Identifier = in_path,
        case: str | None = in_both,
        body: bodies.CorrectRequest,
        asked: AskedOnce,
        service: Service,
        response: Response,
        expects: Annotated[str | None, Depends(expected_version)],
    ) -> Status:
        """Record other wishes of the customer before the cancellation takes effect; with If-Match, only of what was read."""
        status = await client(service).correct(
            subject,
            reason=body.reason,
            answers=body.answers,
            campaign_actions=body.campaign_actions,
            goodwill=body.goodwill,
            without_goodwill=body.without_goodwill,
            expects=expects,
            cancellation=case,
            **asked,
        )
        return versioned(status, response)

    @operation(router, area.operations["withdraw"], *MORE, response_model=status)
    async def withdraw(
        *,
        subject: Identifier = in_path,
        case: str | None = in_both,
        body: bodies.WithdrawRequest,
        asked: AskedOnce,
        service: Service,
    ) -> Status:
        """Withdraw a cancellation that has not taken effect."""
        return await client(service).withdraw(
            subject, reason=body.reason, receipt=bodies.stated(body.receipt), cancellation=case, **asked
        )

    @operation(router, area.operations["reverse"], *MORE, response_model=status)
    async def reverse(
        *,
        subject: Identifier = in_path,
        case: str | None = in_both,
        body: bodies.ReverseRequest,
        asked: AskedOnce,
        service: Service,
    ) -> Status:
        """Reverse a cancellation within its window; the identity must be that of the cancellation."""
        return await client(service).reverse(
            subject,
            body.identity,
            reason=body.reason,
            receipt=bodies.stated(body.receipt),
            cancellation=case,
            **asked,
        )


def versioned(status: Status, response: Response) -> Status:
    """Name the version of a status in the header of its answer."""
    if status.version:
        response.headers["etag"] = f'"{status.version}"'
    return status


def expected_version(
    if_match: Annotated[
        str | None,
        Header(
            pattern=r'^(\*|"[!#-~]{1,98}")$',
            description="the `ETag` of the status that the correction is decided upon; `*` for any",
        ),
    ] = None,
) -> str | None:
    """Return the version that a request expects; None for any."""
    return None if if_match in (None, "*") else str(if_match).strip('"')


_WITH_VERSION: Mapping[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            "ETag": {
                "description": "the version of what can be corrected, until the effect",
                "schema": {"type": "string"},
            }
        }
    }
}
