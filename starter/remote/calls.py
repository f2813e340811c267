"""Calls of the facade as requests to the API: which parameter goes where."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from contract.common import Request
from domain.cancellation.lifecycle import InputMalformed
from domain.cases import CaseRef
from domain.permissions import Operation
from starter.api.addresses import ADDRESSES, VERSION
from starter.service.receipts import StatedReceipt

_NEVER_SENT = frozenset({"actor", "request_id", "organizations", "link", "watch", "shows_content"})
"""The actor is the token's subject; the organizations are those of the token; links are for their holders; what a role is shown is by the token, too."""
_DOCUMENTS = {"content": None, "document": "name", "source": "name"}
_RENAMED = {"stages": "stage", "states": "state", "cancellations": "cancellation"}
_OF_CASE = ("cancellation", "export")
_NOWHERE = ("", ".", "..")
"""What leads to another address however it is escaped."""


@dataclass(frozen=True)
class ApiCall:
    """One request."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def as_request(operation: Operation, method: Callable[..., Any], *given: Any, **named: Any) -> ApiCall:
    """Return the request for a call of a method of the facade, which is an operation. Raises InputMalformed."""
    bound = inspect.signature(method).bind(None, *given, **named)
    arguments = {name: value for name, value in list(bound.arguments.items())[1:] if value is not None}
    address = ADDRESSES[operation]
    values = _flattened(arguments)
    path = _path(address.path, values)
    headers = {}
    if address.method != "GET":
        headers["idempotency-key"] = values.pop("request_id", None) or str(uuid4())
    if expects := values.pop("expects", None):
        headers["if-match"] = f'"{expects}"'
    content = values.pop("content", None)
    rest = {
        _RENAMED.get(name, _DOCUMENTS.get(name) or name): to_jsonable_python(value)
        for name, value in values.items()
        if name not in _NEVER_SENT and value not in ("", (), [], {})
    }
    in_query = address.method == "GET" or content is not None
    return ApiCall(
        address.method,
        VERSION + path,
        query=rest if in_query else {},
        body=None if in_query else rest,
        content=content,
        headers=headers,
    )


def _flattened(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by the names that the API knows; messages and models give theirs."""
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, StatedReceipt):
            found["receipt"] = _receipt(value)
        elif isinstance(value, Request):
            found |= _of_start(value)
        elif isinstance(value, BaseModel) and name in ("scope", "limit", "wish"):
            found |= value.model_dump(mode="json", exclude_none=True, exclude={"actor"})
        else:
            found[name] = value
    return found


def _of_start(start: Request) -> dict[str, Any]:
    """Return the fields of a start: an attestation and a goodwill are sent by their reasons."""
    fields = start.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    for name in ("attestation", "goodwill"):
        if name in fields:
            fields[name] = fields[name]["reason"]
    if "subscription_line" in fields:
        fields["line"] = fields.pop("subscription_line")
    return fields


def _receipt(stated: StatedReceipt) -> dict[str, Any]:
    at = "received_at" if hasattr(stated.at, "hour") else "received_on"
    fields = {at: stated.at, "channel": stated.channel, "because": stated.because}
    return {name: to_jsonable_python(value) for name, value in fields.items() if value is not None}


def _path(path: str, values: dict[str, Any]) -> str:
    """Return the path with what it names taken out of the values. Raises InputMalformed."""
    case = next((str(values.pop(name)) for name in _OF_CASE if name in values and "{number}" in path), None)
    if "{number}" in path:
        values["number"] = case.rpartition("/")[2] if case else "newest"
        if case and "{subscription}" in path:
            values.setdefault("subscription", values.pop("subject", CaseRef.parse(case).subscription))
    for kind in (
        "subscription",
        "line",
        "organization",
        "invoice",
        "campaign",
        "hold",
        "endpoint",
        "bulk",
        "number",
        "name",
    ):
        written = f"{{{kind}:path}}" if f"{{{kind}:path}}" in path else f"{{{kind}}}"
        if written in path:
            value = values.pop(kind) if kind in values else values.pop("subject")
            if str(value) in _NOWHERE:
                raise InputMalformed([f"{kind}: an id is expected"])
            path = path.replace(written, quote(str(value), safe=""))
    return path
