"""What callers of one organization, or with one token, have tried against the others, over HTTP."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.orm import Session

from domain.principals import Role
from starter.service import events
from starter.web.documents import DOCUMENTS
from storage.tables import HoldRow
from tests.starter.api.asking import AGENT, AUDITOR, SUPERVISOR, cases, key, problem
from tests.starter.api.conftest import Calls
from tests.support.issuer import Issuer
from tests.support.world import World, eventually

pytestmark = pytest.mark.usefixtures("no_time_passes")

BILLING, OPERATOR = Role.BILLING, Role.OPERATOR
TERMS = ({"notice_period": "3M", "initial_term": "1Y", "subsequent_term": "1Y"},)


async def test_a_number_of_somebody_elses_document_says_nothing_of_it(world: World, calls: Calls) -> None:
    mine, other = world.subscription(), world.subscription()
    for subscription in (mine, other):
        world.invoice(subscription, f"INV-{subscription}", date(2026, 1, 1), date(2026, 1, 30))
    limited = calls(BILLING, organizations=[world.organization(mine)])
    path = f"/invoices/INV-{mine}/credit-memos"
    refused = await limited.post(path, json={"number": f"INV-{other}"}, headers=key())
    found = problem(refused, 409, "document_number_used")
    assert other not in refused.text.replace(f"INV-{other}", "")
    assert "2026" not in found["title"]


async def test_a_hold_of_before_is_nobody_elses(world: World, calls: Calls) -> None:
    mine, other = world.subscription(), world.subscription()
    secret = {"reason": "an investigation", "placed_by": "counsel", "placed_at": datetime.now(UTC)}
    with Session(world.engine) as session, session.begin():
        session.add(HoldRow(organization=world.organization(other), request=f"T-{other}", **secret))
    limited = calls(SUPERVISOR, organizations=[world.organization(mine)])
    path = f"/organizations/{world.organization(mine)}/holds"
    refused = await limited.post(path, json={"reason": "a court"}, headers=key(f"T-{other}"))
    problem(refused, 409, "request_id_reused")
    assert "investigation" not in refused.text
    assert world.organization(other) not in refused.text


async def test_nobody_is_answered_with_what_somebody_else_has_done_under_the_key(world: World, calls: Calls) -> None:
    """A hold that is placed and released again is no answer to whoever wants one placed."""
    subscription = world.subscription()
    path, body = f"/organizations/{world.organization(subscription)}/holds", {"reason": "a court"}
    ann, bob = calls(SUPERVISOR, subject="ann"), calls(SUPERVISOR, subject="bob")
    placed = await ann.post(path, json=body, headers=key(f"T-{subscription}"))
    await ann.post(f"/holds/{placed.json()['id']}/releases", json={"reason": "it is over"}, headers=key())
    for used in (f"T-{subscription}", f"{world.organization(subscription)}:T-{subscription}"):
        answer = await bob.post(path, json=body, headers=key(used))
        if answer.status_code == 409:
            problem(answer, 409, "request_id_reused")
        else:
            assert (answer.status_code, answer.json()["placed_by"]) == (201, "bob")
            assert answer.json()["released_by"] is None


async def test_a_reconciliation_is_the_one_that_was_asked_for(world: World, calls: Calls) -> None:
    used = key()
    first = await calls(OPERATOR, subject="ann").post("/reconciliations", json={"dry_run": True}, headers=used)
    assert first.status_code == 202
    other = await calls(OPERATOR, subject="bob").post("/reconciliations", json={"dry_run": False}, headers=used)
    problem(other, 409, "request_id_reused")


async def test_what_is_elsewhere_is_listed_as_what_is_nowhere(world: World, calls: Calls) -> None:
    mine, other = world.subscription(), world.subscription()
    limited = calls(AUDITOR, organizations=[world.organization(mine)])
    answers = [await limited.get("/lines", params={"subscription": each}) for each in (other, "SUB-NOWHERE")]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, [])] * 2
    problem(await calls(AUDITOR).get("/lines", params={"subscription": "SUB-NOWHERE"}), 404, "subscription_unknown")


@pytest.mark.parametrize("way", ["answered", "corrected", "taken away"])
async def test_whoever_had_a_part_in_a_goodwill_does_not_approve_it(world: World, calls: Calls, way: str) -> None:
    subscription = world.subscription(lines=TERMS)
    agent, boss = calls(AGENT, subject="agent"), calls(SUPERVISOR, subject="boss")
    one = {name: cases(subscription, "1", name) for name in ("answers", "corrections", "approvals")}
    everything = dict(world.answers(subscription))
    with world.environment.with_time_skipping_disabled():
        await agent.post(cases(subscription), json={}, headers=key())

        async def sent(client: httpx.AsyncClient, name: str, **body: Any) -> None:
            answer = await client.post(one[name], json=body, headers=key())
            assert answer.status_code == 200, answer.text

        if way == "answered":
            await sent(boss, "answers", answers={"termination_date": everything.pop("termination_date")})
        if way == "corrected":
            await sent(agent, "answers", answers={"termination_date": everything.pop("termination_date")})
            later = (world.today(subscription) + timedelta(days=9)).isoformat()
            await sent(boss, "corrections", answers={"termination_date": later}, reason="they called")
        await sent(boss if way == "taken away" else agent, "corrections", goodwill="a loyal customer", reason="a wish")
        if way == "taken away":
            await sent(agent, "corrections", without_goodwill=True, reason="not any more")
            await sent(agent, "corrections", goodwill="a loyal customer", reason="after all")
        await sent(agent, "answers", answers=everything)
        await agent.post(cases(subscription, "1", "attestations"), json={"reason": "called back"}, headers=key())
        approval = {"reason": "agreed"}
        problem(await boss.post(one["approvals"], json=approval, headers=key()), 403, "own_approval")
        lead = await calls(SUPERVISOR, subject="lead").post(one["approvals"], json=approval, headers=key())
        assert lead.status_code == 200, lead.text


async def test_the_schedule_is_steered_once_for_each_key_and_never_without_an_entry(world: World, calls: Calls) -> None:
    ann, bob = calls(OPERATOR, subject="ann"), calls(OPERATOR, subject="bob")
    path = "/line-dates/schedule"
    await ann.put(path, json={"zone": "Europe/Berlin"}, headers=key())
    paused = key()
    first = await ann.post(f"{path}/pauses", json={"note": "stocktaking"}, headers=paused)
    assert first.json()["paused"] is True, first.text
    await bob.post(f"{path}/resumptions", json={"note": "it is over"}, headers=key())
    again = await ann.post(f"{path}/pauses", json={"note": "stocktaking"}, headers=paused)
    assert again.json() == first.json(), "the first answer"
    assert (await bob.get(path)).json()["paused"] is False, "and nothing done"
    other = await ann.post(f"{path}/pauses", json={"note": "something else"}, headers=paused)
    problem(other, 409, "request_id_reused")
    for zone in ("", "../../etc/passwd", "Europe/Nowhere"):
        problem(await ann.put(path, json={"zone": zone}, headers=key()), 422, "time_zone_unknown")
    for first_day, last_day in (
        ("0001-01-01", "0001-01-02"),
        ("2020-01-01", "2026-01-01"),
        ("9999-12-30", "9999-12-31"),
    ):
        long = await ann.post(f"{path}/backfills", json={"first": first_day, "last": last_day}, headers=key())
        problem(long, 409, "backfill_too_long")


async def test_a_forced_update_is_no_unforced_one_under_a_longer_key(world: World, calls: Calls) -> None:
    subscription, operator = world.subscription(), calls(OPERATOR)
    names = []
    for name, force in (("forced:T-9", False), ("T-9", True)):
        body = {"subscription": subscription, "force": force}
        names.append((await operator.post("/line-dates/runs", json=body, headers=key(name))).headers["location"])
    assert len(set(names)) == 2


async def test_nobody_has_more_streams_than_their_own(
    world: World, issuer: Issuer, served: str, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_OF_ONE", 3)
    headers = {"authorization": f"Bearer {issuer.token(sub='greedy', roles=['auditor'])}"}
    async with httpx.AsyncClient(base_url=served, headers=headers, timeout=30) as client:
        answers = [
            await client.send(client.build_request("GET", "/v1/cancellations/events"), stream=True) for _ in range(3)
        ]
        reading = [answer.aiter_lines() for answer in answers]  # one that is collected closes its answer
        for lines in reading:
            await anext(lines)
        refused = await client.get("/v1/cancellations/events")
        problem(refused, 429, "too_many_streams")
        other = {"authorization": f"Bearer {issuer.token(sub='modest', roles=['auditor'])}"}
        async with client.stream("GET", "/v1/cancellations/events", headers=other) as answer:
            assert answer.status_code == 200
        for answer in answers:
            await answer.aclose()
        assert len(reading) == 3


async def test_a_reader_far_behind_catches_up_a_piece_at_a_time(
    world: World, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_AT_ONCE", 1)
    subscription = world.subscription()
    with world.environment.with_time_skipping_disabled():  # nothing ends by itself meanwhile
        await calls(AGENT).post(cases(subscription), json={}, headers=key())
        await calls(AGENT).post(cases(subscription, "1", "withdrawals"), json={"reason": "they stay"}, headers=key())
    seen: list[str] = []
    after = "0-0"
    async with asyncio.timeout(20):
        while "cancellation.withdrawn" not in seen:
            stream = await world.offramp.events.watch_subscription(subscription, after=after)
            piece = [(place, event) async for place, event in stream if event is not None]
            assert len(piece) == 1
            after, seen = str(piece[0][0]), [*seen, piece[0][1].action]
    assert len(set(seen)) == len(seen)


async def test_a_slow_sender_keeps_no_document_of_others_waiting(world: World, calls: Calls) -> None:
    async def never() -> Any:
        yield b"{"
        await asyncio.sleep(3600)

    headers = {**key(), "content-type": "application/json"}
    slow = [
        asyncio.create_task(
            calls(BILLING, subject="slow").post(
                "/billing-documents", params={"name": "x"}, content=never(), headers=headers
            )
        )
        for _ in range(2)
    ]

    async def are_held() -> bool:
        return DOCUMENTS.held_by("slow") == 2

    await eventually(are_held)
    third = calls(BILLING, subject="slow").post("/billing-documents", params={"name": "x"}, json={}, headers=key())
    problem(await third, 429, "too_many_documents")
    async with asyncio.timeout(10):
        answered = await calls(BILLING, subject="quick").post(
            "/billing-documents", params={"name": "x"}, json={"source": "x"}, headers=key()
        )
    assert answered.status_code == 422
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    assert DOCUMENTS.held_by("slow") == 0
