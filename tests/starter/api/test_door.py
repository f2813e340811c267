"""The door itself: nobody without a token, nothing beyond its addresses and sizes, and a document that says it all."""

import json
import re

import httpx
import pytest

from domain.principals import Role
from starter.access.tokens import TokenVerifier
from starter.api.addresses import ADDRESSES
from starter.api.app import create_api
from starter.api.problems import Problem
from starter.web.bodies import LARGEST_BODY
from starter.web.statuses import FAULTS, UNAVAILABLE, status_of
from storage.refusals import DatabaseUnavailable
from tests.starter.api.conftest import Calls
from tests.support.issuer import Issuer
from tests.support.refusals import refusals
from tests.support.world import World


async def test_nobody_is_let_in_without_a_token_that_proves_who_it_is(world: World, calls: Calls) -> None:
    client = calls(Role.ADMIN)
    for headers, code, challenge in (
        ({"authorization": ""}, "token_missing", "Bearer"),
        ({"authorization": "Basic YTpi"}, "token_missing", "Bearer"),
        ({"authorization": "Bearer x.y.z"}, "token_invalid", 'Bearer error="invalid_token"'),
        ({"authorization": f"Bearer {Issuer().token()}"}, "token_invalid", 'Bearer error="invalid_token"'),
    ):
        answer = await client.get("/cancellations", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer.headers["www-authenticate"] == challenge


async def test_other_addresses_and_methods_are_problems_too(calls: Calls) -> None:
    client = calls(Role.ADMIN)
    assert (await client.get("/nothing")).json()["code"] == "nothing_there"
    answer = await client.delete("/cancellations")
    assert (answer.status_code, answer.json()["code"], answer.headers["allow"]) == (405, "method_unknown", "GET")


async def test_answers_carry_the_headers_that_keep_them_to_the_caller(calls: Calls) -> None:
    answer = await calls(Role.ADMIN).get("/cancellations")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_beyond_the_limit_is_refused_and_not_read_to_its_end(
    world: World, calls: Calls, declared: bool
) -> None:
    pieces = 0

    async def endless() -> object:
        nonlocal pieces
        while True:
            pieces += 1
            yield b"x" * 65536

    content: object = b"x" * (LARGEST_BODY + 1) if declared else endless()
    answer = await calls(Role.ADMIN).post(
        f"/subscriptions/{world.subscription()}/cancellations",
        content=content,  # type: ignore[arg-type]
        headers={"idempotency-key": "k", "content-type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    Problem.model_validate(answer.json())
    assert pieces <= LARGEST_BODY // 65536 + 2


@pytest.mark.parametrize(
    "body",
    [
        {"campaign_actions": {f"{number:x}": 1 for number in range(10_000)}},
        {f"{number:x}": 1 for number in range(20_000)},
        {"receipt": {f"{number:x}": 1 for number in range(20_000)}},
    ],
)
async def test_a_body_of_faults_alone_is_answered_with_their_number(
    world: World, calls: Calls, body: dict[str, object]
) -> None:
    """To describe each takes a hundred times as long as to find it, and everybody else waits meanwhile."""
    answer = await calls(Role.SUPPORT_AGENT).post(
        f"/subscriptions/{world.subscription()}/cancellations", json=body, headers={"idempotency-key": "k"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "input_malformed")
    assert re.search(r"This has [12]0000 problems", answer.json()["values"]["problems"])
    assert len(answer.content) < 1_000


async def test_an_answer_shows_the_first_problems_and_counts_the_others(calls: Calls) -> None:
    answer = await calls(Role.AUDITOR).get("/cancellations", params={"stage": ["x" * 40] * 100})
    assert (answer.status_code, answer.json()["not_shown"]) == (422, 80)
    assert answer.json()["values"]["problems"].count("query.stage") == 20


async def test_the_document_names_every_operation_with_its_statuses(calls: Calls) -> None:
    answer = await calls().get("/openapi.json", headers={"authorization": ""})
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    operations = [
        (method, found)
        for path in document["paths"].values()
        for method, found in path.items()
        if method != "parameters"
    ]
    ids = sorted(found["operationId"] for _, found in operations)
    assert ids == sorted(operation.value.replace(".", "_") for operation in ADDRESSES)
    for method, found in operations:
        assert found["security"] == [{"bearer": []}]
        assert {"401", "403", "422", "500", "503"} <= set(found["responses"])
        for status, response in found["responses"].items():
            stream = found["operationId"].startswith("events_")
            success = "text/event-stream" if stream else "application/json"
            expected = success if status.startswith("2") else "application/problem+json"
            assert set(response["content"]) == {expected}, (found["operationId"], status)
        changes = method != "get" and found["operationId"] != "privacy_find"  # whose body keeps an address out of logs
        assert changes == any(each["name"] == "Idempotency-Key" for each in found.get("parameters", []))
    assert "HTTPValidationError" not in json.dumps(document)


def test_every_code_of_a_refusal_has_a_status() -> None:
    codes = {refusal.code for refusal in refusals()}
    assert codes >= UNAVAILABLE
    assert codes >= FAULTS
    assert {status_of(code) for code in codes} <= {401, 403, 404, 409, 410, 412, 413, 415, 422, 429, 500, 503}


async def test_a_part_that_is_away_is_said_with_a_time_to_try_again(
    world: World, verifier: TokenVerifier, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("offramp on localhost", "connection refused")

    monkeypatch.setattr(world.offramp.cancellations, "list", away)
    transport = httpx.ASGITransport(create_api(world.offramp, verifier), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://api.example/v1") as client:
        headers = {"authorization": f"Bearer {issuer.token(roles=['auditor'])}"}
        answer = await client.get("/cancellations", headers=headers)
    assert (answer.status_code, answer.json()["code"], answer.json()["kept"]) == (503, "database_unavailable", False)
    assert int(answer.headers["retry-after"]) > 0
