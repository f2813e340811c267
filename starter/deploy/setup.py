"""The set-up before the first worker: the database's schema, Temporal's search attributes, the schedules, the Nexus endpoint.

Safe to run at every deployment, and by several at once.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError

from activities.lines import NightlySettings
from contract.nexus import NEXUS_TASK_QUEUE
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from runtime.temporal import TemporalUnavailable, connect_to_temporal
from runtime.temporal_refusals import NamespaceUnknown, NothingThere, refusing_temporal_errors
from starter.deploy.search_attributes import CLOSED, ensure_search_attributes
from starter.nexus.endpoint import NexusEndpointSettings, ensure_endpoint
from starter.service.nightly_schedule import ensure_schedule
from starter.service.privacy import ensure_retention
from starter.service.reconciliation import ensure_reconciliation
from storage.database import DatabaseSettings, create_database_engine
from storage.schema.migrate import upgrade


class OperatorNeeded(Refusal):
    """What the namespace still needs, and its callers may not do: in Temporal Cloud that is for those who manage the account."""

    code = "temporal_operator_needed"

    def __init__(self, namespace: str, attributes: Sequence[SearchAttributeKey[Any]], endpoint: str | None) -> None:
        types = {key.name: key.indexed_value_type.name.title() for key in attributes}
        needs, commands = [], []
        if types:
            needs.append(f"the search attributes {', '.join(types)}")
            pairs = " ".join(f"--search-attribute {name}={kind}" for name, kind in types.items())
            commands.append(f"`tcld namespace search-attributes add --namespace {namespace} {pairs}`")
        if endpoint:
            needs.append(f"the Nexus endpoint {endpoint}")
            commands.append(
                f"`tcld nexus endpoint create --name {endpoint} --target-namespace {namespace} --target-task-queue "
                f"{NEXUS_TASK_QUEUE} --allow-namespace CALLER` for each namespace that may call, after which "
                "OFFRAMP_NEXUS_ENDPOINT is set to nothing"
            )
        super().__init__(
            f"Temporal does not let this caller look after the namespace {namespace}, which needs {' and '.join(needs)}. "
            "Everything else is set up.",
            remedy=Remedy.of(
                RemedyKind.OPERATE,
                advice=f"In Temporal Cloud: {'; and '.join(commands)}; or the same in its Web UI. In a cluster of your own: "
                "`temporal operator`, by somebody who may. Then run `offramp setup` again.",
            ),
            namespace=namespace,
        )


async def set_up() -> None:
    """Apply the migrations, register the search attributes, and ensure the schedules and, if one is named, the Nexus endpoint.

    The ids of the keys of payloads are recorded in between, before any other process of this version looks for one.

    Raises:
        OperatorNeeded: something of it is for others to do; the rest is done.
        NexusEndpointTaken, NamespaceUnknown, TemporalUnavailable, and the other refusals of `refusing_temporal_errors`.

    """
    owner_url = DatabaseSettings().owner_url
    await asyncio.to_thread(upgrade, owner_url)
    engine = create_database_engine(owner_url, pool_size=1)
    try:
        await _set_up_temporal(await connect_to_temporal(engine=engine))
    finally:
        engine.dispose()


async def _set_up_temporal(client: Client) -> None:
    try:
        with refusing_temporal_errors(client):
            attributes = await ensure_search_attributes(client)
            await ensure_schedule(client, NightlySettings().nightly_zone)
            await ensure_reconciliation(client)
            await ensure_retention(client)
            endpoint = await _endpoint_to_make(client)
    except NothingThere:
        raise NamespaceUnknown(client.namespace) from None
    except TimeoutError:
        raise TemporalUnavailable(client.service_client.config.target_host, "it did not answer in time") from None
    if attributes or endpoint:
        raise OperatorNeeded(client.namespace, attributes, endpoint)


async def _endpoint_to_make(client: Client) -> str | None:
    """Ensure the Nexus endpoint that is named. Return its name if that is for somebody else to do."""
    endpoint = NexusEndpointSettings().nexus_endpoint
    try:
        if endpoint:
            await ensure_endpoint(client, endpoint)
    except RPCError as error:
        if error.status not in CLOSED:
            raise
        return endpoint
    return None
