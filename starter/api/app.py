"""The API as a web application."""

import logging
import traceback
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp
from temporalio.common import MetricMeter

from domain.permissions import Operation
from domain.refusals import Refusal, RefusedValue
from domain.validation import listed_errors
from records.case_events import CaseEvent
from starter.access.tokens import TokenVerifier
from starter.api import (
    billing,
    bulk,
    cancellation_lists,
    cancellations,
    events,
    exports,
    holds,
    line_cancellations,
    lines,
    marketing,
    migrations,
    operations,
    tenants,
    webhooks,
)
from starter.api.addresses import ADDRESSES, METADATA, VERSION
from starter.api.bulk_bodies import PlanBulk
from starter.api.problems import ProblemResponse, answer_malformed, answer_plainly, answer_refusal, with_media_type
from starter.service import Offramp
from starter.web.bodies import limit_bodies
from starter.web.connections import with_security_headers
from starter.web.documents import LARGEST_DOCUMENT
from starter.web.metrics import with_metrics
from starter.web.statuses import RETRY_AFTER_SECONDS

if TYPE_CHECKING:
    from runtime.tracing import Tracing

AREAS = (
    cancellation_lists,
    cancellations,
    line_cancellations,
    bulk,
    events,
    exports,
    migrations,
    marketing,
    lines,
    billing,
    holds,
    operations,
    tenants,
    webhooks,
)
"""In the order in which the document has them."""
_DOCUMENTS = [
    VERSION + ADDRESSES[operation].path
    for operation in (Operation.IMPORT, Operation.REPORT_BILLING, Operation.PLAN_BULK)
]

logger = logging.getLogger(__name__)


def create_api(
    service: Offramp,
    verifier: TokenVerifier,
    meter: MetricMeter = MetricMeter.noop,
    tracing: "Tracing | None" = None,
) -> ASGIApp:
    """Put the API together on a facade, for principals whose tokens a verifier accepts."""
    app = _with_routes()
    app.state.service, app.state.verifier = service, verifier
    app.add_api_route(METADATA, _metadata, include_in_schema=False)
    app.add_api_route("/health", _health, include_in_schema=False)
    app.add_api_route("/ready", _ready, include_in_schema=False)
    app.add_exception_handler(Refusal, answer_refusal)
    app.add_exception_handler(RequestValidationError, answer_malformed)
    app.add_exception_handler(ValidationError, _answer_impossible)
    app.add_exception_handler(HTTPException, _no_such_thing)
    app.add_exception_handler(Exception, _failed)
    if tracing is not None:
        tracing.trace_requests(app)
    limited = limit_bodies(app, dict.fromkeys(_DOCUMENTS, LARGEST_DOCUMENT))
    return with_security_headers(with_metrics(limited, meter))


def document() -> dict[str, Any]:
    """Return the OpenAPI document of the API, which needs no service."""
    return _document(_with_routes())


def _with_routes() -> FastAPI:
    app = FastAPI(
        title="Offramp",
        version="1",
        summary="Durable cancellations of subscriptions.",
        openapi_url=f"{VERSION}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.openapi = partial(_document, app)  # type: ignore[method-assign] # as its documentation has it
    for area in AREAS:
        app.include_router(area.router, prefix=VERSION)
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        # FastAPI does not see them: the data of a stream, and a body that is read as documents are.
        found["components"]["schemas"][CaseEvent.__name__] = CaseEvent.model_json_schema(mode="serialization")
        found["components"]["schemas"][PlanBulk.__name__] = PlanBulk.model_json_schema()
        app.openapi_schema = with_media_type(found)
    return app.openapi_schema


def _metadata(request: Request) -> JSONResponse:
    """Say whose tokens are accepted (RFC 9728), for whoever is about to log in."""
    verifier: TokenVerifier = request.app.state.verifier
    return JSONResponse(
        {
            "resource": str(request.base_url),
            "authorization_servers": [verifier.issuer],
            "bearer_methods_supported": ["header"],
        }
    )


def _health() -> PlainTextResponse:
    return PlainTextResponse("ok")


async def _ready(request: Request) -> JSONResponse:
    service: Offramp = request.app.state.service
    found = await service.readiness.check()
    headers = {} if found.is_ready else {"retry-after": str(RETRY_AFTER_SECONDS)}
    return JSONResponse(found.model_dump(), status_code=200 if found.is_ready else 503, headers=headers)


def _answer_impossible(request: Request, error: Exception) -> ProblemResponse:
    """Answer what has its form, and no meaning: the refusal that a model of the domain has raised within pydantic."""
    assert isinstance(error, ValidationError)  # noqa: S101 - it is registered for these
    causes = [one.get("ctx", {}).get("error") for one in listed_errors(error)]
    refusals = [cause.refusal for cause in causes if isinstance(cause, RefusedValue)]
    return answer_refusal(request, refusals[0]) if refusals else _failed(request, error)


def _no_such_thing(_: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    answer = answer_plainly(error.status_code, f"{HTTPStatus(error.status_code).phrase}.")
    answer.headers.update(error.headers or {})
    return answer


def _failed(_: Request, error: Exception) -> ProblemResponse:
    place = "".join(traceback.format_tb(error.__traceback__))  # its own text may hold what a customer has sent
    logger.error("A request failed with %s:\n%s", type(error).__name__, place)
    return answer_plainly(
        500, "A fault of the service: nothing is known of the request.", "Send it again under the same key."
    )
