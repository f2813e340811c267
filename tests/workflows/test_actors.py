"""Who acts: the doors sign their requests, and an actor without a signature is nobody's word but the message's own."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError

import contract
from activities.messaging.webhook_settings import WebhookSettings
from contract.requests import claim_of
from contract.steps import Claim, OpenRun, RefusedRequest, Step
from domain.actors import is_sent_directly
from domain.refusals import RefusalDetails
from domain.vocabulary import Stage
from runtime.actors import settled
from runtime.named_keys import NamedKey
from runtime.refusals import as_refusal
from runtime.request_keys import RequestKeys
from runtime.temporal import offramp_plugin
from storage.tables import AuditRow, LineDatesRunRow
from tests.activities.messaging.endpoint import Endpoint
from tests.support import lives
from tests.support.prepaid import reached
from tests.support.signing import REQUEST_KEYS
from tests.support.world import AGENT, SECOND_PERSON, World, eventually, refused
from tests.workflows.cancellation.test_goodwill import awaiting

OTHER_KEYS = RequestKeys((NamedKey("tests", b"x" * 32),))


@pytest.fixture
async def direct(world: World) -> Client:
    """A client of somebody who may write to the namespace, and is no door of the service."""
    return await world.environment.connect_client(plugins=[offramp_plugin()])


@pytest.fixture(params=["no key", "another key under the same name"])
async def stranger(world: World, request: pytest.FixtureRequest) -> Client:
    """The same; or one that signs with a key that is not ours."""
    keys = None if request.param == "no key" else OTHER_KEYS
    return await world.environment.connect_client(plugins=[offramp_plugin(requests=keys)])


async def update(client: Client, subscription: str, name: str, message: Any, update_id: str | None = None) -> Any:
    handle = client.get_workflow_handle(contract.cancellation_workflow_id(subscription))
    return await handle.execute_update(
        name, message, id=update_id or str(uuid4()), result_type=contract.CancellationStatus
    )


async def code_of(answer: Awaitable[Any]) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await answer
    refusal = as_refusal(failed.value.__cause__ or failed.value)
    assert refusal is not None
    return refusal.code


def actors(world: World, subscription: str) -> dict[str, str]:
    with Session(world.engine) as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.subscription == subscription))
        return {row.action: row.actor for row in rows}


async def test_a_request_of_a_door_has_its_actor_as_it_is(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await world.service.answer(subscription, world.answers(subscription), actor=SECOND_PERSON)
    assert actors(world, subscription) == {
        "cancellation.opened": AGENT,
        "checklist.answered": SECOND_PERSON,
    }


async def test_a_request_that_goes_to_temporal_directly_is_marked(world: World, stranger: Client) -> None:
    subscription = world.subscription()
    start = contract.StartCancellation(subscription=subscription, actor=AGENT, request_id="r-1")
    with world.environment.with_time_skipping_disabled():
        await stranger.start_workflow(
            contract.SUBSCRIPTION_CANCELLATION,
            start,
            id=contract.cancellation_workflow_id(subscription),
            task_queue=world.task_queue,
        )
        answer = contract.Answer(actor=SECOND_PERSON, answers=world.answers(subscription))
        await update(stranger, subscription, contract.UPDATE_ANSWER, answer)
        withdraw = contract.Withdraw(actor="offramp", reason="they stay")
        status = await update(stranger, subscription, contract.UPDATE_WITHDRAW, withdraw)
    assert status.stage is Stage.WITHDRAWN
    assert world.case(subscription).opened_by == f"temporal:{AGENT}"
    assert actors(world, subscription) == {
        "cancellation.opened": f"temporal:{AGENT}",
        "checklist.answered": f"temporal:{SECOND_PERSON}",
        "cancellation.withdrawn": "temporal:offramp",  # no name of the service's own either
    }


async def test_a_signal_is_marked_whoever_sends_it(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription)
    await reached(world, subscription, Stage.CANCELED)
    await world.signal_reversal(subscription)
    await reached(world, subscription, Stage.REVERSED)
    assert actors(world, subscription)["cancellation.reversed"] == f"temporal:{AGENT}"


async def test_a_refused_request_is_marked_too(world: World, direct: Client) -> None:
    subscription = world.subscription()
    await world.start(subscription)
    answer = contract.Answer(actor="somebody", answers=world.answers(subscription))
    assert await code_of(update(direct, subscription, contract.UPDATE_ANSWER, answer)) == "checklist_closed"
    assert actors(world, subscription)["answer.refused"] == "temporal:somebody"


async def test_nobody_approves_a_goodwill_by_temporal_directly(world: World, stranger: Client) -> None:
    subscription, _ = await awaiting(world)
    approval = contract.Approve(actor="lead", reason="a good customer")
    assert await code_of(update(stranger, subscription, contract.UPDATE_APPROVE, approval)) == "approver_unknown"
    assert world.case(subscription).goodwill_approved_by is None
    await world.service.approve(subscription, actor="lead", reason="a good customer")
    await reached(world, subscription, Stage.SCHEDULED)
    assert world.case(subscription).goodwill_approved_by == "lead"


async def test_who_asked_for_a_goodwill_directly_does_not_approve_it_after_signing_in(
    world: World, direct: Client
) -> None:
    subscription, _ = await awaiting(world)
    later = (world.today(subscription) + timedelta(days=12)).isoformat()
    correction = contract.Correct(actor="lead", answers={"termination_date": later}, reason="later")
    await update(direct, subscription, contract.UPDATE_CORRECT, correction)
    assert (await refused(world.service.approve(subscription, actor="Lead", reason="fine"))).code == "own_approval"
    await world.service.approve(subscription, actor="another lead", reason="fine")


async def test_a_signature_is_good_for_one_request_to_one_workflow(world: World, direct: Client) -> None:
    """What a door has signed is sent again: under another id, to another case, with another word in it."""
    subscription, other = world.subscription(), world.subscription()
    for each in (subscription, other):
        await world.start(each, complete=False)
    answer = contract.Answer(actor=AGENT, answers={"data": "none"})
    claim = claim_of(contract.cancellation_workflow_id(subscription), contract.UPDATE_ANSWER, "a-1", answer)
    signed = answer.model_copy(update={"signature": REQUEST_KEYS.signature(claim)})
    changed = signed.model_copy(update={"actor": SECOND_PERSON})

    await update(direct, other, contract.UPDATE_ANSWER, signed, "a-1")
    assert actors(world, other)["checklist.answered"] == f"temporal:{AGENT}"
    await update(direct, subscription, contract.UPDATE_ANSWER, changed, "a-1")
    assert actors(world, subscription)["checklist.answered"] == f"temporal:{SECOND_PERSON}"


def claimed(actor: str = AGENT, *, signature: str | None = None) -> Step:
    at = "2026-11-30T12:00:00Z"
    return Step.model_validate(
        {
            "cancellation": "cancellation:SUB-1/1",
            "name": "x",
            "actor": actor,
            "at": at,
            "claim": Claim(of="c", signature=signature),
        }
    )


def test_claims_are_settled_wherever_they_are_in_what_an_activity_is_given() -> None:
    refusal = RefusalDetails(code="x", message="x")
    request = RefusedRequest(step=claimed(), action="x", refusal=refusal)
    assert settled(request, REQUEST_KEYS).step.actor == f"temporal:{AGENT}"
    signed = claimed(signature=REQUEST_KEYS.signature("c"))
    assert settled(request.model_copy(update={"step": signed}), REQUEST_KEYS).step.actor == AGENT
    run = OpenRun.model_validate({"run": "r", "instant": "2026-11-30T12:00:00Z", "actor": "x", "claim": {"of": "c"}})
    assert settled(run, REQUEST_KEYS).actor == "temporal:x"
    unclaimed = claimed().model_copy(update={"claim": None})
    assert settled(unclaimed, REQUEST_KEYS) is unclaimed
    assert settled("a run", REQUEST_KEYS) == "a run"


def test_the_longest_name_stays_a_name() -> None:
    assert settled(claimed("x" * 100), REQUEST_KEYS).actor == f"temporal:{'x' * 91}"


async def started_again(world: World, direct: Client, workflow_type: str, workflow_id: str) -> None:
    """Start a workflow a second time with the very message that a door has signed, as its history has it."""
    handle = world.environment.client.get_workflow_handle(workflow_id)
    await handle.result()
    history = await handle.fetch_history()
    payloads = history.events[0].workflow_execution_started_event_attributes.input.payloads
    [signed] = await world.environment.client.data_converter.decode(payloads)
    assert signed["signature"]
    again = await direct.start_workflow(workflow_type, signed, id=workflow_id, task_queue=world.task_queue)
    await again.result()


async def test_a_signature_resends_webhooks_once(idle_world: World, direct: Client) -> None:
    world = idle_world
    shop = Endpoint()
    with shop.listening() as url:
        settings = WebhookSettings(webhook_url=url, webhook_secret="whsec_" + b64encode(b"s" * 32).decode())
        async with world.worker(webhooks=settings):
            with world.environment.with_time_skipping_disabled():
                subscription = world.subscription()
                await world.start(subscription, complete=False)
                await eventually(lambda: is_true(len(shop.requests) == 1))
                since = datetime.now(UTC) - timedelta(hours=1)
                await world.offramp.webhooks.resend(
                    "webhook", since=since, reason="lost", actor=AGENT, request_id="r-1"
                )
                await eventually(lambda: is_true(len(shop.requests) == 2))
                [workflow] = [
                    found
                    async for found in world.environment.client.list_workflows("WorkflowType = 'WebhookBackfill'")
                    if found.task_queue == world.task_queue
                ]
                await started_again(world, direct, contract.WEBHOOK_BACKFILL, workflow.id)
                unsigned = contract.BackfillWebhooks(endpoint="webhook", actor=AGENT, since=since)
                with pytest.raises(WorkflowFailureError) as failed:
                    await direct.execute_workflow(
                        contract.WEBHOOK_BACKFILL, unsigned, id="webhooks:webhook:mine", task_queue=world.task_queue
                    )
                refusal = as_refusal(failed.value.cause)
                assert refusal is not None
                assert refusal.code == "sender_unknown"
    with Session(world.engine) as session:
        resent = session.scalars(select(AuditRow.actor).where(AuditRow.action == "webhook.resent")).all()
    assert (resent, len(shop.requests)) == ([AGENT], 2)


async def test_a_signature_updates_line_dates_once_in_the_name_of_its_actor(world: World, direct: Client) -> None:
    subscription = world.subscription()
    with world.environment.with_time_skipping_disabled():
        wish = contract.UpdateLineDates(subscription=subscription, actor="operator-1")
        await world.offramp.line_dates.update(wish, request_id="r-2")
        with Session(world.engine) as session:
            [run] = session.scalars(select(LineDatesRunRow.id).where(LineDatesRunRow.id.contains(subscription)))
        await started_again(world, direct, contract.SUBSCRIPTION_LINE_DATES_UPDATE, run.rpartition("/")[0])
    with Session(world.engine) as session:
        of_subscription = select(LineDatesRunRow.actor).where(LineDatesRunRow.id.contains(subscription))
        actors_ = session.scalars(of_subscription.order_by(LineDatesRunRow.started_at)).all()
    assert actors_ == ["operator-1", "temporal:operator-1"]


async def is_true(value: bool) -> bool:
    return value


def test_each_key_verifies_while_keys_change() -> None:
    old, new = NamedKey("2025", b"o" * 32), NamedKey("2026", b"n" * 32)
    rotating = RequestKeys((new, old))
    assert rotating.verifies("c", RequestKeys((old,)).signature("c"))
    assert not RequestKeys((new,)).verifies("c", RequestKeys((old,)).signature("c"))
    assert not rotating.verifies("c", "2026.é")
    assert RequestKeys().signature("c") is None


@pytest.mark.soak
@pytest.mark.parametrize("life", lives.LIVES.values(), ids=lives.LIVES)
async def test_a_whole_life_by_the_doors_has_no_marked_actor(
    world: World, life: Callable[[World], Awaitable[str]]
) -> None:
    await life(world)
    assert not [
        actor
        for subscription in world.subscriptions
        for actor in actors(world, subscription).values()
        if is_sent_directly(actor)
    ]
