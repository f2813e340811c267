"""The callers of the API: who they are, what they may do, and under which key they repeat a request."""

from typing import Annotated, TypedDict

from fastapi import Depends, Header, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from domain.permissions import Operation, SubjectKind, refuse_unless_permitted
from domain.principals import Principal
from domain.requests import refuse_reserved
from domain.vocabulary import Identifier
from starter.access.refusals import TokenMissing
from starter.access.tokens import TokenVerifier
from starter.service import Offramp

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    bearerFormat="JWT",
    description="A token of the configured OpenID Connect issuer.",
)


async def caller(request: Request) -> Principal:
    """Return the principal that a request comes from.

    Raises:
        TokenMissing, TokenInvalid, IssuerUnavailable.

    """
    verifier: TokenVerifier = request.app.state.verifier
    credentials = await bearer(request)
    if credentials is None:
        raise TokenMissing(verifier.issuer)
    return await verifier.principal(credentials.credentials)


async def service(request: Request) -> Offramp:
    """Return the facade."""
    found: Offramp = request.app.state.service
    return found


Service = Annotated[Offramp, Depends(service)]


class Permitted:
    """The callers of an operation: refuses a principal who may not do it on what the path of its route names.

    A route asks it before anything of a body is read (`starter.api.routes.Door`). As a dependency it says in the document that a
    token is needed, and lets nobody through whom no such route has asked for.

    ``of_several`` says that the operation lists what belongs to several organizations: of those that the principal may see.
    """

    def __init__(self, operation: Operation, kind: SubjectKind | None, *, of_several: bool) -> None:
        self.operation = operation
        self.kind = kind
        self.of_several = of_several

    async def let_through(self, request: Request) -> None:
        """Let the principal of a request through. Raises as `caller` does, RoleMissing, OrganizationNotPermitted."""
        principal = await caller(request)
        if self.of_several:
            refuse_unless_permitted(principal, self.operation)
        else:
            subject = None if self.kind is None else (self.kind, str(request.path_params[self.kind]))
            await (await service(request)).access.check(principal, self.operation, subject)
        request.state.principal, request.state.operation = principal, self.operation

    async def __call__(
        self, request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
    ) -> None:
        """Do the same, if nobody has yet."""
        if getattr(request.state, "operation", None) is not self.operation:
            await self.let_through(request)


IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=100,
        pattern=r"^[!-?A-~]+$",
        description=(
            "Names this request. The same key with the same content gets the first answer, for ever; with other content it is "
            "refused with `request_id_reused`. No address of a person: it is kept, and shown."
        ),
    ),
]


class Asked(TypedDict):
    """Who makes a request, and under which key, as the facade takes it."""

    actor: str
    request_id: str


def asked(request: Request, key: IdempotencyKey) -> Asked:
    """Return both of a request that was let through. Raises RequestIdReserved."""
    refuse_reserved(key)
    return Asked(actor=_principal(request).subject, request_id=key)


def actor(request: Request) -> str:
    """Return the subject of the principal of a request that was let through."""
    return _principal(request).subject


async def visible(
    request: Request, service: Service, organization: Annotated[Identifier | None, Query()] = None
) -> frozenset[str] | None:
    """Return the organizations of which a list is to have something; None for all. Raises OrganizationNotPermitted."""
    found = await service.access.organizations(_principal(request), request.state.operation, organization)
    return None if found is None else frozenset(found)


def limited(request: Request) -> frozenset[str] | None:
    """Return the organizations that the principal of a request is limited to; None for all."""
    return _principal(request).organizations


def _principal(request: Request) -> Principal:
    found: Principal = request.state.principal
    return found


Caller = Annotated[Principal, Depends(_principal)]
AskedOnce = Annotated[Asked, Depends(asked)]
Acting = Annotated[str, Depends(actor)]
Limited = Annotated[frozenset[str] | None, Depends(limited)]
Visible = Annotated[frozenset[str] | None, Depends(visible)]
