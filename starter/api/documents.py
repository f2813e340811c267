"""Documents as bodies: read whole after their sender was let through, a few at a time, because they can be large."""

from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from domain.refusals import Refusal
from domain.remedies import correct_input
from starter.api.callers import actor
from starter.web.documents import DOCUMENTS, LARGEST_DOCUMENT

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


async def content(request: Request) -> AsyncIterator[bytes]:
    """Give a handler the body of its request. Raises DocumentNotJson, TooManyDocuments."""
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise DocumentNotJson(content_type)
    sender = actor(request)
    async with DOCUMENTS.place(sender):
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as whole:
            # Read before it takes a turn: its sender may be as slow as a sender may be.
            async for chunk in request.stream():
                whole.write(chunk)
            whole.seek(0)
            async with DOCUMENTS.turn(sender):
                yield whole.read()


Content = Annotated[bytes, Depends(content)]
DocumentName = Annotated[
    str, Query(alias="name", min_length=1, max_length=200, description="the document's name, for the audit trail")
]


def a_document(described_in: str) -> dict[str, Any]:
    """Return how the body of an operation is documented."""
    return {
        "requestBody": {
            "required": True,
            "description": f"the document ({described_in}), at most {LARGEST_DOCUMENT >> 20} MiB",
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    }
