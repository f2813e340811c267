"""The bodies of requests: none that is larger than the service takes, and large ones parsed beside the loop, in turns."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from starter.web.turns import Turns

Parsed = TypeVar("Parsed")

LARGEST_BODY = 256 << 10
"""The largest body of a request, in bytes, where its address has no limit of its own."""
SMALL_BODY = 16 << 10
"""The largest body, in bytes, that is parsed on the loop that all requests share: a thread takes longer to be asked."""
AT_ONCE = 2
"""The number of larger ones that one process parses at a time; others wait."""

_turns = Turns(at_once=AT_ONCE)


def limit_bodies(app: ASGIApp, larger: Mapping[str, int] | None = None) -> ASGIApp:
    """Answer a request with a larger body with status 413, as soon as that is known; the connection is closed.

    ``larger`` are the limits of addresses that have their own, by path.
    """

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        largest = (larger or {}).get(scope.get("path", ""), LARGEST_BODY)
        declared = dict(scope.get("headers", ())).get(b"content-length", b"")
        read, is_too_large, has_begun = 0, declared.isdigit() and int(declared) > largest, False

        async def counted() -> Message:
            nonlocal read, is_too_large
            message = await receive()
            read += len(message.get("body", b""))
            is_too_large = is_too_large or read > largest
            if is_too_large:
                raise ClientDisconnect
            return message

        async def sent(message: Message) -> None:
            nonlocal has_begun
            if (
                has_begun or not is_too_large
            ):  # what the application makes of a body that ends in the middle is not the answer
                has_begun = True
                await send(message)

        if not is_too_large:
            try:
                await app(scope, counted, sent)
            except ClientDisconnect:
                if not is_too_large:
                    raise
        if is_too_large and not has_begun:
            body = _too_large(largest)
            headers = [
                (b"content-type", b"application/problem+json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            await send({"type": "http.response.start", "status": 413, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    return limited


async def parsed(content: bytes, parse: Callable[[bytes], Parsed], *, sender: str) -> Parsed:
    """Return what a parser makes of a body: of a large one in a thread, in a turn of its sender. Raises what the parser does."""
    if len(content) <= SMALL_BODY:
        return parse(content)
    async with _turns.turn(sender):
        return await asyncio.to_thread(parse, content)


def _too_large(largest: int) -> bytes:
    problem = {
        "type": "urn:offramp:refusal:body_too_large",
        "title": f"The body of the request has more than {largest:,} bytes.",
        "status": 413,
        "detail": "Nothing of it was kept.",
        "code": "body_too_large",
        "values": {},
        "remedy": None,
        "kept": False,
    }
    return json.dumps(problem).encode()
