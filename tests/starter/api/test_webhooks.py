"""Webhook endpoints over the API: added, tried out, paused, resumed, and sent again what they have missed."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from standardwebhooks import Webhook

from domain.principals import Role
from tests.activities.messaging.endpoint import Endpoint
from tests.starter.api.asking import key, ok, problem
from tests.starter.api.conftest import Calls
from tests.support.world import World, eventually

pytestmark = pytest.mark.usefixtures("no_time_passes")
WHY = {"reason": "as agreed"}


@pytest.fixture
def operator(calls: Calls) -> httpx.AsyncClient:
    return calls(Role.OPERATOR, subject="operator-1")


@pytest.fixture
def system() -> Endpoint:
    return Endpoint()


@pytest.fixture
async def added(operator: httpx.AsyncClient, system: Endpoint) -> AsyncIterator[dict[str, Any]]:
    """An endpoint of the test's own, as the answer shows it that added it."""
    name = f"crm-{uuid4().hex[:8]}"
    with system.listening() as url:
        body = {"endpoint": name, "url": url, "events": ["cancellation.*"], "owner": "hooks@crm.example"}
        yield ok(await operator.post("/webhook-endpoints", json=body, headers=key()), 201)
        await operator.post(f"/webhook-endpoints/{name}/removals", json=WHY, headers=key())


def of(added: dict[str, Any]) -> str:
    return f"/webhook-endpoints/{added['endpoint']['name']}"


def heard(system: Endpoint, subscription: str) -> list[str]:
    bodies = [json.loads(request.body) for request in system.requests]
    return [body["type"] for body in bodies if body["data"].get("subscription") == subscription]


def hears(system: Endpoint, subscription: str, *events: str) -> Callable[[], Awaitable[bool]]:
    async def has_heard() -> bool:
        return heard(system, subscription) == list(events)

    return has_heard


def is_delivered(operator: httpx.AsyncClient, added: dict[str, Any], message: str) -> Callable[[], Awaitable[bool]]:
    async def is_delivered() -> bool:
        page = ok(await operator.get(f"{of(added)}/deliveries"))
        return [each["state"] for each in page["deliveries"] if each["message"] == message] == ["delivered"]

    return is_delivered


async def test_an_endpoint_hears_of_cases_from_then_on_signed_with_the_secret_that_it_was_given(
    world: World, system: Endpoint, added: dict[str, Any]
) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await eventually(hears(system, subscription, "cancellation.received"))
    [request] = [each for each in system.requests if subscription in each.body.decode()]
    assert Webhook(added["secret"]).verify(request.body, dict(request.headers))["data"]["subscription"] == subscription


async def test_no_address_shows_a_secret_or_a_token_of_a_url(
    operator: httpx.AsyncClient, added: dict[str, Any]
) -> None:
    listed = await operator.get("/webhook-endpoints")
    [shown] = [each for each in ok(listed) if each["name"] == added["endpoint"]["name"]]
    assert shown == added["endpoint"] | {"pending": shown["pending"]}
    assert "t0ken" not in listed.text
    assert added["secret"] not in listed.text


async def test_the_same_request_again_adds_nothing_and_shows_the_same(operator: httpx.AsyncClient) -> None:
    body = {"endpoint": f"crm-{uuid4().hex[:8]}", "url": "https://crm.example/hooks"}
    once = key()
    first, again = [ok(await operator.post("/webhook-endpoints", json=body, headers=once), 201) for _ in range(2)]
    assert first == again
    other = body | {"url": "https://other.example/hooks"}
    problem(await operator.post("/webhook-endpoints", json=other, headers=once), 409, "request_id_reused")
    problem(await operator.post("/webhook-endpoints", json=other, headers=key()), 409, "endpoint_name_taken")
    ok(await operator.post(f"/webhook-endpoints/{body['endpoint']}/removals", json=WHY, headers=key()))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"url": "http://crm.example/hooks"}, "endpoint_url_refused"),
        ({"url": "https://169.254.169.254/latest"}, "endpoint_url_refused"),
        ({"url": "https://0xa9fea9fe/latest"}, "endpoint_url_refused"),
        ({"url": "https://user:password@crm.example/"}, "endpoint_url_refused"),
        ({"url": "nonsense"}, "endpoint_url_refused"),
        ({"events": ["cancellation.renamed"]}, "event_unknown"),
        ({"events": ["*"]}, "input_malformed"),
        ({"endpoint": "Crm_1"}, "input_malformed"),
        ({"owner": "nobody"}, "input_malformed"),
    ],
)
async def test_an_endpoint_that_cannot_work_is_refused(
    operator: httpx.AsyncClient, changed: dict[str, Any], code: str
) -> None:
    body = {"endpoint": "crm-refused", "url": "https://crm.example/hooks"} | changed
    problem(await operator.post("/webhook-endpoints", json=body, headers=key()), 422, code)


