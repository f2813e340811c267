"""The bodies of requests: none that is larger than the service takes."""

import json

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 1 << 20
"""The largest body of a request, in bytes."""

_TOO_LARGE = json.dumps(
    {
        "type": "urn:offramp:refusal:body_too_large",
        "title": f"The body of the request has more than {LARGEST_BODY:,} bytes.",
        "status": 413,
        "detail": "Nothing of it was read.",
        "code": "body_too_large",
        "values": {},
        "remedy": None,
        "kept": False,
    }
).encode()


def limit_bodies(app: ASGIApp) -> ASGIApp:
    """Answer a request with a larger body with status 413, as soon as that is known; the connection is closed."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        declared = dict(scope.get("headers", ())).get(b"content-length", b"")
        read, is_too_large, has_begun = 0, declared.isdigit() and int(declared) > LARGEST_BODY, False

        async def counted() -> Message:
            nonlocal read, is_too_large
            message = await receive()
            read += len(message.get("body", b""))
            is_too_large = is_too_large or read > LARGEST_BODY
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
            headers = [
                (b"content-type", b"application/problem+json"),
                (b"content-length", str(len(_TOO_LARGE)).encode()),
                (b"connection", b"close"),
            ]
            await send({"type": "http.response.start", "status": 413, "headers": headers})
            await send({"type": "http.response.body", "body": _TOO_LARGE})

    return limited
