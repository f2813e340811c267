"""Problems: refusals as HTTP answers (RFC 9457), with their code, their values and the way out."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from domain.imports.refusals import ImportRefusalDetails, ProblemDetails
from domain.refusals import Refusal, RefusalDetails, printable
from domain.remedies import Remedy
from starter.web.statuses import KEPT, RETRY_AFTER_SECONDS, status_of

MEDIA_TYPE = "application/problem+json"
REFUSALS = "urn:offramp:refusal:"
"""The type of a problem is this and the code of its refusal (docs/temporal.md, Refusals)."""

MOST_SHOWN = 20
"""The number of problems of one request that its answer shows."""
LONGEST_SHOWN = 300
"""The number of characters of one of them, which names a field as the caller wrote it."""


class Problem(BaseModel):
    """A refusal, or a request that is not well formed."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="`urn:offramp:refusal:` and the code")
    title: str = Field(description="what was refused")
    status: int
    detail: str = Field(description="what was refused, and the way out, as sentences")
    code: str = Field(description="the stable code of the refusal")
    values: dict[str, str] = Field(description="the facts of the refusal by name")
    remedy: Remedy | None = Field(description="the way out as data; null where the title says it")
    kept: bool = Field(
        description="true if the request is kept, and done as soon as it can be; false if nothing of it was kept"
    )
    problems: tuple[ProblemDetails, ...] = Field(
        default=(), description="of a document, what is wrong with each of its items, by their paths: the first of them"
    )
    not_shown: int = Field(default=0, description="how many more of them there are")


class ProblemResponse(JSONResponse):
    """The answer with a problem."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        refusal: RefusalDetails,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        not_shown: int = 0,
    ) -> None:
        status = status or status_of(refusal.code)
        problem = Problem(
            type=f"{REFUSALS}{refusal.code}",
            title=refusal.message,
            status=status,
            detail=f"{refusal.message} {refusal.way_out}".strip(),
            code=refusal.code,
            values=refusal.values,
            remedy=refusal.remedy,
            kept=refusal.code in KEPT,
            problems=refusal.problems if isinstance(refusal, ImportRefusalDetails) else (),
            not_shown=refusal.not_shown if isinstance(refusal, ImportRefusalDetails) else not_shown,
        )
        more = {"retry-after": str(RETRY_AFTER_SECONDS)} if status in (429, 503) else {}
        if status == 401:
            more["www-authenticate"] = "Bearer" if refusal.code == "token_missing" else 'Bearer error="invalid_token"'
        super().__init__(problem.model_dump(mode="json"), status_code=status, headers={**more, **(headers or {})})


def answer_refusal(_: Request, refusal: Exception) -> ProblemResponse:
    """Answer with the problem of a refusal."""
    assert isinstance(refusal, Refusal)  # noqa: S101 - it is registered for these
    return ProblemResponse(refusal.details)


def answer_malformed(_: Request, error: Exception) -> ProblemResponse:
    """Answer a request whose path, query, headers or body do not have the documented form; nothing that was sent is repeated."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for these
    problems = list(error.errors())
    hidden = max(len(problems) - MOST_SHOWN, 0)
    return ProblemResponse(
        RefusalDetails(
            code="input_malformed",
            message="The request does not have the documented form.",
            way_out="The document of this API shows the form of every request.",
            values={"problems": "; ".join(map(_problem, problems[:MOST_SHOWN]))},
        ),
        not_shown=hidden,
    )


def answer_plainly(status: int, message: str, way_out: str = "") -> ProblemResponse:
    """Answer what has no refusal: no such address, no such method, a fault."""
    code = {404: "nothing_there", 405: "method_unknown", 413: "body_too_large", 415: "content_type_unknown"}.get(
        status, "fault"
    )
    return ProblemResponse(RefusalDetails(code=code, message=message, way_out=way_out), status=status)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problems that an operation may answer with, for its documentation."""
    return {status: {"model": Problem, "description": _MEANING[status]} for status in statuses}


def with_media_type(document: dict[str, Any]) -> dict[str, Any]:
    """Give the problems in a document of the API their media type; FastAPI knows one for all answers alone."""
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status >= "4":
                    response["content"] = {MEDIA_TYPE: response["content"].pop("application/json")}
    return document


_MEANING = {
    400: "The request is no HTTP that the service reads.",
    401: "There is no bearer token, or one that is not accepted.",
    403: "The principal may not do this.",
    404: "There is nothing of this name.",
    409: "The rules, or the state of the case, refuse it; the code says which.",
    410: "What was there is erased.",
    412: "What is to be changed is not as it was read.",
    413: "The body is larger than the service takes.",
    415: "The body has another content type.",
    422: "The request does not have the documented form, or a value in it is not possible.",
    429: "A limit is reached; `values` say when there is room again.",
    500: "A fault of the service, or of its configuration.",
    503: "A part of the service does not answer; `kept` says whether the request is kept.",
}


def _problem(error: Mapping[str, Any]) -> str:
    where: Sequence[Any] = error["loc"]
    text = f"{'.'.join(map(str, where))}: {error['msg']}"
    return printable(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")
