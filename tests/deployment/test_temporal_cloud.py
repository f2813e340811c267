"""The set-up with a Temporal whose operators are others than its callers, as in Temporal Cloud."""

from collections.abc import Mapping

import grpc
import pytest
from temporalio.testing import WorkflowEnvironment

from contract import SEARCH_ATTRIBUTES
from starter.cli.remedies import operators_text
from starter.deploy.search_attributes import ensure_search_attributes
from starter.deploy.setup import OperatorNeeded, set_up
from tests.deployment.test_deploying import temporal
from tests.support.temporal_without_operators import temporal_without_operators

__all__ = ["temporal"]

NAMESPACE = "default"


async def set_up_with(address: str, given: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": NAMESPACE, **given}.items():
        monkeypatch.setenv(name, value)
    await set_up()


async def schedules(temporal: WorkflowEnvironment) -> set[str]:
    return {schedule.id async for schedule in await temporal.client.list_schedules()}


async def test_the_setup_says_what_operators_must_do_does_the_rest_and_is_content_once_it_is_done(
    temporal: WorkflowEnvironment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"OFFRAMP_DATABASE_URL": database_url, "OFFRAMP_NEXUS_ENDPOINT": "offramp"}
    address = temporal.client.service_client.config.target_host
    with (
        temporal_without_operators(address, grpc.StatusCode.UNIMPLEMENTED) as closed,
        pytest.raises(OperatorNeeded) as refused,
    ):
        await set_up_with(closed, given, monkeypatch)
    said = operators_text(refused.value)
    assert f"`tcld namespace search-attributes add --namespace {NAMESPACE} " in said
    assert all(
        f" --search-attribute {key.name}={key.indexed_value_type.name.title()}" in said for key in SEARCH_ATTRIBUTES
    )
    assert "--search-attribute StageDeadline=Datetime" in said
    assert (
        f"`tcld nexus endpoint create --name offramp --target-namespace {NAMESPACE} --target-task-queue offramp-nexus"
        in said
    )
    assert await schedules(temporal) == {"subscription-line-dates", "reconciliation", "personal-data-retention"}

    # What an operator does, and nobody does twice.
    assert await ensure_search_attributes(temporal.client) == []
    with temporal_without_operators(address, grpc.StatusCode.PERMISSION_DENIED) as closed:
        await set_up_with(closed, {**given, "OFFRAMP_NEXUS_ENDPOINT": ""}, monkeypatch)
        with pytest.raises(OperatorNeeded, match="needs the Nexus endpoint offramp") as refused:
            await set_up_with(closed, given, monkeypatch)
    assert "search-attribute" not in operators_text(refused.value)
