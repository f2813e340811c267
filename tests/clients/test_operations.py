"""The Python client has every operation of the OpenAPI document, with its parameters and its statuses, in both of its kinds."""

import inspect
import re
from typing import Any

import httpx
import pytest

from clients.generator.client import client_files
from domain.permissions import Operation
from offramp_client import AsyncClient, Client
from offramp_client.calls import path
from starter.api.addresses import ADDRESSES
from starter.api.app import document

DOCUMENT = document()
OPERATIONS: dict[str, dict[str, Any]] = {
    found["operationId"]: found | {"method": method}
    for address in DOCUMENT["paths"].values()
    for method, found in address.items()
}


@pytest.fixture(params=[Client, AsyncClient])
def client(request: pytest.FixtureRequest) -> Client | AsyncClient:
    made: Client | AsyncClient = request.param("https://offramp.example", "token")
    return made


def method_of(client: Client | AsyncClient, operation: Operation) -> Any:
    area, _, name = operation.value.partition(".")
    return getattr(getattr(client, area), name)


def test_what_is_generated_is_what_would_be_generated_now() -> None:
    for file, text in client_files().items():
        assert file.read_text(encoding="utf-8") == text, f"make client, and look at what has changed in {file.name}"


@pytest.mark.parametrize("operation", list(ADDRESSES))
def test_an_operation_takes_what_the_document_names(client: Client | AsyncClient, operation: Operation) -> None:
    found = OPERATIONS[operation.value.replace(".", "_")]
    parameters = inspect.signature(method_of(client, operation)).parameters
    expected = {each["name"].replace("-", "_") for each in found.get("parameters", []) if each["in"] != "header"}
    headers = {each["name"] for each in found.get("parameters", []) if each["in"] == "header"}
    named = {"Idempotency-Key": "request_id", "if-match": "expects", "last-event-id": "last_event_id"}
    expected |= {named[name] for name in headers}
    required = {each["name"] for each in found.get("parameters", []) if each["in"] != "header" and each["required"]}
    if body := found.get("requestBody"):
        schema = body["content"]["application/json"]["schema"]
        if "$ref" in schema:
            form = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            expected |= set(form.get("properties", {}))
            required |= set(form.get("required", ()))
        else:
            expected.add("document")
            required.add("document")
    assert set(parameters) == expected
    newest = {"number"} if "{number}" in ADDRESSES[operation].path else set()
    assert {name for name, each in parameters.items() if each.default is each.empty} == required - newest


@pytest.mark.parametrize("operation", list(ADDRESSES))
def test_an_operation_names_the_statuses_with_which_it_may_be_refused(
    client: Client | AsyncClient, operation: Operation
) -> None:
    found = OPERATIONS[operation.value.replace(".", "_")]
    told = re.search(r"Refused: with status ([\d, ]+)\.", inspect.getdoc(method_of(client, operation)) or "")
    assert told
    assert sorted(told[1].split(", ")) == sorted(status for status in found["responses"] if status >= "4")


def test_both_kinds_of_client_have_the_same_methods_with_the_same_arguments() -> None:
    for area, held in vars(Client("https://offramp.example", "token")).items():
        if area.startswith("_"):
            continue
        other = getattr(AsyncClient("https://offramp.example", "token"), area)
        for name, method in inspect.getmembers(held, inspect.ismethod):
            if not name.startswith("_"):
                theirs = inspect.signature(getattr(other, name)).parameters
                assert list(inspect.signature(method).parameters.items()) == list(theirs.items())


@pytest.mark.parametrize("nowhere", ["", ".", ".."])
def test_a_path_leads_nowhere_else_whatever_it_names(nowhere: str) -> None:
    with pytest.raises(ValueError, match="no subscription"):
        path("/v1/subscriptions/{subscription}/cancellations", subscription=nowhere)
    named = path("/v1/subscriptions/{subscription}/cancellations", subscription=f"x/{nowhere}?#")
    asked = httpx.Client(base_url="https://api.example").build_request("GET", named)
    assert asked.url.raw_path.decode() == named == f"/v1/subscriptions/x%2F{nowhere}%3F%23/cancellations"
