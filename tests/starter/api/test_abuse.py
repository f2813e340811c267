"""Abuse of the API: bodies of other kinds and of any size, connections that say nothing. Nobody else notices it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from domain.principals import Role
from starter.api.addresses import ADDRESSES, VERSION
from tests.starter.api.asking import key
from tests.starter.api.conftest import Calls
from tests.support.issuer import Issuer
from tests.support.world import World, eventually

SILENT = 1_000
HUGE = 100 * 2**20
PLACES = {
    "subscription": "SUB-1",
    "organization": "ORG-1",
    "line": "L-1",
    "invoice": "INV-1",
    "campaign": "CMP-1",
    "hold": "1",
    "number": "1",
    "name": "x",
    "name:path": "x",
    "endpoint": "crm",
    "bulk": "bulk-0123456789abcdef",
}
WRITES = sorted({address for address in ADDRESSES.values() if address.method != "GET"})


def filled(path: str) -> str:
    for name, value in PLACES.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path
    return path


@pytest.mark.parametrize("address", WRITES, ids=" ".join)
async def test_a_body_of_another_kind_is_refused_and_no_fault(calls: Calls, address: tuple[str, str]) -> None:
    method, path = address
    client = calls(Role.ADMIN)
    for kind, content in (
        ("text/xml", b"<cancellation/>"),
        ("application/json", b"\xff\xfe{"),
        ("application/x-www-form-urlencoded", b"reason=x"),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
    ):
        answer = await client.request(method, filled(path), content=content, headers=key() | {"content-type": kind})
        assert answer.status_code < 500, (kind, answer.text)
        assert answer.headers["content-type"].startswith(("application/problem+json", "application/json")), kind


async def test_a_hundred_megabytes_are_not_read(served: str, issuer: Issuer, world: World) -> None:
    token = issuer.token(sub="agent-7", roles=["admin"])
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < HUGE:
            sent += 2**20
            yield b" " * 2**20

    path = f"{VERSION}/subscriptions/{world.subscription()}/cancellations"
    headers = {**key(), "authorization": f"Bearer {token}", "content-type": "application/json"}
    async with httpx.AsyncClient(base_url=served, timeout=60) as client:
        try:
            answer = await client.post(path, content=pieces(), headers=headers)
        except httpx.TransportError:  # it was answered and cut off while the rest was still being sent
            pass
        else:
            assert answer.status_code == 413
        assert (await client.get("/health")).is_success
    assert sent < HUGE / 2


async def test_a_thousand_silent_connections_keep_nobody_from_being_answered(served: str, issuer: Issuer) -> None:
    where = urlsplit(served)
    token = issuer.token(sub="agent-7", roles=["admin"])
    silent: list[socket.socket] = []
    try:
        for number in range(SILENT):
            one = socket.create_connection((str(where.hostname), where.port or 80), timeout=10)
            if number % 2:
                one.sendall(b"GET /v1/cancellations HTTP/1.1\r\nhost: x\r\nx-slow: ")
            silent.append(one)
            if number % 200 == 199:
                await asyncio.sleep(0)  # the server is in this very process

        async def is_answered() -> bool:
            headers = {"authorization": f"Bearer {token}", "connection": "close"}
            async with httpx.AsyncClient(base_url=served, timeout=20) as client:
                return (await client.get(f"{VERSION}/holds", headers=headers)).status_code == 200

        await eventually(is_answered)
    finally:
        for one in silent:
            one.close()
