"""The Python client: a whole life by it, each request once whatever happens on its way, and refusals that programs can act on."""

import asyncio
from collections import Counter
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from domain.principals import Role
from offramp_client import AsyncClient, Client, Refused, Unreachable, models
from tests.clients.conftest import Asking
from tests.support.doors import Door
from tests.support.issuer import Issuer
from tests.support.ports import free_port
from tests.support.world import World, eventually

AGENT, SUPERVISOR, AUDITOR = Role.SUPPORT_AGENT, Role.SUPERVISOR, Role.AUDITOR


async def test_a_whole_life(world: World, served: str, asking: Asking) -> None:
    subscription = world.subscription()
    ask = asking.by(served, AGENT, subject="agent-of-ann")
    quote = await ask(lambda client: client.cancellations.quote(subscription))
    assert quote.lines
    with world.environment.with_time_skipping_disabled():
        opened = await ask(
            lambda client: client.cancellations.start(subscription, reason="too dear", request_id="ticket-1")
        )
        assert (opened.stage, opened.request_id) == (models.Stage.INTAKE, "ticket-1")
        assert models.Question.TERMINATION_DATE in opened.open_questions
        await ask(lambda client: client.cancellations.answer(subscription, answers=world.answers(subscription)))
        await ask(lambda client: client.cancellations.send_code(subscription))
        [code] = world.codes(subscription)
        verified = await ask(lambda client: client.cancellations.verify_code(subscription, code=code))
        assert verified.verified
    await world.pass_time(subscription, timedelta(minutes=1))
    shown = await ask(lambda client: client.cancellations.status(subscription, 1))
    assert shown.stage == models.Stage.CANCELED
    identity = models.Identity.model_validate(world.identity(subscription).model_dump())
    reversed_ = await ask(lambda client: client.cancellations.reverse(subscription, identity=identity))
    assert reversed_.stage == models.Stage.REVERSED
    history = await ask(lambda client: client.cancellations.history(subscription))
    assert [entry.actor for entry in history.entries if entry.action == "cancellation.opened"] == ["agent-of-ann"]


async def test_a_wish_is_corrected_as_it_was_read_and_withdrawn(world: World, served: str, asking: Asking) -> None:
    subscription, ask = world.subscription(), asking.by(served, AGENT)
    answers = world.answers(subscription, terminate_on=world.today(subscription) + timedelta(days=40))
    with world.environment.with_time_skipping_disabled():
        opened = await ask(
            lambda client: client.cancellations.start(subscription, answers=answers, attestation="called back")
        )
        assert opened.verified
        read = await ask(lambda client: client.cancellations.status(subscription))
        later = {"termination_date": (world.today(subscription) + timedelta(days=50)).isoformat()}
        correct = partial(_correct, subscription=subscription, answers=later)
        with pytest.raises(Refused) as refused:
            await ask(lambda client: correct(client, expects="another"))
        assert (refused.value.status, refused.value.code) == (412, "case_changed")
        corrected = await ask(lambda client: correct(client, expects=read.version))
        assert corrected.termination_date == world.today(subscription) + timedelta(days=50)
        done = await ask(lambda client: client.cancellations.withdraw(subscription, reason="they stay"))
        assert done.stage == models.Stage.WITHDRAWN


def _correct(client: Client | AsyncClient, *, subscription: str, answers: dict[str, str], expects: str) -> object:
    return client.cancellations.correct(subscription, reason="called again", answers=answers, expects=expects)


async def test_a_second_person_approves_a_goodwill(world: World, served: str, asking: Asking) -> None:
    subscription = world.subscription(lines=({"notice_period": "3M", "initial_term": "1Y", "subsequent_term": "1Y"},))
    answers = world.answers(subscription)
    with world.environment.with_time_skipping_disabled():
        started = await asking.by(served, AGENT)(
            lambda client: client.cancellations.start(
                subscription, answers=answers, attestation="called back", goodwill="a loyal customer"
            )
        )
        with pytest.raises(Refused) as refused:
            await asking.by(served, SUPERVISOR)(  # the same person with another role
                lambda client: client.cancellations.approve(subscription, reason="fine")
            )
        assert (refused.value.status, refused.value.code) == (403, "own_approval")
        done = await asking.by(served, SUPERVISOR, subject="boss")(
            lambda client: client.cancellations.approve(subscription, reason="fine")
        )
    assert done.cancellation == started.cancellation


async def test_a_line_is_cancelled_alone_and_a_hold_placed_and_released(
    world: World, served: str, asking: Asking
) -> None:
    line = {"initial_term": "1Y", "subsequent_term": "1Y", "notice_period": "1M"}
    subscription = world.subscription(lines=(line, line))
    ask = asking.by(served, AGENT)
    with world.environment.with_time_skipping_disabled():
        lines = await ask(lambda client: client.line_dates.list(subscription=subscription))
        opened = await ask(lambda client: client.line_cancellations.start(lines[0].id))
        assert opened.subscription_line == lines[0].id
        await ask(lambda client: client.line_cancellations.withdraw(lines[0].id, reason="they keep it"))
    organization = world.organization(subscription)
    supervisor = asking.by(served, SUPERVISOR)
    hold = await supervisor(lambda client: client.holds.place(organization, reason="a lawsuit"))
    held = await supervisor(lambda client: client.holds.list(organization=organization))
    assert [each.id for each in held] == [hold.id]
    await supervisor(lambda client: client.holds.release(hold.id, reason="it is settled"))
    assert await supervisor(lambda client: client.holds.list(organization=organization)) == ()


