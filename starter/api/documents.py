"""Documents as bodies: read whole after their sender was let through, a few at a time, because they can be large."""

from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from starter.api.callers import actor
from starter.api.turns import Turns

LARGEST_DOCUMENT = 8 << 20
"""The largest document, in bytes; the command line takes larger ones."""
AT_ONCE = 2
"""The number of documents that one process has in memory at a time; others wait."""

MOST_HELD = 6
"""The number of documents that a process holds, on its disk or in memory."""
MOST_OF_ONE = 2
"""The number of those of one sender."""

_IN_MEMORY = 1 << 20


class TooManyDocuments(Refusal):
    """One more document than a process holds, of one sender or in all."""

    code = "too_many_documents"

    def __init__(self, own: int) -> None:
        super().__init__(
            f"There is no room for another document: {own} of yours are being taken, of at most {MOST_OF_ONE}, and at most "
            f"{MOST_HELD} in all.",
            remedy=Remedy.of(RemedyKind.REPEAT_LATER),
            own=own,
        )


turns = Turns(at_once=AT_ONCE, most=MOST_HELD, most_of_one=MOST_OF_ONE, too_many=TooManyDocuments)


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
    async with turns.place(sender):
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as whole:
            # Read before it takes a turn: its sender may be as slow as a sender may be.
            async for chunk in request.stream():
                whole.write(chunk)
            whole.seek(0)
            async with turns.turn(sender):
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
