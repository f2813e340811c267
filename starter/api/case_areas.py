"""The areas of cases as their addresses know them, and the verification that every kind of case begins with."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Depends, Path, Request, Response

from contract import CancellationStatus, LineCancellationStatus, MarketingCancellationStatus
from domain.permissions import Operation
from domain.vocabulary import Identifier
from starter.api import bodies
from starter.api.callers import AskedOnce, Service
from starter.api.routes import MORE, Number, operation
from starter.service import Offramp
from starter.service.verification import VerifiedCaseClient

Status = CancellationStatus | LineCancellationStatus | MarketingCancellationStatus


class CaseArea:
    """A kind of case.

    Args:
        subject: the name of what is cancelled, in the paths.
        status: the status that every request is answered with.
        operations: its operations by the name of the method of the facade.
        case: returns the id of the case of a subject with a number; None for the newest.

    """

    def __init__(
        self,
        subject: str,
        status: type[Status],
        operations: Mapping[str, Operation],
        case: Callable[[Offramp, str, str], Awaitable[str | None]],
    ) -> None:
        self.status = status
        self.operations = operations
        self.in_path: Any = Path(alias=subject)
        """The subject, as a parameter of a handler."""
        in_path = self.in_path

        async def about(*, subject: Identifier = in_path, number: Number, service: Service) -> str | None:
            return await case(service, subject, number)

        self.in_both: Any = Depends(about)
        """The case, as a parameter of a handler."""


def add_verification(router: APIRouter, area: CaseArea, client: Callable[[Offramp], VerifiedCaseClient[Any]]) -> None:
    """Give a router the addresses of the verification of the administrator who asks."""
    in_path, in_both, status = area.in_path, area.in_both, area.status

    @operation(router, area.operations["send_code"], *MORE, response_model=status)
    async def send_code(
        *, subject: Identifier = in_path, case: str | None = in_both, asked: AskedOnce, service: Service
    ) -> Any:
        """Mail a one-time code to the billing administrator on record."""
        return await client(service).send_code(subject, cancellation=case, **asked)

    @operation(router, area.operations["verify_code"], *MORE, response_model=status)
    async def verify_code(
        *,
        subject: Identifier = in_path,
        case: str | None = in_both,
        body: bodies.TryCode,
        asked: AskedOnce,
        service: Service,
    ) -> Any:
        """Verify the billing administrator by the code that they have received."""
        return await client(service).verify_code(subject, body.code, cancellation=case, **asked)

    @operation(router, area.operations["attest"], *MORE, response_model=status)
    async def attest(
        *,
        subject: Identifier = in_path,
        case: str | None = in_both,
        body: bodies.Reasoned,
        asked: AskedOnce,
        service: Service,
    ) -> Any:
        """Give the caller's word that the request comes from the billing administrator."""
        return await client(service).attest(subject, reason=body.reason, cancellation=case, **asked)


def started(request: Request, response: Response, status: Status, key: str) -> None:
    """Complete the answer to a start: where the case is, and whether it is the one that this request has opened."""
    response.headers["location"] = f"{request.url.path}/{status.cancellation.rpartition('/')[2]}"
    if status.request_id != key:
        response.status_code = 200
