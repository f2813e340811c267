"""Requests made of the document of the API, by every role: no fault, no status and no answer that it does not name."""

import asyncio
import os
from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import uuid4

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
from tests.activities.messaging.endpoint import Endpoint
from tests.starter.api.asking import cases, key
from tests.starter.api.conftest import Calls
from tests.support.bulks import as_file, short
from tests.support.issuer import Issuer
from tests.support.population import MARKETING_OWNER
from tests.support.single_lines import two_lines
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
# Hypothesis takes for its own what the service draws meanwhile, whose loop runs in another thread of this process.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning")
@pytest.mark.parametrize(
    "role", [pytest.param(role, marks=() if role in OFTEN else pytest.mark.endurance) for role in Role]
)
async def test_whatever_a_role_asks_is_answered_as_the_document_says(
    world: World, calls: Calls, served: str, issuer: Issuer, role: Role
) -> None:
    # It takes every message: a case that still owes one to a system is not over, and its subscription cannot be cancelled anew.
    with world.environment.with_time_skipping_disabled(), Endpoint().listening() as url:
        known = await what_there_is(world, calls, url)
        token = issuer.token(roles=[role.value])
        await asyncio.to_thread(ask_everything, served, token, known)


async def what_there_is(world: World, calls: Calls, url: str) -> dict[str, str]:
    """One of each thing that an address or a body can name, by the name that it has there."""
    subscription, line = world.subscription(marketing=True, campaigns=["A"]), two_lines(world)[1]
    organization, invoice = world.organization(subscription), f"{subscription}-INV"
    world.invoice(subscription, invoice, world.today(subscription).replace(day=1), date(2040, 12, 31))
    agent, operator = calls(Role.SUPPORT_AGENT), calls(Role.OPERATOR)
    holds = f"/organizations/{organization}/holds"
    endpoint = f"crm-{uuid4().hex[:8]}"
    made = {
        cases(subscription): (agent, {}),
        f"/lines/{line}/cancellations": (agent, {}),
        f"/organizations/{organization}/marketing-cancellations": (
            calls(Role.MARKETING_ADMIN),
            {"administrator": MARKETING_OWNER},
        ),
        holds: (calls(Role.SUPERVISOR), {"reason": "a lawsuit"}),
        "/webhook-endpoints": (
            operator,
            {"endpoint": endpoint, "url": url, "owner": "a@crm.example"},
        ),
        "/bulk-cancellations": (agent, {"csv": as_file([short(subscription)]), "reason": "leaves"}),
        "/line-dates/runs": (operator, {"subscription": subscription}),
        "/reconciliations": (operator, {"dry_run": True}),
    }
    answers = {}
    for path, (client, body) in made.items():
        answer = await client.post(path, json=body, headers=key())
        assert answer.is_success, (path, answer.text)
        answers[path] = answer
    return {
        "subscription": subscription,
        "line": line,
        "organization": organization,
        "number": "1",
        "cancellation": f"{subscription}/1",
        "campaign": world.campaign(subscription, "A"),
        "invoice": invoice,
        "endpoint": endpoint,
        "hold": str(answers[holds].json()["id"]),
        "bulk": answers["/bulk-cancellations"].json()["bulk"],
        "run": answers["/line-dates/runs"].headers["location"].rpartition("/")[2],
        "reconciliation": answers["/reconciliations"].headers["location"].rpartition("/")[2],
    }


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
                name = known["reconciliation" if "reconciliations" in case.operation.path else "run"]
                case.path_parameters = about(case.path_parameters or {}, known | {"name": name})
                case.body = about(case.body, known)
            answer = case.call(headers=headers, timeout=60)
            case.validate_response(answer, checks=CHECKS)
            assert answer.status_code != 503, answer.text

        ask()


def about(value: Any, known: dict[str, str]) -> Any:
    """A value in which whatever names a thing names one that there is."""
    if isinstance(value, list):
        return [about(each, known) for each in value]
    if isinstance(value, dict):
        return {
            name: known[name] if name in known and isinstance(inner, str) else about(inner, known)
            for name, inner in value.items()
        }
    return value


def operations(schema: Any) -> Iterator[Any]:
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.definition.raw["operationId"] not in STREAMS:
            yield operation
