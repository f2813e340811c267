"""Bodies of requests: whose they are, and whether they may send them, is looked at before a byte of one is read."""

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from domain.permissions import ROLES, Operation
from domain.principals import Role
from starter.access.tokens import TokenVerifier
from starter.api.addresses import ADDRESSES, VERSION
from starter.api.app import create_api, document
from starter.service import Offramp
from tests.starter.api.asking import key
from tests.support.issuer import Issuer

_BY_ID = {operation.value.replace(".", "_"): operation for operation in ADDRESSES}
WITH_BODY = {
    _BY_ID[described["operationId"]]: (method.upper(), re.sub(r"\{\w+\}", "1", path))
    for path, methods in document()["paths"].items()
    for method, described in methods.items()
    if "requestBody" in described
}
"""Every address of the document to which a body is sent."""


@pytest.fixture
async def away(verifier: TokenVerifier, service_away: Offramp) -> AsyncIterator[httpx.AsyncClient]:
    """An API whose parts do not answer, so that what it lets through goes no further."""
    transport = httpx.ASGITransport(create_api(service_away, verifier), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://api.example") as client:
        yield client


@pytest.mark.parametrize("operation", WITH_BODY)
async def test_a_caller_who_may_not_ask_is_answered_before_a_byte_of_the_body_is_read(
    away: httpx.AsyncClient, issuer: Issuer, operation: Operation
) -> None:
    method, path = WITH_BODY[operation]
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(10_000):
            read += 1
            yield b'{"csv":[' + b"[]," * 1_000

    async def asked(*roles: Role, token: str | None = None) -> tuple[int, str]:
        given = issuer.token(roles=[role.value for role in roles]) if token is None else token
        headers = key() | {"content-type": "application/json", "authorization": f"Bearer {given}" if given else ""}
        answer = await away.request(method, path, content=body(), headers=headers)
        return answer.status_code, answer.json()["code"]

    assert await asked(token="") == (401, "token_missing")
    assert await asked(token="x.y.z") == (401, "token_invalid")
    assert await asked(token=Issuer().token(roles=["admin"])) == (401, "token_invalid")
    assert await asked() == (403, "role_missing")
    for role in set(Role) - set(ROLES[operation]):
        assert await asked(role) == (403, "role_missing")
    assert read == 0
    if ADDRESSES[operation].kind is None:  # where nothing else stands in the way
        await asked(*ROLES[operation])
        assert read > 0


async def test_a_stranger_has_an_answer_before_the_body_is_sent(served: str) -> None:
    where = urlsplit(served)
    request = (
        f"POST {VERSION}{ADDRESSES[Operation.PLAN_BULK].path} HTTP/1.1\r\nhost: {where.netloc}\r\n"
        "content-type: application/json\r\ncontent-length: 4000000\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(request.encode())
    assert await reader.readline() == b"HTTP/1.1 401 Unauthorized\r\n"
    writer.close()
    await writer.wait_closed()
