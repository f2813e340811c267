"""The codec server as a web application: Temporal's protocol for remote codecs, and a page to sign in.

A request must show the token: as a bearer token (the ``temporal`` command line), as the cookie of somebody who signed in (a Web
UI that sends credentials), or as the first part of the path (a Web UI that cannot, such as that of ``temporal server start-dev``).
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from google.protobuf import json_format
from itsdangerous import BadData, URLSafeTimedSerializer
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp
from temporalio.api.common.v1 import Payload, Payloads

from runtime.payload_codec import EncryptingCodec, EncryptionKeyMissing
from starter.web.connections import with_security_headers

COOKIE = "offramp-codec"
SIGNED_IN_FOR = 12 * 60 * 60
"""The time after which somebody signs in again, in seconds."""

_LARGEST_REQUEST = 32 * 1024 * 1024
"""In bytes: more than Temporal answers at once."""
_LARGEST_FORM = 4096
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
)


def create_codec_server(codec: EncryptingCodec, *, token: str, origins: list[str]) -> ASGIApp:
    """Put the server together; ``origins`` are those of the Web UI, to which alone a browser gives an answer."""
    server = _Server(codec, token, origins)
    app = FastAPI(title="Offramp codec", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_api_route("/health", lambda: PlainTextResponse("ok"))
    app.add_api_route("/sign-in", server.sign_in_page)
    app.add_api_route("/sign-in", server.sign_in, methods=["POST"])
    for prefix in ("", "/{key}"):
        app.add_api_route(f"{prefix}/decode", server.decode, methods=["POST"])
        app.add_api_route(f"{prefix}/encode", server.encode, methods=["POST"])
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_credentials=True,
        allow_methods=["POST"],
        allow_headers=["authorization", "authorization-extras", "content-type", "x-namespace"],
        max_age=600,
    )
    return with_security_headers(app)


class _Server:
    """The handlers of the addresses."""

    def __init__(self, codec: EncryptingCodec, token: str, origins: list[str]) -> None:
        self._codec = codec
        self._token = token
        self._origins = origins
        # Signed with the token itself: another token ends every session.
        self._sessions = URLSafeTimedSerializer(token, salt="offramp.codec")

    async def decode(self, request: Request, key: str = "") -> Response:
        return await self._answered(request, key, self._decoded)

    async def encode(self, request: Request, key: str = "") -> Response:
        return await self._answered(request, key, self._codec.encode)

    def sign_in_page(self) -> Response:
        return self._page(refused=False, signed_in=False)

    async def sign_in(self, request: Request) -> Response:
        try:
            form = parse_qs((await _body(request, _LARGEST_FORM)).decode())
        except ValueError:
            form = {}
        if not self._is_token("".join(form.get("token", ())).strip()):
            return self._page(refused=True, signed_in=False)
        answer = self._page(refused=False, signed_in=True)
        answer.set_cookie(
            COOKIE,
            self._sessions.dumps("signed in"),
            max_age=SIGNED_IN_FOR,
            httponly=True,
            # The Web UI is another origin of the same site: other sites do not get the cookie sent.
            samesite="strict",
            secure=self._origins[0].startswith("https:"),
        )
        return answer

    def _page(self, *, refused: bool, signed_in: bool) -> Response:
        page = _TEMPLATES.get_template("sign_in.html.j2")
        status = 403 if refused else 200
        return HTMLResponse(page.render(refused=refused, signed_in=signed_in, ui=self._origins[0]), status_code=status)

    async def _answered(
        self, request: Request, key: str, work: Callable[[Sequence[Payload]], Awaitable[list[Payload]]]
    ) -> Response:
        if not self._may_ask(request, key):
            return PlainTextResponse("Sign in at /sign-in, or send the token of this server.\n", status_code=401)
        try:
            asked = json_format.Parse(await _body(request, _LARGEST_REQUEST), Payloads())
        except (json_format.ParseError, ValueError):
            return PlainTextResponse("Send payloads as Temporal's codec protocol writes them.\n", status_code=400)
        answer = json_format.MessageToJson(Payloads(payloads=await work(asked.payloads)), indent=None)
        return Response(answer, media_type="application/json")

    async def _decoded(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [await self._decoded_or_left(payload) for payload in payloads]

    async def _decoded_or_left(self, payload: Payload) -> Payload:
        # One payload whose key is gone does not hide the others.
        try:
            [decoded] = await self._codec.decode([payload])
        except EncryptionKeyMissing:
            return payload
        return decoded

    def _may_ask(self, request: Request, key: str) -> bool:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(bearer.strip()):
            return True
        if key:
            return self._is_token(key)
        try:
            self._sessions.loads(request.cookies.get(COOKIE, ""), max_age=SIGNED_IN_FOR)
        except BadData:
            return False
        return True

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())


async def _body(request: Request, largest: int) -> bytes:
    """Return the body of a request. Raises ValueError where it is larger than that many bytes."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > largest:
            raise ValueError("the request is too large")
    return bytes(body)
