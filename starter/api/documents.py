"""Documents as bodies: read whole after their sender was let through, a few at a time, because they can be large."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any
from weakref import WeakValueDictionary

from fastapi import Depends, Query, Request

from domain.principals import Principal
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input

LARGEST_DOCUMENT = 8 << 20
"""The largest document, in bytes; the command line takes larger ones."""
AT_ONCE = 2
"""The number of documents that one process has in memory at a time; others wait."""

MOST_HELD = 6
"""The number of documents that a process holds, on its disk or in memory."""
MOST_OF_ONE = 2
"""The number of those of one sender."""

_IN_MEMORY = 1 << 20
_held: Counter[str] = Counter()
_turns = asyncio.Semaphore(AT_ONCE)
_turns_of: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
"""One turn for each sender, so that nobody takes all of them."""


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
    """Give a handler the body of its request. Raises DocumentNotJson."""
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise DocumentNotJson(content_type)
    sender = _sender(request)
    if _held[sender] >= MOST_OF_ONE or _held.total() >= MOST_HELD:
        raise TooManyDocuments(_held[sender])
    _held[sender] += 1
    try:
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as whole:
            # Read before it takes a turn: its sender may be as slow as a sender may be.
            async for chunk in request.stream():
                whole.write(chunk)
            whole.seek(0)
            async with _turns_of.setdefault(sender, asyncio.Lock()), _turns:
                yield whole.read()
    finally:
        _held[sender] -= 1
        if not _held[sender]:
            del _held[sender]


def _sender(request: Request) -> str:
    principal: Principal = request.state.principal
    return principal.subject


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
