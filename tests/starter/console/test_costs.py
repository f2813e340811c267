"""What a page asks the database for: what it shows, and no more, however much there is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from domain.principals import Principal, Role
from starter.access.settings import AccessSettings
from starter.console.app import create_console
from storage.rights import DatabaseRole
from tests.starter.console.browsing import read
from tests.starter.console.conftest import Browsers, settings, signed_in
from tests.support.migrations import Migrations
from tests.support.single_lines import cancel
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_time_passes")


@contextmanager
def rows_read(engine: Engine, table: str) -> Iterator[list[int]]:
    """The number of rows that each query of a table returns in the block."""
    found: list[int] = []

    def note(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if f"FROM {table}" in statement:
            found.append(cursor.rowcount)

    event.listen(engine, "after_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "after_cursor_execute", note)


async def test_the_case_of_one_line_reads_that_line_whatever_its_place_among_many(
    world: World, browsers: Browsers
) -> None:
    subscription = world.subscription(lines=[{}] * 60)
    line = f"{subscription}-9"  # the last one by id
    await cancel(world, line)

    with rows_read(world.engines[DatabaseRole.CALLERS], "subscription_lines LEFT OUTER JOIN contract_lines") as rows:
        page = read(await browsers(Role.AUDITOR).get(f"/lines/{line}", follow_redirects=True))

    assert [one.text for one in page.one("section", id="lines").all("h3")] == [line]
    assert rows == [1]


async def test_a_worklist_reads_the_migrations_of_the_cases_on_its_page_alone(
    migrations: Migrations, access: AccessSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starter.console.lists.PAGE", 1)
    world = migrations.world
    for _ in range(3):
        await migrations.requested(migrations.organization())
    app = create_console(world.offramp, settings(), access)
    async with signed_in(app, Principal(subject="it-1", roles=frozenset({Role.MIGRATION_TEAM}))) as browser:
        with rows_read(world.engines[DatabaseRole.CALLERS], "on_premises_migrations JOIN cancellations") as rows:
            page = read(await browser.get("/worklists/it-department"))
    assert "migration requested" in page.one("tbody").text
    assert rows == [1]
