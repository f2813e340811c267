"""The search attributes of the wire contract, as the namespace has them."""

from collections.abc import Collection, Sequence
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from contract import SEARCH_ATTRIBUTES
from runtime.temporal_refusals import NamespaceUnknown

CLOSED = (RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)
"""The answers of a Temporal whose operators are others than its callers, such as Temporal Cloud."""


async def ensure_search_attributes(client: Client) -> Sequence[SearchAttributeKey[Any]]:
    """Register those that are missing. Return those that somebody else must register, because this caller may not.

    Raises NamespaceUnknown, RPCError.
    """
    try:
        missing = await _unlisted(client)
        if missing:
            await _register(client, missing)
    except RPCError as error:
        if error.status not in CLOSED:
            raise
        return [key for key in SEARCH_ATTRIBUTES if not await _can_be_asked_for(client, key)]
    return []


async def _unlisted(client: Client) -> Collection[SearchAttributeKey[Any]]:
    try:
        listed = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise NamespaceUnknown(client.namespace) from None
    return [key for key in SEARCH_ATTRIBUTES if key.name not in listed.custom_attributes]


async def _register(client: Client, missing: Collection[SearchAttributeKey[Any]]) -> None:
    wanted = {key.name: IndexedValueType.ValueType(int(key.indexed_value_type)) for key in missing}
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=wanted)
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:  # another set-up was as quick
            raise


async def _can_be_asked_for(client: Client, key: SearchAttributeKey[Any]) -> bool:
    """Return whether a query may name an attribute: who may not list them may still ask for workflows."""
    try:
        await client.count_workflows(f"{key.name} IS NOT NULL AND WorkflowId = 'of-the-set-up'")
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        return False
    return True
