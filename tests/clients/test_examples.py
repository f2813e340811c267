"""The examples in other languages, run as their readers run them: by the API, through Temporal, and with a webhook."""

import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import ANY
from uuid import uuid4

import pytest
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from starter.local.temporal import temporal_program
from tests.activities.messaging.endpoint import FOREIGN, NEW, OLD
from tests.clients.examples import EXAMPLES, asked, example, lines, recorded, run
from tests.support.issuer import Issuer
from tests.support.ports import free_port
from tests.support.serving import served_on
from tests.support.world import World

__all__ = ["example"]


def answers_of(world: World, subscription: str) -> Mapping[str, str]:
    day = world.today(subscription) + timedelta(days=40)
    return {str(name): str(value) for name, value in world.answers(subscription, terminate_on=day).items()}


def identity_of(world: World, subscription: str) -> Mapping[str, str]:
    return world.identity(subscription).model_dump(mode="json", exclude_none=True)


async def test_a_case_is_started_answered_and_reversed_by_the_api(
    world: World, served: str, issuer: Issuer, example: list[str]
) -> None:
    subscription = world.subscription()
    env = {"OFFRAMP_URL": served, "OFFRAMP_TOKEN": issuer.token(roles=["support_agent"])}
    with world.environment.with_time_skipping_disabled():
        opened = await asked(example, "start", subscription, "ticket-1", env=env)
        again = await asked(example, "start", subscription, "ticket-1", env=env)
        assert again["cancellation"] == opened["cancellation"] == f"{subscription}/1"
        answered = await asked(
            example, "answer", subscription, "ticket-2", env=env, given=answers_of(world, subscription)
        )
        assert answered["open_questions"] == []
        await world.service.attest(subscription, actor="agent-8", reason="known by voice")
    await world.pass_time(subscription, timedelta(days=42))
    identity = identity_of(world, subscription)
    reversed_ = await asked(example, "reverse", subscription, "ticket-3", env=env, given=identity)
    assert reversed_["stage"] == "reversed"
    assert world.actions(subscription).count("cancellation.opened") == 1

    status, out, err = await run(example, "reverse", subscription, "ticket-4", env=env, body=lines(identity))
    assert status == 1
    assert "cancellation_ended" in out + err


async def test_a_busy_service_is_asked_again_under_the_same_key_and_a_refusal_is_the_answer(example: list[str]) -> None:
    asked: list[tuple[str, str]] = []
    statuses = iter([503, 200, 409, 200])

    async def answer(request: Request) -> JSONResponse:
        asked.append((request.url.path, request.headers["idempotency-key"]))
        return JSONResponse({"code": "said"}, next(statuses), {"retry-after": "1"})

    cases = "/v1/subscriptions/SUB-1/cancellations"
    async with served_on(Starlette(routes=[Route(cases, answer, methods=["POST"])]), free_port()) as url:
        env = {"OFFRAMP_URL": url, "OFFRAMP_TOKEN": "token"}
        assert await run(example, "start", "SUB-1", "ticket-1", env=env) == (0, ANY, ANY)
        status, out, err = await run(example, "start", "SUB-1", "ticket-2", env=env)
    assert (status, "said" in out + err) == (1, True)
    assert asked == [(cases, "ticket-1"), (cases, "ticket-1"), (cases, "ticket-2")]


@pytest.mark.parametrize("event", ["cancellation.effective", "webhook.test"])
async def test_a_webhook_is_verified(example: list[str], event: str) -> None:
    body = json.dumps({"type": event, "data": {"description": 'Möbel – \\ " €'}}, ensure_ascii=False)
    now = datetime.now(UTC)

    async def verified(
        *, secret: str, at: datetime = now, sent: str = body, signers: tuple[str, ...] = (OLD, NEW)
    ) -> bool:
        signatures = " ".join(Webhook(signer).sign("SUB-1/1/x", at, body) for signer in signers)
        arguments = ("SUB-1/1/x", str(int(at.timestamp())), signatures)
        env = {"OFFRAMP_WEBHOOK_SECRET": secret}
        status, out, err = await run(example, "verify", *arguments, env=env, body=sent.encode())
        assert (status, out.strip()) in ((0, event), (1, "")), err
        return status == 0

    assert await verified(secret=NEW)
    assert await verified(secret=OLD)
    assert not await verified(secret=FOREIGN)
    assert not await verified(secret=NEW, sent=body + " ")
    assert not await verified(secret=NEW, at=now - timedelta(minutes=6))
    assert not await verified(secret=NEW, at=now + timedelta(minutes=6))


async def test_a_case_is_started_answered_and_reversed_through_temporal(world: World, tmp_path: Path) -> None:
    if not shutil.which("jq"):
        pytest.skip("The example of Temporal in shell needs jq.")
    subscription, example = world.subscription(), [str(EXAMPLES / "shell" / "offramp-temporal")]
    path = f"{temporal_program().parent}{os.pathsep}{os.environ['PATH']}"
    env = {
        "PATH": recorded(["temporal", "jq"], tmp_path / "programs", path),
        "TEMPORAL_ADDRESS": world.environment.client.service_client.config.target_host,
        "OFFRAMP_TASK_QUEUE": world.task_queue,
        "OFFRAMP_ACTOR": "crm",
    }
    key = str(uuid4())
    with world.environment.with_time_skipping_disabled():
        opened = await asked(example, "start", subscription, key, env=env)
        again = await asked(example, "start", subscription, key, env=env)
        assert again["cancellation"] == opened["cancellation"] == f"{subscription}/1"
        assert opened["request_id"] == key
        answered = await asked(example, "answer", subscription, key, env=env, given=answers_of(world, subscription))
        assert answered["open_questions"] == []
        other = {"data": "none", "no_question": "1"}
        wrong = await run(example, "answer", subscription, "other", env=env, body=lines(other))
        assert wrong[0] == 1
        assert "question_not_asked" in wrong[1] + wrong[2]
        await world.service.attest(subscription, actor="agent-8", reason="known by voice")
    await world.pass_time(subscription, timedelta(days=42))
    shown = await asked(example, "status", subscription, env=env)
    assert shown["stage"] == "canceled"
    identity = identity_of(world, subscription)
    reversed_ = await asked(example, "reverse", subscription, key, env=env, given=identity)
    assert reversed_["stage"] == "reversed"
    for program in ("temporal", "jq"):
        arguments = (tmp_path / "programs" / f"{program}.arguments").read_text()
        assert not [value for value in identity.values() if value in arguments], "everybody on the machine sees them"
