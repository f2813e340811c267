"""Routes: how an operation of the facade is made an address of the API, with who may call it and how it is documented."""

import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.routing import APIRoute

from domain.permissions import Operation
from domain.vocabulary import Identifier
from starter.api.addresses import ADDRESSES
from starter.api.callers import Permitted, actor
from starter.api.problems import responses
from starter.web.bodies import parsed

Handler = TypeVar("Handler", bound=Callable[..., Any])

EVERYWHERE = (401, 403, 422, 500, 503)
"""What every operation may answer."""
MORE = (404, 409, 429)
"""What every write to a case may answer besides."""

Number = Annotated[
    str,
    Path(
        pattern=r"^(newest|[1-9][0-9]{0,8})$",
        description="the number of the case among those of its subject, or `newest`",
    ),
]
Subscription = Annotated[Identifier, Path(description="the subscription's id")]
Organization = Annotated[Identifier, Path(description="the organization's id")]
Line = Annotated[Identifier, Path(description="the subscription line's id")]
Campaign = Annotated[Identifier, Path(description="the campaign's id")]
Invoice = Annotated[Identifier, Path(description="the invoice's number")]


class _Sent(Request):
    """A request whose body is parsed as those of all servers are."""

    async def json(self) -> Any:
        """Return the body. Raises JSONDecodeError."""
        return await parsed(await self.body(), json.loads, sender=actor(self))


class Door(APIRoute):
    """A route that looks at who asks, and at whether they may, before it reads a byte of what they send.

    FastAPI by itself reads and parses the body of a request first, whoever has sent it, on the loop that all requests share.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of its requests."""
        handle = super().get_route_handler()
        [permitted] = [one.dependency for one in self.dependencies if isinstance(one.dependency, Permitted)]

        async def handle_permitted(request: Request) -> Response:
            await permitted.let_through(request)
            return await handle(_Sent(request.scope, request.receive))

        return handle_permitted


def operation(
    router: APIRouter, operation: Operation, *more: int, of_several: bool = False, **how: Any
) -> Callable[[Handler], Handler]:
    """Return the decorator of the handler of an operation, at its address.

    Args:
        router: the router of its area.
        operation: the operation, which decides who may call it and what it is called in the document.
        more: the statuses of the problems that it may answer with, besides those of every operation.
        of_several: true for a list of what belongs to several organizations.
        how: what FastAPI has to know besides.

    """
    address = ADDRESSES[operation]

    def decorated(handler: Handler) -> Handler:
        router.add_api_route(
            address.path,
            handler,
            methods=[address.method],
            operation_id=operation.value.replace(".", "_"),
            dependencies=[Depends(Permitted(operation, address.kind, of_several=of_several))],
            responses={**responses(*EVERYWHERE, *more), **how.pop("responses", {})},
            route_class_override=Door,
            **how,
        )
        return handler

    return decorated


def named(subject: str, number: str) -> str | None:
    """Return the id of the case of a subject with a number; None for the newest."""
    return None if number == "newest" else f"{subject}/{number}"


def accepted(request: Request, response: Response, name: str) -> None:
    """Complete the answer to a request for what takes long: where its progress is shown, and when to look."""
    response.headers["location"] = f"{request.url.path}/{quote(name, safe='')}"
    response.headers["retry-after"] = "1"


ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "headers": {
            "Location": {"description": "where its progress is shown", "schema": {"type": "string"}},
            "Retry-After": {"description": "seconds until a look is worth it", "schema": {"type": "integer"}},
        }
    }
}
"""How the answer to a request for what takes long is documented."""
