"""What must be there before the first worker starts: the database's schema and Temporal's search attributes.

Safe to run at every deployment, and by several at once.
"""

import asyncio

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from starter.connection import connect_to_temporal
from storage.database import DatabaseSettings
from storage.migrate import upgrade
from workflows.contract import SEARCH_ATTRIBUTES


async def set_up() -> None:
    """Apply the migrations and register the search attributes."""
    await asyncio.to_thread(upgrade, DatabaseSettings().database_url)
    await ensure_search_attributes(await connect_to_temporal())


async def ensure_search_attributes(client: Client) -> None:
    """Register the search attributes of the wire contract that the namespace does not have yet."""
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
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
        if error.status is not RPCStatusCode.ALREADY_EXISTS:  # somebody else was as quick
            raise
