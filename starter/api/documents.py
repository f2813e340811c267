"""Documents as bodies: read whole after their sender was let through, a few at a time, because they can be large."""

import json
from collections.abc import AsyncIterator, Callable
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from domain.refusals import Refusal
from domain.remedies import correct_input
from starter.api.callers import actor
from starter.web.documents import DOCUMENTS, LARGEST_DOCUMENT, MOST_VALUES, TooManyValues, values_of
from starter.web.turns import Places

Form = TypeVar("Form", bound=BaseModel)

_IN_MEMORY = 1 << 20


class DocumentNotJson(Refusal):
    """A document that says it is something other than JSON."""

    code = "content_type_unknown"

    def __init__(self, content_type: str) -> None:
        super().__init__(
            "A document is JSON, and this one says that it is something else.",
            remedy=correct_input("Send it with the header Content-Type: application/json."),
            content_type=content_type[:100],
        )


def content_in(places: Places) -> Callable[[Request], AsyncIterator[bytes]]:
    """Return a dependency that gives a handler the body of its request, and keeps its turn until the answer.

    It raises DocumentNotJson, TooManyDocuments, TooManyValues.
    """

    async def content(request: Request) -> AsyncIterator[bytes]:
        content_type = request.headers.get("content-type", "")
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise DocumentNotJson(content_type)
        sender, values = actor(request), 0
        async with places.place(sender):
            with SpooledTemporaryFile(max_size=_IN_MEMORY) as whole:
                # Read before it takes a turn: its sender may be as slow as a sender may be.
                async for chunk in request.stream():
                    values += values_of(chunk)
                    if values > MOST_VALUES:
                        raise TooManyValues
                    whole.write(chunk)
                whole.seek(0)
                async with places.turn(sender):
                    yield whole.read()

    return content


Content = Annotated[bytes, Depends(content_in(DOCUMENTS))]
DocumentName = Annotated[
    str, Query(alias="name", min_length=1, max_length=200, description="the document's name, for the audit trail")
]


def form_of(form: type[Form], content: bytes) -> Form:
    """Return a document that is a form of fields. Raises RequestValidationError, as FastAPI does for a body."""
    try:
        return form.model_validate(json.loads(content))
    except ValidationError as invalid:
        problems = invalid.errors(include_url=False, include_input=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in problems]) from None
    except (ValueError, RecursionError):
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body",), "msg": "JSON decode error"}]) from None


def a_document(described_in: str) -> dict[str, Any]:
    """Return how the body of an operation is documented."""
    description = f"the document ({described_in}), at most {LARGEST_DOCUMENT >> 20} MiB"
    return _body({"type": "object"}, description=description)


def a_form(form: type[BaseModel]) -> dict[str, Any]:
    """Return the same for one whose body is a form, which is among the document's components (`starter.api.app`)."""
    return _body({"$ref": f"#/components/schemas/{form.__name__}"})


def _body(schema: dict[str, str], **more: str) -> dict[str, Any]:
    return {"requestBody": {"required": True, **more, "content": {"application/json": {"schema": schema}}}}
