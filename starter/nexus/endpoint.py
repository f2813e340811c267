"""The Nexus endpoint that leads callers to the service: ensured at every deployment, where one is named."""

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from temporalio.api.nexus.v1 import Endpoint, EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest, ListNexusEndpointsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contract.nexus import NEXUS_TASK_QUEUE
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind


class NexusEndpointTaken(Refusal):
    """A name of an endpoint under which callers reach something else: names are those of the whole cluster."""

    code = "nexus_endpoint_taken"

    def __init__(self, name: str, target: str) -> None:
        super().__init__(
            f"The Nexus endpoint {name} leads to {target}.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE,
                variable="OFFRAMP_NEXUS_ENDPOINT",
                expected="another name, or to nothing for no endpoint",
            ),
            name=name,
            target=target,
        )


class NexusEndpointSettings(BaseSettings):
    """The settings of the endpoint.

    ``OFFRAMP_NEXUS_ENDPOINT``: its name; without it, the set-up makes none.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_")

    nexus_endpoint: str | None = None

    @field_validator("nexus_endpoint", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return value or None


async def ensure_endpoint(client: Client, name: str, *, task_queue: str = NEXUS_TASK_QUEUE) -> None:
    """Create the endpoint, unless it is there.

    Raises:
        NexusEndpointTaken: it leads elsewhere, and stays as it is.
        RPCError.

    """
    wanted = EndpointTarget(worker=EndpointTarget.Worker(namespace=client.namespace, task_queue=task_queue))
    found = await _found(client, name) or await _created(client, EndpointSpec(name=name, target=wanted))
    if found.spec.target != wanted:
        there = found.spec.target
        external = f"the URL {there.external.url}" if there.HasField("external") else ""
        raise NexusEndpointTaken(
            name, external or f"the task queue {there.worker.task_queue} of the namespace {there.worker.namespace}"
        )


async def _created(client: Client, spec: EndpointSpec) -> Endpoint:
    try:
        created = await client.operator_service.create_nexus_endpoint(CreateNexusEndpointRequest(spec=spec))
    except RPCError as error:
        if error.status is RPCStatusCode.ALREADY_EXISTS and (found := await _found(client, spec.name)):
            return found  # another set-up was as quick
        raise
    return created.endpoint


async def _found(client: Client, name: str) -> Endpoint | None:
    listed = await client.operator_service.list_nexus_endpoints(ListNexusEndpointsRequest(name=name))
    return next(iter(listed.endpoints), None)
