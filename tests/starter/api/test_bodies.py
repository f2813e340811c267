"""Bodies of requests: who sends one, and whether they may, is looked at before a byte of it is read; it stops nobody else.

What an attacker has tried: bodies that take long to parse, without a token, and with one, while others wait.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from domain.bulk import LARGEST_FILE, MOST_ROWS
from domain.permissions import ROLES, Operation
from domain.principals import Role
from starter.access.tokens import TokenVerifier
from starter.api.addresses import ADDRESSES, VERSION
from starter.api.app import create_api, document
from starter.service import Offramp
from starter.web.bodies import LARGEST_BODY, SMALL_BODY
from starter.web.documents import LARGEST_DOCUMENT, MOST_HELD, MOST_OF_ONE, MOST_VALUES
from tests.starter.api.asking import AGENT, key, problem
from tests.starter.api.conftest import Calls
from tests.support.issuer import Issuer
from tests.support.parsing import parsed_here
from tests.support.world import eventually

_BY_ID = {operation.value.replace(".", "_"): operation for operation in ADDRESSES}
WITH_BODY = {
    _BY_ID[described["operationId"]]: (method.upper(), re.sub(r"\{\w+\}", "1", path.replace("{number}", "newest")))
    for path, methods in document()["paths"].items()
    for method, described in methods.items()
    if "requestBody" in described
}
"""Every address of the document to which a body is sent."""
AS_DOCUMENTS = (Operation.IMPORT, Operation.REPORT_BILLING, Operation.PLAN_BULK)


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


async def _is_parsed_elsewhere(
    client: httpx.AsyncClient, path: str, content: bytes, *answer: object, method: str = "POST"
) -> None:
    headers = key() | {"content-type": "application/json"}
    with parsed_here(SMALL_BODY) as here:
        answered = await client.request(method, path, content=content, headers=headers, params={"name": "large"})
    assert (answered.status_code, answered.json()["code"]) == answer, answered.text
    assert here == []


BODIES = [each for each in WITH_BODY if each not in AS_DOCUMENTS]


# All are read by one function; one in five is asked in every run, and the others in the soak.
@pytest.mark.parametrize(
    "operation",
    [each if not number % 5 else pytest.param(each, marks=pytest.mark.soak) for number, each in enumerate(BODIES)],
)
async def test_the_largest_body_is_parsed_beside_the_loop_of_all_requests(
    away: httpx.AsyncClient, issuer: Issuer, operation: Operation
) -> None:
    method, path = WITH_BODY[operation]
    away.headers["authorization"] = f"Bearer {issuer.token(roles=[role.value for role in ROLES[operation]])}"
    content = b'{"nothing":[' + b"[]," * ((LARGEST_BODY - 20) // 3) + b"0]}"
    assert SMALL_BODY < len(content) <= LARGEST_BODY
    await _is_parsed_elsewhere(away, path, content, 422, "input_malformed", method=method)


@pytest.mark.parametrize("operation", AS_DOCUMENTS)
async def test_the_largest_document_is_read_beside_the_loop_of_all_requests(calls: Calls, operation: Operation) -> None:
    client, path = calls(*ROLES[operation]), ADDRESSES[operation].path
    if operation is Operation.PLAN_BULK:
        blank = "subscription\n" + "\n" * (LARGEST_FILE - 100)
        await _is_parsed_elsewhere(client, path, _bulk(blank), 413, "bulk_file_too_large")
        await _is_parsed_elsewhere(client, path, _bulk(["x"] * MOST_VALUES), 413, "too_many_values")
        await _is_parsed_elsewhere(client, path, _bulk(["x"] * (MOST_VALUES - 9)), 422, "input_malformed")
        await _is_parsed_elsewhere(client, path, b'{"csv":"' + b"x" * LARGEST_FILE, 422, "input_malformed")
        await _is_parsed_elsewhere(client, path, b"[" * 400_000, 422, "input_malformed")
        same = "subscription\n" + "SUB-1\n" * (MOST_ROWS + 1)
        await _is_parsed_elsewhere(client, path, _bulk(same), 413, "bulk_file_too_large")
    else:
        content = json.dumps({"lines": "x" * (LARGEST_DOCUMENT - 20)}).encode()
        await _is_parsed_elsewhere(client, path, content, 422, "import_malformed")
        await _is_parsed_elsewhere(client, path, b"[" * (MOST_VALUES + 1), 413, "too_many_values")


async def test_a_document_of_too_many_values_is_not_read_to_its_end(calls: Calls) -> None:
    pieces = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal pieces
        while True:
            pieces += 1
            yield b"[]," * 10_000

    headers = key() | {"content-type": "application/json"}
    for operation in AS_DOCUMENTS:
        pieces = 0
        client = calls(*ROLES[operation])
        answer = await client.post(
            ADDRESSES[operation].path, content=endless(), headers=headers, params={"name": "large"}
        )
        problem(answer, 413, "too_many_values")
        assert pieces <= MOST_VALUES // 20_000 + 2


async def test_files_of_bulks_have_places_of_their_own(calls: Calls) -> None:
    """Those whose sender is slow keep no billing document waiting, and no more of them are taken than there are places for."""

    read = 0

    async def never() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"{"
        await asyncio.sleep(3600)

    path, headers = ADDRESSES[Operation.PLAN_BULK].path, key() | {"content-type": "application/json"}
    slow = [
        asyncio.create_task(calls(AGENT, subject=name).post(path, content=never(), headers=headers))
        for name in ("ann", "bob", "eve")
        for _ in range(MOST_OF_ONE)
    ]

    async def are_held() -> bool:
        return read == MOST_HELD

    await eventually(are_held)
    quick = calls(AGENT, subject="quick")
    problem(await quick.post(path, content=_bulk("color\nred\n"), headers=headers), 429, "too_many_documents")
    billing = await calls(Role.BILLING).post("/billing-documents", params={"name": "x"}, json={}, headers=key())
    problem(billing, 422, "import_malformed")
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    problem(await quick.post(path, content=_bulk("color\nred\n"), headers=headers), 422, "bulk_file_malformed")


def _bulk(csv: object) -> bytes:
    return json.dumps({"csv": csv, "reason": "the product ends"}, separators=(",", ":")).encode()
