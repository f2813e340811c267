"""What callers send by Nexus, and are answered: encrypted with keys of theirs, or refused at once."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from contract import StartCancellation
from domain.vocabulary import Stage
from runtime.named_keys import NamedKey
from runtime.payload_codec import key_of
from runtime.payload_keys import PayloadKeys
from starter.nexus.keys import NexusKeySettings, NexusKeysUnusable
from starter.nexus.payloads import CallersCodec, CallersConverter
from tests.starter.nexus.support_system import SupportSystem, keys, refusal_in, service_for, support_system
from tests.support.outcomes import refused
from tests.support.world import World

CRM, SHOP, FOREIGN = keys("crm"), keys("shop"), keys("foreign")
BOTH = keys("crm", "shop")
NONE = PayloadKeys()


@asynccontextmanager
async def calling(world: World, callers: PayloadKeys, own: PayloadKeys) -> AsyncIterator[SupportSystem]:
    """A support system with keys of its own, and a service for callers with others or the same."""
    temporal = world.environment.client
    async with (
        service_for(world, callers=callers) as endpoint,
        support_system(temporal, endpoint, own) as caller,
    ):
        yield caller


async def events(client: Client, workflow_id: str, *kinds: EventType.ValueType) -> list[HistoryEvent]:
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    return [event for event in history.events if event.event_type in kinds]


def keys_of(payloads: Iterable[Payload]) -> set[str | None]:
    return {key_of(payload) for payload in payloads}


async def test_every_caller_is_answered_under_its_own_key(world: World) -> None:
    async with service_for(world, callers=BOTH) as endpoint:
        for own in (CRM, SHOP):
            subscription = world.subscription()
            async with support_system(world.environment.client, endpoint, own) as caller:
                message = StartCancellation(subscription=subscription, actor="crm", reason="moves abroad")
                ticket = await caller.begins("start", message)
                assert (await ticket.result()).stage is Stage.INTAKE
                asked = EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED
                answered = EventType.EVENT_TYPE_NEXUS_OPERATION_COMPLETED
                sent, got = await events(caller.client, ticket.id, asked, answered)
                payloads = (
                    sent.nexus_operation_scheduled_event_attributes.input,
                    got.nexus_operation_completed_event_attributes.result,
                )
                assert keys_of(payloads) == {key.id for key in own}
            assert world.case(subscription).opened_by == "temporal:crm"


async def test_a_refusal_is_readable_with_the_callers_key_alone(world: World) -> None:
    async with calling(world, BOTH, SHOP) as caller:
        ticket = await caller.begins("start", StartCancellation(subscription="SUB-NOWHERE", actor="crm"))
        with pytest.raises(WorkflowFailureError) as failed:
            await ticket.result()
        refusal = refusal_in(failed.value)
        assert (refusal.type, refusal.details[0]["values"]) == (
            "subscription_unknown",
            {"subscription": "SUB-NOWHERE"},
        )
        assert "SUB-NOWHERE" in refusal.message
        [event] = await events(caller.client, ticket.id, EventType.EVENT_TYPE_NEXUS_OPERATION_FAILED)
        assert b"SUB-NOWHERE" not in event.SerializeToString()
        assert b".py" not in event.SerializeToString(), "nor is there a trace of our code"


@pytest.mark.parametrize(
    ("callers", "own", "code"),
    [
        (CRM, NONE, "encryption_required"),
        (CRM, FOREIGN, "encryption_key_missing"),
        (NONE, CRM, "encryption_key_missing"),
    ],
    ids=["a caller without a key", "a caller with another key", "a service without keys"],
)
async def test_a_caller_without_the_key_is_refused_at_once_and_nothing_has_happened(
    world: World, callers: PayloadKeys, own: PayloadKeys, code: str
) -> None:
    subscription = world.subscription()
    async with calling(world, callers, own) as caller:
        ticket = await caller.begins("start", StartCancellation(subscription=subscription, actor="crm"))
        with pytest.raises(WorkflowFailureError) as failed:
            await ticket.result()
        refusal = refusal_in(failed.value)
        assert refusal.type == code
        assert refusal.details[0]["code"] == code, "which the caller can read"
        history = await caller.client.get_workflow_handle(ticket.id).fetch_history()
        kinds = [event.event_type for event in history.events]
        assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in kinds, "the caller's own workflow stumbles over nothing"
    assert (await refused(world.service.status(subscription))).code == "cancellation_unknown"


async def test_a_key_under_a_known_name_that_is_another_is_a_missing_one(world: World) -> None:
    impostor = PayloadKeys((NamedKey("crm", b"another".ljust(32, b"-")),))
    async with calling(world, CRM, impostor) as caller:
        refusal = await caller.is_refused("start", StartCancellation(subscription="SUB-1", actor="crm"))
    assert refusal.type == "encryption_key_missing"


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ({"subscription": "", "actor": "crm"}, "subscription: "),
        ({"subscription": "SUB-1", "actor": "crm", "subscribtion": "SUB-1"}, "subscribtion: "),
        ("SUB-1", "message: "),
        (b"SUB-1", "message: a JSON object"),
        (None, "message: a JSON object"),
    ],
)
async def test_what_is_no_message_is_refused_with_the_place_of_the_fault(
    world: World, message: object, fault: str
) -> None:
    async with calling(world, NONE, NONE) as caller:
        refusal = await caller.is_refused("start", message)
    assert refusal.type == "input_malformed"
    assert fault in refusal.message


async def test_a_caller_cannot_pass_for_one_whose_request_was_encrypted() -> None:
    codec, converter = CallersCodec(CRM), CallersConverter()
    [crm] = CRM
    forged = Payload(metadata={"encoding": b"json/plain", "offramp-opened-with": crm.id.encode()}, data=b"{}")
    with pytest.raises(ApplicationError) as refusal:
        converter.from_payloads(await codec.decode([forged]), [StartCancellation])
    assert refusal.value.type == "encryption_required"


def test_keys_that_cannot_be_used_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFRAMP_NEXUS_KEYS", "crm:short")
    with pytest.raises(NexusKeysUnusable, match="the key crm must be 32 bytes"):
        _ = NexusKeySettings().keys
