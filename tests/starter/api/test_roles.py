"""Every operation with every role, and without one, at its address: the table of permissions is what the API lets through."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from domain.permissions import ROLES, Operation
from domain.principals import Role
from starter.access.keys import FileKeys
from starter.access.tokens import TokenVerifier
from starter.api.addresses import ADDRESSES
from starter.api.app import create_api
from starter.service import Offramp
from tests.support.issuer import AUDIENCE, Issuer


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def away(issuer: Issuer, service_away: Offramp, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An API whose parts do not answer, so that what it lets through goes no further."""
    keys = tmp_path / "keys.json"
    keys.write_text(issuer.key_set_text)
    verifier = TokenVerifier(issuer=issuer.issuer, audience=AUDIENCE, keys=FileKeys(issuer.issuer, str(keys)))
    transport = httpx.ASGITransport(create_api(service_away, verifier), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://api.example/v1") as client:
        yield client


def request(operation: Operation) -> httpx.Request:
    """The request for an operation, without a body: what it is about is looked at before what it says."""
    method, path = ADDRESSES[operation]
    path = re.sub(r"\{(\w+)(:path)?\}", lambda named: "1" if named[1] in ("number", "hold") else "X-1", path)
    return httpx.Request(method, path, headers={"content-type": "application/json"})


@pytest.mark.parametrize("operation", list(ADDRESSES))
async def test_an_operation_is_let_through_for_its_roles_and_no_other(
    away: httpx.AsyncClient, issuer: Issuer, operation: Operation
) -> None:
    asked = request(operation)

    async def answer(*roles: Role) -> httpx.Response:
        token = issuer.token(roles=[role.value for role in roles])
        return await away.request(
            asked.method, str(asked.url), headers={**asked.headers, "authorization": f"Bearer {token}"}
        )

    for role in Role:
        answered = await answer(role)
        refused = answered.status_code == 403
        assert refused == (role not in ROLES[operation]), (operation, role, answered.text)
        if refused:
            assert answered.json()["code"] == "role_missing"
        else:
            # What is wrong with it, or that a part is away: no fault of the service.
            assert answered.status_code in (404, 415, 422, 503), (operation, role, answered.text)
    assert (await answer()).json()["code"] == "role_missing"
    nobody = await away.request(asked.method, str(asked.url), headers=dict(asked.headers))
    assert (nobody.status_code, nobody.json()["code"]) == (401, "token_missing")
    malformed = await away.request(asked.method, str(asked.url), headers=dict(asked.headers), content=b"{")
    assert (malformed.status_code, malformed.json()["code"]) == (401, "token_missing"), "before its body is judged"


async def test_health_is_of_the_process_and_readiness_of_its_parts(away: httpx.AsyncClient) -> None:
    assert (await away.get("https://api.example/health")).status_code == 200
    ready = await away.get("https://api.example/ready")
    assert (ready.status_code, ready.json()) == (503, {"database": False, "temporal": False})
    assert int(ready.headers["retry-after"]) > 0
