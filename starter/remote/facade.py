"""The facade over HTTP: each call is the request of its operation, and its answer what the facade would return."""

import asyncio
import typing
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

import httpx
from pydantic import TypeAdapter, ValidationError

from contract import ReconciliationReport, UpdateLineDates
from domain.imports.refusals import ImportRefusalDetails
from domain.lines.runs import LineDatesProgress
from domain.permissions import Operation
from domain.refusals import ForwardedRefusal, Refusal, RefusalDetails
from domain.remedies import Remedy, RemedyKind
from runtime.cookies import no_cookies
from starter.remote.calls import ApiCall, as_request
from starter.remote.sessions import Session
from starter.service import Offramp
from starter.service.area import AreaClient
from starter.service.offramp import AREAS

_WITHIN = 100.0
"""Longer than the service waits for anything, in seconds."""
_TRIES = 3
_LOOK_AGAIN = 0.5


class ApiUnavailable(Refusal):
    """An API that does not answer, or answers what is none."""

    code = "api_unavailable"

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"The API at {url} does not answer: {reason}.",
            remedy=Remedy.of(RemedyKind.REPEAT_LATER),
            url=url,
        )


class ApiLacks(Refusal):
    """Something that only the direct way can do."""

    code = "api_lacks"

    def __init__(self, operation: str) -> None:
        super().__init__(
            f"The API has no {operation}.",
            remedy=Remedy.of(RemedyKind.OPERATE, advice="Ask somebody who may do it on the machine of the service."),
            operation=operation,
        )


def remote(session: Session) -> Offramp:
    """Return what looks like the facade, and asks the API of a session.

    Every method raises the refusals of the service, and ApiUnavailable, ApiLacks.
    """
    return cast("Offramp", _Remote(session))


class _Remote:
    """The areas of the facade, each made when it is asked for."""

    has_files = has_tenants = True

    def __init__(self, session: Session) -> None:
        self._session = session

    def __getattr__(self, name: str) -> "_RemoteArea":
        if name not in AREAS:
            raise AttributeError(name)
        return _RemoteArea(self._session, name, AREAS[name])


class _RemoteArea:
    """One area: its methods are those of the facade's, and each asks for its operation."""

    def __init__(self, session: Session, area: str, kind: type[AreaClient]) -> None:
        self._session = session
        self._area = area
        self._kind = kind

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = Operation(f"{self._area}.{name}")
        in_several: dict[Operation, Callable[..., Any]] = {
            Operation.UPDATE_LINE_DATES: self._update,
            Operation.RECONCILE: self._reconcile,
        }
        return in_several.get(operation) or partial(self._call, operation)

    async def _call(self, operation: Operation, *given: Any, **named: Any) -> Any:
        answer = await self._ask(operation, *given, **named)
        if operation is Operation.POST_CREDIT_MEMO:
            return answer["subscription"]
        returned = typing.get_type_hints(self._method(operation))["return"]
        if isinstance(returned, TypeVar):  # of an area of cases: its status
            returned = self._kind._form.status  # type: ignore[attr-defined]  # noqa: SLF001
        try:
            return TypeAdapter(returned).validate_python(answer)
        except ValidationError:
            raise ApiUnavailable(self._session.url, "its answer has another form than this version knows") from None

    async def _ask(self, operation: Operation, *given: Any, **named: Any) -> Any:
        try:
            request = as_request(operation, self._method(operation), *given, **named)
        except KeyError:
            raise ApiLacks(operation.value) from None
        return await _answered(self._session, request)

    def _method(self, operation: Operation) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._kind, operation.value.partition(".")[2])
        return method

    async def _update(
        self,
        wish: UpdateLineDates,
        *,
        watch: Callable[[LineDatesProgress], None] | None = None,
        request_id: str | None = None,
    ) -> LineDatesProgress:
        """Begin an update of line dates, and look until it is done."""
        view = await self._ask(Operation.BEGIN_LINE_UPDATE, wish, request_id=request_id)
        while not view["is_done"]:
            if watch is not None and view["progress"] is not None:
                watch(LineDatesProgress.model_validate(view["progress"]))
            await asyncio.sleep(_LOOK_AGAIN)
            view = await self._ask(Operation.SHOW_LINE_UPDATE, view["name"])
        return LineDatesProgress.model_validate(view["progress"])

    async def _reconcile(self, *, dry_run: bool = False, request_id: str | None = None) -> ReconciliationReport:
        """Begin a reconciliation, and look until it is done."""
        view = await self._ask(Operation.BEGIN_RECONCILIATION, dry_run=dry_run, request_id=request_id)
        while not view["is_done"]:
            await asyncio.sleep(_LOOK_AGAIN)
            view = await self._ask(Operation.SHOW_RECONCILIATION, view["name"])
        return ReconciliationReport.model_validate(view["report"])


async def _answered(session: Session, request: ApiCall) -> Any:
    """Send a request, again where the way was interrupted: its key makes that one request; return the answer."""
    headers = {"authorization": f"Bearer {session.token}", **request.headers}
    if request.content is not None:
        headers["content-type"] = "application/json"
    async with httpx.AsyncClient(base_url=session.url, timeout=_WITHIN, cookies=no_cookies()) as client:
        answer = await _sent(client, request, headers, session.url)
    try:
        said = answer.json()
    except ValueError:
        raise ApiUnavailable(session.url, f"status {answer.status_code}, and no JSON") from None
    if answer.is_success:
        return said
    raise _refusal(session.url, answer.status_code, said)


async def _sent(client: httpx.AsyncClient, request: ApiCall, headers: Mapping[str, str], url: str) -> httpx.Response:
    left = _TRIES
    while True:
        left -= 1
        try:
            return await client.request(
                request.method,
                request.path,
                params=request.query,
                json=request.body,
                content=request.content,
                headers=headers,
            )
        except httpx.HTTPError as error:
            if not left:
                raise ApiUnavailable(url, type(error).__name__) from None
            await asyncio.sleep(_LOOK_AGAIN)


def _refusal(url: str, status: int, said: Any) -> Refusal:
    """Return the refusal that a problem (RFC 9457) is."""
    if not isinstance(said, dict) or "code" not in said:
        return ApiUnavailable(url, f"status {status}, and no problem of ours")
    way_out = str(said.get("detail", "")).removeprefix(str(said.get("title", ""))).strip()
    fields = {
        "code": said["code"],
        "message": said.get("title", ""),
        "way_out": way_out,
        "values": said.get("values", {}),
        "remedy": said.get("remedy"),
    }
    if said.get("problems"):
        items = {"problems": said["problems"], "not_shown": said.get("not_shown", 0)}
        return ForwardedRefusal(ImportRefusalDetails.model_validate(fields | items))
    return ForwardedRefusal(RefusalDetails.model_validate(fields))