async def test_a_message_of_trial_returns_the_answer_of_the_endpoint(
    operator: httpx.AsyncClient, system: Endpoint, added: dict[str, Any]
) -> None:
    system.statuses = [204, 500]
    once = key()
    accepted = [ok(await operator.post(f"{of(added)}/tests", headers=once)) for _ in range(2)]
    assert accepted[0] == accepted[1]
    assert (accepted[0]["accepted"], accepted[0]["status"]) == (True, 204)
    refused = ok(await operator.post(f"{of(added)}/tests", headers=key()))
    assert (refused["accepted"], refused["status"]) == (False, 500)
    assert len(system.requests) == 2


async def test_a_paused_endpoint_gets_what_it_missed_when_it_is_resumed(
    world: World, operator: httpx.AsyncClient, system: Endpoint, added: dict[str, Any]
) -> None:
    ok(await operator.post(f"{of(added)}/pauses", json=WHY, headers=key()))
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await world.service.withdraw(subscription, actor="agent-7", reason="they stay")
    await world.handle(subscription).result()  # no case waits for it

    owed = ok(await operator.get(f"{of(added)}/deliveries", params={"state": "pending"}))["deliveries"]
    mine = [each for each in owed if each["cancellation"] == f"{subscription}/1"]
    assert [each["event"] for each in mine] == ["cancellation.withdrawn", "cancellation.received"]
    assert not heard(system, subscription)

    resumed = ok(await operator.post(f"{of(added)}/resumptions", json=WHY, headers=key()))
    assert (resumed["state"], resumed["paused_by"]) == ("active", None)
    await eventually(hears(system, subscription, "cancellation.received", "cancellation.withdrawn"))


async def test_messages_are_sent_again_on_request(
    world: World, operator: httpx.AsyncClient, system: Endpoint, added: dict[str, Any]
) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await eventually(hears(system, subscription, "cancellation.received"))
    message = f"{subscription}/1/cancellation.received/webhook/{added['endpoint']['name']}"
    await eventually(is_delivered(operator, added, message))
    once, body = key(), WHY | {"deliveries": [message]}
    for _ in range(2):
        ok(await operator.post(f"{of(added)}/resendings", json=body, headers=once), 202)
    await eventually(hears(system, subscription, "cancellation.received", "cancellation.received"))
    first, second = [each for each in system.requests if subscription in each.body.decode()]
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)

    problem(await operator.post(f"{of(added)}/resendings", json=WHY, headers=key()), 422, "input_malformed")
    later = WHY | {"since": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
    ok(await operator.post(f"{of(added)}/resendings", json=later, headers=key()), 202)


async def test_a_resending_is_carried_out_whatever_else_was_asked_for_under_the_same_key(
    world: World, operator: httpx.AsyncClient, system: Endpoint, added: dict[str, Any]
) -> None:
    """Keys are those of an operation: the same one may be that of a resumption, and of a message of trial."""
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    message = f"{subscription}/1/cancellation.received/webhook/{added['endpoint']['name']}"
    await eventually(is_delivered(operator, added, message))
    once = key()
    ok(await operator.post(f"{of(added)}/pauses", json=WHY, headers=once))
    ok(await operator.post(f"{of(added)}/resumptions", json=WHY, headers=once))
    ok(await operator.post(f"{of(added)}/tests", headers=once))
    everything = WHY | {"since": (datetime.now(UTC) - timedelta(days=3650)).isoformat()}
    ok(await operator.post(f"{of(added)}/resendings", json=everything, headers=once), 202)
    await eventually(hears(system, subscription, "cancellation.received", "cancellation.received"))


async def test_another_secret_is_shown_once_it_is_rotated(operator: httpx.AsyncClient, added: dict[str, Any]) -> None:
    rotated = ok(await operator.post(f"{of(added)}/rotations", headers=key()))
    assert rotated["secret"] != added["secret"]
    assert rotated["previous_until"] is not None


async def test_a_repeated_request_for_a_secret_gets_the_first_one_whatever_was_rotated_since(
    operator: httpx.AsyncClient,
) -> None:
    body = {"endpoint": f"crm-{uuid4().hex[:8]}", "url": "https://crm.example/hooks"}
    adding, first, second = key(), key(), key()
    rotations = f"/webhook-endpoints/{body['endpoint']}/rotations"
    added = ok(await operator.post("/webhook-endpoints", json=body, headers=adding), 201)
    rotated = [ok(await operator.post(rotations, headers=once)) for once in (first, second)]
    assert len({each["secret"] for each in (added, *rotated)}) == 3

    assert ok(await operator.post(rotations, headers=first)) == rotated[0]
    assert ok(await operator.post(rotations, headers=second)) == rotated[1]
    assert ok(await operator.post("/webhook-endpoints", json=body, headers=adding), 201) == added
    ok(await operator.post(f"/webhook-endpoints/{body['endpoint']}/removals", json=WHY, headers=key()))
    assert ok(await operator.post(rotations, headers=first))["secret"] == rotated[0]["secret"]


async def test_the_endpoint_of_the_configuration_is_not_changed_over_the_api(operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/webhook-endpoints/nobody/rotations", headers=key())
    problem(answer, 404, "endpoint_unknown")
