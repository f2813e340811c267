"""Asking the API: keys, addresses of cases, and what a refusal must be."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx

from domain.principals import Role
from tests.support.world import World, eventually

AGENT, SUPERVISOR, AUDITOR = Role.SUPPORT_AGENT, Role.SUPERVISOR, Role.AUDITOR


def key(name: str | None = None) -> dict[str, str]:
    return {"idempotency-key": name or str(uuid4())}


def cases(subscription: str, *more: str) -> str:
    return "/".join((f"/subscriptions/{subscription}/cancellations", *more))


async def started(agent: httpx.AsyncClient, world: World, subscription: str, **more: Any) -> dict[str, Any]:
    body = {"answers": dict(world.answers(subscription)), "attestation": "called back", **more}
    answer = await agent.post(cases(subscription), json=body, headers=key())
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def ok(answer: httpx.Response, status: int = 200) -> Any:
    """Return what an answer says that is no refusal."""
    assert answer.status_code == status, answer.text
    return answer.json()


def problem(answer: httpx.Response, status: int, code: str) -> Mapping[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: Mapping[str, Any] = answer.json()
    assert (found["code"], found["status"], found["type"]) == (code, status, f"urn:offramp:refusal:{code}")
    assert found["title"]
    return found


async def repeated(
    client: httpx.AsyncClient, method: str, path: str, body: object, other: object, **more: Any
) -> tuple[httpx.Response, httpx.Response]:
    """Ask twice under one key, and then for something else under it, which is refused; return the two answers."""
    headers = key()
    first = await client.request(method, path, json=body, headers=headers, **more)
    again = await client.request(method, path, json=body, headers=headers, **more)
    problem(await client.request(method, path, json=other, headers=headers, **more), 409, "request_id_reused")
    return first, again


async def until(client: httpx.AsyncClient, path: str, name: str = "is_done") -> dict[str, Any]:
    """Ask until what takes long is done."""
    found: dict[str, Any] = {}

    async def is_done() -> bool:
        answer = await client.get(path)
        found.update(answer.json())
        return bool(answer.status_code == 200 and answer.json()[name])

    await eventually(is_done)
    return found
