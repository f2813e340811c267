"""The facade: the same shape for every area, and each connection only where a call needs it."""

import inspect
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine
from temporalio.client import Client

from domain.cancellation.lifecycle import InputMalformed
from runtime.temporal import TemporalUnavailable, connect_to_temporal
from starter.service import Offramp, StillWaiting
from starter.service.area import AreaClient
from storage.database import create_database_engine
from storage.refusals import DatabaseUnavailable
from tests.support.import_documents import NOON, Document, Import, document, engine, imported
from tests.support.ports import free_port

__all__ = ["document", "engine", "imported"]

AREAS = (
    *("cancellations", "migrations", "marketing", "exports", "holds"),
    *(
        "line_cancellations",
        "line_dates",
        "imports",
        "billing",
        "tenants",
        "reconciliation",
        "webhooks",
        "audit",
        "limits",
        "privacy",
        "events",
        "bulk",
    ),
)
STARTS = {"start", "cancel"}
"""Their message carries the request id."""
ANSWERED_BY_STATE = {"load", "restore", "review", "record_fetch"}
"""An import that is repeated finds everything as it wants it, and so does a restoration; a review names the very code, and a
fetched file its link."""


@pytest.fixture
async def nowhere(monkeypatch: pytest.MonkeyPatch) -> Client:
    """A connection to a Temporal that is not there."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
    return await connect_to_temporal(lazy=True)


def methods(area: AreaClient) -> dict[str, Callable[..., Any]]:
    found = inspect.getmembers(type(area), inspect.isfunction)
    return {name: method for name, method in found if not name.startswith("_")}


async def test_every_area_has_the_same_shape(nowhere: Client, engine: Engine) -> None:
    service = Offramp(nowhere, engine)

    for name in AREAS:
        area = getattr(service, name)
        assert isinstance(area, AreaClient), name
        assert inspect.signature(type(area)) == inspect.signature(AreaClient), "the same constructor"
        for command, method in methods(area).items():
            assert inspect.iscoroutinefunction(method), f"{name}.{command}"
            assert method.__doc__, f"{name}.{command}"
            parameters = inspect.signature(method).parameters
            if "actor" in parameters and command not in ANSWERED_BY_STATE:
                assert parameters["request_id"].default is None, f"{name}.{command}"
                assert parameters["request_id"].kind is inspect.Parameter.KEYWORD_ONLY
            elif command in STARTS:
                start = parameters["start"].annotation
                assert "request_id" in start.model_fields, f"{name}.{command}"
    assert set(vars(service)) == {*AREAS, "access", "readiness", "has_files", "has_tenants", "namespace"}, (
        "an area that this test does not know"
    )


async def test_lists_histories_quotes_and_holds_need_no_temporal(
    nowhere: Client, engine: Engine, imported: Import, document: Document
) -> None:
    imported(document)
    service = Offramp(nowhere, engine)

    placed = await service.holds.place("ORG-1", reason="litigation", actor="legal", request_id="once")

    assert (await service.holds.list(), await service.migrations.list()) == ([placed], [])
    assert (await service.cancellations.list()).cancellations == ()
    assert (await service.cancellations.quote("SUB-1", received_on=NOON.date())).lines
    with pytest.raises((TemporalUnavailable, StillWaiting)):
        await service.cancellations.withdraw("SUB-1", actor="agent-7", reason="stays")


async def test_a_database_that_is_down_is_a_refusal(nowhere: Client) -> None:
    down = create_database_engine(f"postgresql://offramp:secret@127.0.0.1:{free_port()}/offramp")
    try:
        with pytest.raises(DatabaseUnavailable) as refused:
            await Offramp(nowhere, down).cancellations.list()
    finally:
        down.dispose()
    assert "secret" not in str(refused.value)


async def test_a_repeated_request_gets_what_the_first_one_got(
    nowhere: Client, engine: Engine, imported: Import, document: Document
) -> None:
    imported(document)
    holds = Offramp(nowhere, engine).holds
    placed = [await holds.place("ORG-1", reason="litigation", actor="legal", request_id="one") for _ in range(2)]
    released = [await holds.release(placed[0].id, reason="settled", actor="legal", request_id="two") for _ in range(2)]

    assert placed[0] == placed[1]
    assert released[0] == released[1]


MALFORMED: dict[str, Callable[[Offramp], Awaitable[Any]]] = {
    "actor": lambda offramp: offramp.cancellations.answer("SUB-1", {}, actor=""),
    "reason": lambda offramp: offramp.cancellations.approve("SUB-1", actor="agent-7", reason=""),
    "reason ": lambda offramp: offramp.cancellations.withdraw("SUB-1", actor="agent-7", reason="x"),
    "reason  ": lambda offramp: offramp.cancellations.attest("SUB-1", actor="agent-7", reason=""),
    "code": lambda offramp: offramp.marketing.verify_code("ORG-1", "1" * 1000, actor="agent-7"),
    "actor ": lambda offramp: offramp.marketing.send_code("ORG-1", actor=""),
    "campaign": lambda offramp: offramp.marketing.acknowledge_stop("", actor="ad-centre"),
    "export": lambda offramp: offramp.exports.acknowledge("SUB-1", export="/", actor="agent-7"),
    "cancellation": lambda offramp: offramp.migrations.report_completed("SUB-1", cancellation="/", actor="agent-7"),
    "contact": lambda offramp: offramp.migrations.accept(
        "SUB-1", contact="nobody", transfer_at=datetime.now(UTC), actor="agent-7", cancellation="SUB-1/1"
    ),
}


@pytest.mark.parametrize("field", MALFORMED)
async def test_a_malformed_value_is_refused_by_name(nowhere: Client, engine: Engine, field: str) -> None:
    with pytest.raises(InputMalformed, match=f"{field.strip()}: "):
        await MALFORMED[field](Offramp(nowhere, engine))
