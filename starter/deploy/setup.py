"""The set-up before the first worker: the database's schema, Temporal's search attributes, the schedules, the Nexus endpoint.

Safe to run at every deployment, and by several at once.
"""

import asyncio

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.lines import NightlySettings
from contract import SEARCH_ATTRIBUTES
from runtime.temporal import TemporalUnavailable, connect_to_temporal
from runtime.temporal_refusals import NamespaceUnknown, NothingThere, refusing_temporal_errors
from starter.nexus.endpoint import NexusEndpointSettings, ensure_endpoint
from starter.service.nightly_schedule import ensure_schedule
from starter.service.privacy import ensure_retention
from starter.service.reconciliation import ensure_reconciliation
from storage.database import DatabaseSettings, create_database_engine
from storage.schema.migrate import upgrade


async def set_up() -> None:
    """Apply the migrations, register the search attributes, and ensure the schedules and, if one is named, the Nexus endpoint.

    The ids of the keys of payloads are recorded in between, before any other process of this version looks for one.

    Raises:
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
            await ensure_search_attributes(client)
            await ensure_schedule(client, NightlySettings().nightly_zone)
            await ensure_reconciliation(client)
            await ensure_retention(client)
            if endpoint := NexusEndpointSettings().nexus_endpoint:
                await ensure_endpoint(client, endpoint)
    except NothingThere:
        raise NamespaceUnknown(client.namespace) from None
    except TimeoutError:
        raise TemporalUnavailable(client.service_client.config.target_host, "it did not answer in time") from None


async def ensure_search_attributes(client: Client) -> None:
    """Register the search attributes of the wire contract that the namespace does not have yet."""
    try:
        listed = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise NamespaceUnknown(client.namespace) from None
    missing = {
        key.name: IndexedValueType.ValueType(int(key.indexed_value_type))
        for key in SEARCH_ATTRIBUTES
        if key.name not in listed.custom_attributes
    }
    if not missing:
        return
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:  # another set-up was as quick
            raise
