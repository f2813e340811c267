"""Calls of the facade as requests: whatever a method takes has its place, and nothing is sent that the API does not know."""

import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from pydantic import AliasChoices, BaseModel, TypeAdapter

from contract import (
    Attestation,
    Goodwill,
    StartCancellation,
    StartLineCancellation,
    StartMarketingCancellation,
    UpdateLineDates,
)
from domain.bulk import BulkState, RowState
from domain.cancellation.identity import Identity
from domain.cancellation.lifecycle import InputMalformed
from domain.limits import Limited, LimitScope
from domain.lines.runs import Scope
from domain.marketing import CampaignAction, ConsentDecision
from domain.permissions import Operation
from domain.vocabulary import ReceiptChannel, Stage, Termination
from records.limit_settings import Limit
from starter.access.tokens import TokenVerifier
from starter.api.addresses import ADDRESSES, VERSION
from starter.api.app import create_api
from starter.remote.calls import as_request
from starter.service.offramp import AREAS
from starter.service.receipts import StatedReceipt
from tests.starter.api.conftest import issuer, verifier

__all__ = ["issuer", "verifier"]

BY_KEY = frozenset({"actor", "request_id", "organizations", "link", "watch", "shows_content"})
"""What the token and the key say, and what the API does not take."""
STREAMED = frozenset({Operation.WATCH_CANCELLATIONS, Operation.WATCH_SUBSCRIPTION})
VALUES: dict[str, Any] = {
    "subject": "SUB-1",
    "subscription": "SUB-1",
    "organization": "ORG-1",
    "line": "LINE-1",
    "invoice": "INV/1",
    "campaign": "CMP-1",
    "hold": 7,
    "endpoint": "crm",
    "url": "https://crm.example/hooks",
    "events": ["cancellation.*"],
    "owner": "hooks@crm.example",
    "duties": ["access"],
    "system": "crm",
    "task": "end_access",
    "deliveries": ["SUB-1/1/cancellation.closed/webhook/crm"],
    "since": datetime(2026, 11, 1, 12, tzinfo=UTC),
    "failed_only": True,
    "run": "subscription-line-dates:every-line:today:Europe/Berlin:1",
    "name": "reconciliation-on-request-1",
    "cancellation": "SUB-1/2",
    "export": "SUB-1/2",
    "answers": {"data": "none"},
    "campaign_actions": {"CMP-1": CampaignAction.PAUSE},
    "code": "123456",
    "reason": "as agreed",
    "note": "stocktaking",
    "goodwill": "a loyal customer",
    "without_goodwill": True,
    "expects": "5d1f0e7c9a3b",
    "proposal": "5d1f0e7c9a3b",
    "identity": Identity(
        billing_administrator="ann@contoso.example", organization_url="https://contoso.example", organization_name="c"
    ),
    "receipt": StatedReceipt(at=date(2026, 11, 1), channel=next(iter(ReceiptChannel)), because="lost in the post"),
    "decision": ConsentDecision.AGREED,
    "because": "on the phone",
    "number": "CM-1",
    "credits_from": date(2026, 11, 1),
    "contact": "it@contoso.example",
    "transfer_at": datetime(2026, 12, 1, 10, tzinfo=UTC),
    "transfer_again": True,
    "transfer": 2,
    "stage": "requested",
    "stages": [Stage.INTAKE],
    "cancellations": ["SUB-1/2", "SUB-1/line/LINE-1/1"],
    "queue": "technical",
    "limit": 10,
    "after": "SUB-1/1",
    "text": "contoso",
    "reason_code": "too_expensive",
    "received_from": date(2026, 11, 1),
    "received_until": date(2026, 11, 30),
    "received_on": date(2026, 11, 1),
    "terminate_on": Termination.END_OF_TERM,
    "deadline_until": datetime(2026, 12, 1, tzinfo=UTC),
    "waits_for": "billing",
    "first": date(2026, 11, 1),
    "last": date(2026, 11, 30),
    "released": True,
    "due_as_of": date(2026, 11, 1),
    "zone": "Europe/Berlin",
    "force": True,
    "content": b"{}",
    "document": "run.json",
    "source": "master.json",
    "digest": "0" * 64,
    "rows": 100,
    "seed": 7,
    "dry_run": True,
    "counted": True,
    "open_system_tasks": True,
    "kept": "1:" + "0" * 64,
    "bulk": "bulk-0123456789abcdef",
    "csv": "subscription\nSUB-1\n",
    "attestation": "by a list",
    "at_once": 5,
    "per_minute": 60,
    "states": [BulkState.RUNNING],
    "off": True,
    "address": "ann@contoso.example",
}
OF: dict[tuple[Operation, str], Any] = {
    (Operation.START_CANCELLATION, "start"): StartCancellation(
        subscription="SUB-1",
        actor="a",
        request_id="r",
        answers={"data": "none"},
        attestation=Attestation(reason="called back"),
        goodwill=Goodwill(reason="loyal"),
        reason="too dear",
        reason_code="too_expensive",
        campaign_actions={"CMP-1": CampaignAction.PAUSE},
    ),
    (Operation.START_LINE_CANCELLATION, "start"): StartLineCancellation(
        subscription_line="LINE-1",
        actor="a",
        request_id="r",
        answers={"termination_date": "end_of_term"},
        attestation=Attestation(reason="called back"),
        goodwill=Goodwill(reason="loyal"),
        reason="too dear",
        reason_code="too_expensive",
    ),
    (Operation.CANCEL_MARKETING_SERVICE, "start"): StartMarketingCancellation(
        organization="ORG-1",
        actor="a",
        request_id="r",
        administrator="ann@contoso.example",
        attestation=Attestation(reason="called back"),
        campaign_actions={"CMP-1": CampaignAction.PAUSE},
        reason="too dear",
    ),
    (Operation.LIST_LINES, "scope"): Scope(subscription="SUB-1"),
    (Operation.SET_LIMIT, "limit"): Limit(limited=Limited.CODES, scope=LimitScope.CALLER, number=10),
    (Operation.RELEASE_LIMIT, "scope"): LimitScope.CALLER,
    (Operation.BEGIN_LINE_UPDATE, "wish"): UpdateLineDates(as_of=date(2026, 11, 1), subscription="SUB-1", force=True),
    (Operation.QUOTE_CANCELLATION, "goodwill"): True,
    (Operation.QUOTE_LINE, "goodwill"): True,
    (Operation.LIST_BULKS, "after"): "bulk-0123456789abcdef",
    (Operation.LIST_BULK_ROWS, "after"): 7,
    (Operation.LIST_BULK_ROWS, "states"): [RowState.REFUSED],
    (Operation.LIST_DELIVERIES, "states"): ["failed"],
    (Operation.SHOW_RECONCILIATION, "name"): "reconciliation-on-request-1",
}


