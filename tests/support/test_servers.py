"""The fixtures give what they promise."""

from datetime import timedelta

import psycopg
import pytest
from temporalio import workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from contract import STAGE


@workflow.defn(sandboxed=False)
class Wait:
    @workflow.run
    async def run(self, days: int) -> str:
        workflow.upsert_search_attributes([STAGE.value_set("scheduled")])
        began = workflow.now()
        await workflow.sleep(timedelta(days=days))
        return str((workflow.now() - began).days)


@pytest.mark.parametrize("turn", ["one", "another"])
def test_every_test_has_a_migrated_database_of_its_own(database_url: str, turn: str) -> None:
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT to_regclass('public.alembic_version')").fetchone() != (None,)
        connection.execute("CREATE TABLE left_behind ()")


async def test_a_month_passes_at_once_and_search_attributes_are_registered(temporal_env: WorkflowEnvironment) -> None:
    async with Worker(temporal_env.client, task_queue="waiting", workflows=[Wait]):
        result = await temporal_env.client.execute_workflow(Wait.run, 30, id="wait", task_queue="waiting")
    assert result == "30"
