"""The callers of the API: who they are, what they may do, and under which key they repeat a request."""

from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from domain.permissions import Operation, SubjectKind
from domain.principals import Principal
from starter.access.refusals import TokenMissing
from starter.access.tokens import TokenVerifier
from starter.service import Offramp

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    bearerFormat="JWT",
    description="A token of the configured OpenID Connect issuer.",
)


async def caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Principal:
    """Return the principal that a request comes from.

    Raises:
        TokenMissing, TokenInvalid, IssuerUnavailable.

    """
    verifier: TokenVerifier = request.app.state.verifier
    if credentials is None:
        raise TokenMissing(verifier.issuer)
    return await verifier.principal(credentials.credentials)


Caller = Annotated[Principal, Depends(caller)]


async def service(request: Request) -> Offramp:
    """Return the facade."""
    found: Offramp = request.app.state.service
    return found


Service = Annotated[Offramp, Depends(service)]


class Permitted:
    """A dependency: the principal, if it may do an operation on the subject in the path."""

    def __init__(self, operation: Operation, kind: SubjectKind | None = None) -> None:
        self.operation = operation
        self.kind = kind

    async def __call__(self, request: Request, principal: Caller, service: Service) -> Principal:
        """Return the principal. Raises RoleMissing, OrganizationNotPermitted."""
        subject = None if self.kind is None else (self.kind, str(request.path_params[self.kind]))
        await service.access.check(principal, self.operation, subject)
        return principal


class PermittedList:
    """A dependency: the organizations of which a principal may list something; None for all."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation

    async def __call__(
        self, principal: Caller, service: Service, organization: str | None = None
    ) -> frozenset[str] | None:
        """Return them. Raises RoleMissing, OrganizationNotPermitted."""
        found = await service.access.organizations(principal, self.operation, organization)
        return None if found is None else frozenset(found)


IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=100,
        pattern=r"^[!-~]+$",
        description=(
            "Names this request. The same key with the same content gets the first answer, for ever; with other content it is "
            "refused with `request_id_reused`."
        ),
    ),
]
