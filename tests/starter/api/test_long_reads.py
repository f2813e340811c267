"""What takes long to read keeps nothing of others waiting: turns, threads, pages, and an end for each statement."""

import asyncio
import threading
from datetime import timedelta
from itertools import islice

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from starter.service import Offramp
from storage.database import create_database_engine
from storage.refusals import DatabaseUnavailable
from tests.starter.api.asking import AGENT, AUDITOR, problem, started
from tests.starter.api.conftest import Calls
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_time_passes")


async def test_verifications_of_one_caller_keep_nothing_of_others_waiting(world: World, calls: Calls) -> None:
    """Each goes on in the database until it is done, also when whoever asked is gone."""
    eve = calls(AUDITOR, subject="eve")
    with Session(world.engine) as session:
        session.execute(text("LOCK TABLE audit_seals IN ACCESS EXCLUSIVE MODE"))  # each verification waits for it
        asking = {asyncio.create_task(eve.get("/audit/verification")) for _ in range(20)}
        for answer in islice(asyncio.as_completed(asking), 18):
            problem(await answer, 429, "too_many_reads")
        quoted = await calls(AGENT).get(f"/subscriptions/{world.subscription()}/quote")
        assert quoted.status_code == 200
    answers = [answer.status_code for answer in await asyncio.gather(*asking)]
    assert answers.count(429) == 18
    assert (await eve.get("/audit/verification")).status_code == 200


async def test_the_service_has_a_thread_for_each_connection_to_its_database(world: World) -> None:
    """Those of the loop are hardly more than the processors: a handful of slow reads would stop all others."""
    reads = 40
    service = Offramp(world.environment.client, create_database_engine(world.engine.url, pool_size=reads))
    everybody = threading.Barrier(reads)
    await asyncio.gather(*(service.audit._read(lambda _: everybody.wait(20)) for _ in range(reads)))


async def test_a_statement_of_a_long_read_ends_in_time(world: World) -> None:
    within = timedelta(milliseconds=50)
    with pytest.raises(DatabaseUnavailable, match="did not answer in time"):
        await world.offramp.audit._read_long(
            lambda session: session.execute(text("SELECT pg_sleep(600)")), within=within
        )
    assert await world.offramp.audit._read(lambda session: session.scalar(text("SHOW statement_timeout"))) == "0"


async def test_a_history_comes_in_pages(world: World, calls: Calls) -> None:
    subscription, agent = world.subscription(), calls(AGENT)
    await started(agent, world, subscription)
    path = f"/subscriptions/{subscription}/history"
    whole = (await agent.get(path)).json()
    assert whole["next"] is None
    entries: list[object] = []
    after: int | None = 0
    while after is not None:
        page = (await agent.get(path, params={"after": after, "limit": 2})).json()
        assert len(page["entries"]) <= 2
        entries += page["entries"]
        after = page["next"]
    assert entries[: len(whole["entries"])] == whole["entries"]
    assert len(whole["entries"]) > 2
    assert (await agent.get(path, params={"limit": 501})).status_code == 422