@pytest.fixture
async def document(verifier: TokenVerifier) -> Mapping[str, Any]:
    """The OpenAPI of the API, which needs no service."""
    transport = httpx.ASGITransport(create_api(None, verifier))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="https://api.example") as client:
        found: Mapping[str, Any] = (await client.get(f"{VERSION}/openapi.json")).json()
    return found


def resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


@pytest.mark.parametrize("operation", [each for each in ADDRESSES if each not in STREAMED])
def test_every_parameter_of_the_facade_has_its_place_in_the_request(
    document: Mapping[str, Any], operation: Operation
) -> None:
    area, _, name = operation.value.partition(".")
    method = getattr(AREAS[area], name)
    given = {
        parameter: OF.get((operation, parameter), VALUES.get(parameter))
        for parameter in inspect.signature(method).parameters
        if parameter not in BY_KEY | {"self"}
    }
    assert None not in given.values(), f"a value for each of {given}"
    keyed = {"request_id": "ticket-7"} if "request_id" in inspect.signature(method).parameters else {}
    if "actor" in inspect.signature(method).parameters:
        keyed["actor"] = "a"
    request = as_request(operation, method, **given, **keyed)

    address = ADDRESSES[operation]
    pattern = re.sub(r"\{\w+(:path)?\}", "[^/]+", VERSION + address.path)
    assert re.fullmatch(pattern, request.path), request.path
    documented = document["paths"][re.sub(":path", "", VERSION + address.path)][address.method.lower()]
    known = {one["name"]: one for one in documented.get("parameters", ())}
    assert set(request.query) <= {one for one, found in known.items() if found["in"] == "query"}
    assert {name for name, found in known.items() if found["in"] == "header" and found["required"]} <= {
        header.title() for header in request.headers
    }
    if "request_id" in keyed and address.method != "GET":
        assert request.headers["idempotency-key"] in ("ticket-7", "r")
    body = documented.get("requestBody")
    if request.content is not None:
        assert request.content == b"{}"
        assert request.query["name"].endswith(".json")
    elif body is None:
        assert not request.body
    else:
        schema = resolved(document, body["content"]["application/json"]["schema"])
        assert set(request.body) <= set(schema["properties"])
        assert set(schema.get("required", ())) <= set(request.body)
        if operation not in (Operation.BEGIN_LINE_UPDATE,):  # which is for one scope alone
            assert set(schema["properties"]) == set(request.body), "nothing that the API takes is out of reach"


def models(of: Any) -> Iterator[type[BaseModel]]:
    """Every model within an annotation."""
    if isinstance(of, type) and issubclass(of, BaseModel):
        yield of
        for each in of.model_fields.values():
            yield from models(each.annotation)
    for each in typing.get_args(of):
        yield from models(each)


@pytest.mark.parametrize("operation", [each for each in ADDRESSES if each not in STREAMED])
def test_what_the_api_answers_is_read_as_what_the_facade_returns(operation: Operation) -> None:
    """No field is written under a name under which it is not read."""
    area, _, name = operation.value.partition(".")
    returned = typing.get_type_hints(getattr(AREAS[area], name))["return"]
    if isinstance(returned, typing.TypeVar):
        returned = AREAS[area]._form.status  # type: ignore[attr-defined]
    TypeAdapter(returned)
    for model in models(returned):
        for field, found in model.model_fields.items():
            written = (found.serialization_alias or field) if model.model_config.get("serialize_by_alias") else field
            alias = found.validation_alias or field
            read = alias.choices if isinstance(alias, AliasChoices) else [alias]
            assert written in read, (model.__name__, field)


@pytest.mark.parametrize("nowhere", ["", ".", ".."])
def test_a_request_goes_to_no_other_address_whatever_it_names(nowhere: str) -> None:
    area, _, name = Operation.SHOW_CANCELLATION.value.partition(".")
    with pytest.raises(InputMalformed):
        as_request(Operation.SHOW_CANCELLATION, getattr(AREAS[area], name), nowhere)