async def test_a_start_whose_answer_was_lost_opens_one_case(world: World, served: str, asking: Asking) -> None:
    subscription = world.subscription()
    with Door(served) as door, world.environment.with_time_skipping_disabled():
        ask = asking.by(door.url, AGENT)
        door.shut_after(0, "out")  # the request arrives, and its answer does not
        asked = asyncio.create_task(asyncio.wait_for(ask(lambda client: client.cancellations.start(subscription)), 100))

        async def is_shut() -> bool:
            return not door.is_open

        await eventually(is_shut)
        door.open()
        opened = await asked
    assert opened.cancellation == f"{subscription}/1"
    assert world.actions(subscription).count("cancellation.opened") == 1
    again = await asking.by(served, AGENT)(
        lambda client: client.cancellations.start(subscription, request_id=opened.request_id)
    )
    assert (again.cancellation, again.request_id) == (opened.cancellation, opened.request_id)


async def test_a_refusal_has_everything_that_is_needed_to_act_on_it(world: World, served: str, asking: Asking) -> None:
    ask, key = asking.by(served, AGENT), str(uuid4())
    with pytest.raises(Refused) as caught:
        await ask(lambda client: client.cancellations.start("SUB-NOWHERE", request_id=key))
    refused = caught.value
    assert (refused.code, refused.status, refused.request_id) == ("subscription_unknown", 404, key)
    assert refused.values == {"subscription": "SUB-NOWHERE"}
    assert "SUB-NOWHERE" in refused.message
    assert refused.remedy
    assert refused.remedy.kind == models.RemedyKind.CHECK_OR_IMPORT
    assert not refused.is_kept
    with pytest.raises(Refused) as caught:
        await asking.by(served, AUDITOR)(lambda client: client.cancellations.start("SUB-NOWHERE"))
    assert caught.value.code == "role_missing"


async def test_the_same_key_with_other_content_is_refused(world: World, served: str, asking: Asking) -> None:
    subscription, ask = world.subscription(), asking.by(served, AGENT)
    with world.environment.with_time_skipping_disabled():
        key = str(uuid4())
        await ask(lambda client: client.cancellations.start(subscription, reason="too dear", request_id=key))
        with pytest.raises(Refused) as refused:
            await ask(lambda client: client.cancellations.start(subscription, reason="another", request_id=key))
    assert refused.value.code == "request_id_reused"


async def test_a_list_goes_on_from_page_to_page(world: World, served: str, issuer: Issuer) -> None:
    subscriptions = [world.subscription() for _ in range(5)]
    organizations = [world.organization(each) for each in subscriptions]
    token = issuer.token(roles=["support_agent"], organizations=organizations)
    with world.environment.with_time_skipping_disabled():
        async with AsyncClient(served, lambda: token) as client:
            for subscription in subscriptions:
                await client.cancellations.start(subscription)
            found = [case.subscription async for case in client.cancellations.each(limit=2, stage=["intake"])]
            assert found == subscriptions[::-1]
            lines = [line.subscription async for line in client.line_dates.each(limit=2)]
            assert Counter(lines) == Counter(subscriptions)

        def all_of_them() -> list[str]:
            with Client(served, lambda: token) as client:
                return [case.subscription for case in client.cancellations.each(limit=2)]

        assert await asyncio.to_thread(all_of_them) == subscriptions[::-1]


async def test_a_service_that_is_not_there_is_given_up_in_time_under_a_key_to_go_on_with(asking: Asking) -> None:
    ask = asking.by(f"http://127.0.0.1:{free_port()}", AGENT, patience=0.5)
    with pytest.raises(Unreachable) as unreachable:
        await ask(lambda client: client.cancellations.start("SUB-1", request_id="ticket-9"))
    assert unreachable.value.request_id == "ticket-9"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_token_goes_nowhere_in_clear(kind: type[Client] | type[AsyncClient]) -> None:
    for address in ("http://offramp.example", "offramp.example", "ftp://offramp.example"):
        with pytest.raises(ValueError, match="https"):
            kind(address, "token")


async def test_a_token_is_asked_for_before_every_attempt(world: World, served: str, issuer: Issuer) -> None:
    tokens = iter(
        [issuer.token(roles=["support_agent"], exp=1), *(issuer.token(roles=["support_agent"]) for _ in range(2))]
    )

    async def current() -> str:
        return next(tokens)

    async with AsyncClient(served, current) as client:
        with pytest.raises(Refused) as refused:
            await client.cancellations.quote(world.subscription())
        assert refused.value.code == "token_invalid"
        assert (await client.cancellations.quote(world.subscription())).lines
