"""A cancellation in the Web UI: readable without code, and without the identity of the customer."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle

from domain.refusals import Refusal
from tests.support.prepaid import prepaid, start
from tests.support.world import ADMINISTRATOR, AGENT, World, eventually


async def details(world: World, subscription: str) -> str:
    """The current details, as the Web UI asks for them."""
    return await details_of(world.handle(subscription))


async def details_of(workflow: WorkflowHandle[Any, Any]) -> str:
    """The current details of any workflow."""
    metadata = await workflow.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert isinstance(metadata, WorkflowMetadata)
    return str(metadata.current_details)


async def summaries(world: World, subscription: str) -> list[str]:
    """The words beside the workflow, its activities and its timers."""
    return await summaries_of(world.handle(subscription))


async def summaries_of(workflow: WorkflowHandle[Any, Any]) -> list[str]:
    """The words beside any workflow, its activities, its timers and its children."""
    history = await workflow.fetch_history()
    payloads = [
        payload
        for event in history.events
        if event.HasField("user_metadata")
        for payload in (event.user_metadata.summary, event.user_metadata.details)
    ]
    return [json.loads(payload.data) for payload in payloads if payload.data]


async def test_in_intake_the_details_say_what_is_waited_for_from_whom_and_until_when(world: World) -> None:
    subscription = world.subscription(zone="Europe/Berlin")
    await world.start(subscription, complete=False, answers={"data": "none"})

    shown = await details(world, subscription)

    assert "| Stage | **intake** |" in shown
    assert "| Waits for | the customer: billing administrator, organization url, organization name" in shown
    assert "| Abandoned if unanswered |" in shown
    assert "days left on" in shown
    ends = r"\| Abandoned if unanswered \| \d{4}-\d\d-\d\d \d\d:\d\d Europe/Berlin \(UTC\+0[12]:00\) \("
    assert re.search(ends, shown)


async def test_in_the_reversal_window_the_details_say_how_many_days_are_left_and_when_billing_ends(
    world: World,
) -> None:
    subscription = world.subscription()
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(minutes=1))

    shown = await details(world, subscription)

    assert "| Stage | **canceled** |" in shown
    assert "| Reversible until | the end of" in shown
    assert "(30 days left on" in shown
    assert f"(customer line {subscription}-1)" in shown


async def test_a_line_that_waits_for_billing_is_shown_with_what_billing_has_to_do(world: World) -> None:
    subscription, invoice = prepaid(world)
    await start(world, subscription, in_days=10)

    shown = await details(world, subscription)

    assert f"| Waits for | the end of the last day of access; billing: credit memos for {invoice} |" in shown
    assert f"(customer line {subscription}-1), **waits for billing**<br>" in shown
    assert f"(customer line {subscription}-2) |" in shown


async def test_what_is_delivered_is_not_called_undelivered_for_the_rest_of_the_wait(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(minutes=1))

    await world.mails_arrived(subscription, 3)
    assert len(world.mailbox.of(subscription)) == 3

    async def says_nothing_of_it() -> bool:
        return "Still to be delivered" not in await details(world, subscription)

    await eventually(says_nothing_of_it)  # the mail is there before its activity has returned


async def test_every_step_and_every_timer_says_what_it_is_for(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(days=32))

    said = await summaries(world, subscription)

    assert f"Cancel subscription {subscription}" in said
    assert {"open the case", "set the end dates of the lines", "close the case"} <= set(said)
    assert any(summary.startswith("reversal reminder: ") for summary in said)
    timer = r"the reversal window ends: \d{4}-\d\d-\d\d \d\d:\d\d \S+ \(UTC[+-]\d\d:\d\d\)"
    assert any(re.fullmatch(timer, summary) for summary in said)
    assert any(summary.startswith("the reversal window ends: ") for summary in said)


async def test_nothing_that_operators_see_tells_who_the_customer_is(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False, reason="our company moves to Gotham")
    # A person who puts an address where another answer belongs: the refusal is kept and shown, and repeats it to nobody.
    with pytest.raises(Refusal, match="none of the possible ones") as refused:
        await world.service.answer(subscription, {"termination_date": ADMINISTRATOR}, actor=AGENT)
    kept = (refused.value.details, (await world.service.status(subscription)).last_refusal)
    assert ADMINISTRATOR not in f"{kept} {world.audit(subscription, 'answer.refused').why}"
    await world.service.answer(subscription, world.answers(subscription), actor=AGENT)

    description = await world.handle(subscription).describe()
    identity = world.identity(subscription)
    seen = [
        await details(world, subscription),
        *await summaries(world, subscription),
        *(str(pair) for pair in description.typed_search_attributes),
    ]

    assert "`answer_not_understood`" in seen[0]
    private = (identity.billing_administrator, identity.organization_url, identity.organization_name, "Gotham")
    assert not [text for text in seen for word in private if word in text]
