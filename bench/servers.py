"""The servers that cases run on in a measurement: PostgreSQL with its own settings and a Temporal dev server, both in files."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from temporalio.testing import WorkflowEnvironment

import contract
from runtime.temporal import offramp_plugin
from starter.local.postgres import PostgresCluster
from starter.local.temporal import temporal_program
from storage.schema.migrate import upgrade
from tests.support.servers import open_directory, running


@contextmanager
def postgres() -> Iterator[tuple[PostgresCluster, int]]:
    """Run PostgreSQL; give the cluster and its port. Its files are removed in the end."""
    with open_directory() as directory:
        cluster = PostgresCluster(directory / "postgres")
        cluster.create()
        with running(cluster, directory) as port:
            yield cluster, port


@asynccontextmanager
async def servers() -> AsyncIterator[tuple[WorkflowEnvironment, str]]:
    """Run both; give the Temporal server, and the URL of a migrated database. Their files are removed in the end."""
    with open_directory() as directory, postgres() as (cluster, port):
        cluster.ensure_database(port, "offramp")
        url = cluster.url(port, "offramp")
        upgrade(url)
        environment = await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(temporal_program()),
            dev_server_database_filename=str(directory / "temporal.db"),
            search_attributes=contract.SEARCH_ATTRIBUTES,
            plugins=[offramp_plugin()],
        )
        async with environment:
            yield environment, url
