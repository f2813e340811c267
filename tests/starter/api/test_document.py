"""Requests made of the document of the API, by every role: no fault, no status and no answer that it does not name."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from domain.principals import Role
from tests.starter.api.asking import AGENT, cases, key
from tests.starter.api.conftest import Calls
from tests.support.issuer import Issuer
from tests.support.world import World

EXAMPLES = int(os.environ.get("OFFRAMP_API_EXAMPLES", "4"))
"""For each operation and role."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
OFTEN = (Role.SUPPORT_AGENT, Role.ADMIN)
"""The roles of each run; all of them ask in that of what takes longest (`make soak-endurance`)."""
STREAMS = ("events_watch_list", "events_watch_subscription")


@pytest.mark.soak
@pytest.mark.parametrize(
    "role", [pytest.param(role, marks=() if role in OFTEN else pytest.mark.endurance) for role in Role]
)
async def test_whatever_a_role_asks_is_answered_as_the_document_says(
    world: World, calls: Calls, served: str, issuer: Issuer, role: Role
) -> None:
    subscription = world.subscription(marketing=True)
    with world.environment.with_time_skipping_disabled():
        await calls(AGENT).post(cases(subscription), json={}, headers=key())
        known = {
            "subscription": subscription,
            "line": f"{subscription}-1",
            "organization": world.organization(subscription),
            "number": "1",
        }
        token = issuer.token(roles=[role.value])
        await asyncio.to_thread(ask_everything, served, token, known)


def ask_everything(served: str, token: str, known: dict[str, str]) -> None:
    """Ask every operation, about what there is and about what there is not."""
    schema = schemathesis.openapi.from_url(f"{served}/v1/openapi.json")
    headers = {"authorization": f"Bearer {token}"}
    for operation in operations(schema):

        @hypothesis.given(case=operation.as_strategy(), of_known=st.booleans())
        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            # What a request did is not undone, so that it cannot be tried again in a smaller form.
            phases=[hypothesis.Phase.generate],
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        def ask(case: Any, of_known: bool) -> None:
            if of_known:
                case.path_parameters = {
                    name: known.get(name, value) for name, value in (case.path_parameters or {}).items()
                }
            answer = case.call(headers=headers, timeout=60)
            case.validate_response(answer, checks=CHECKS)
            assert answer.status_code != 503, answer.text

        ask()


def operations(schema: Any) -> Iterator[Any]:
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.definition.raw["operationId"] not in STREAMS:
            yield operation
