"""JSON Schema of the messages that go through Temporal: each in a document of its own, which needs no other."""

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, RootModel
from pydantic.json_schema import models_json_schema

import contract
from clients.generator.descriptions import DescribedSchema, without_titles
from clients.generator.python_types import reachable
from contract.steps import StepData
from domain.lines.runs import LineDatesProgress

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BASES = {
    contract.Message,
    contract.Request,
    contract.ReceivedRequest,
    contract.AboutCase,
    contract.AboutMigration,
    contract.ReversibleStatus,
}
_DEFS = "#/$defs/"


def wire_messages() -> list[type[BaseModel]]:
    """Return every message that the contract offers: what callers send, and what they are answered."""
    offered = [getattr(contract, name) for name in contract.__all__]
    return [
        *(
            kind
            for kind in offered
            if inspect.isclass(kind)
            and issubclass(kind, BaseModel)
            and not issubclass(kind, StepData | RootModel)
            and kind not in _BASES
        ),
        LineDatesProgress,
    ]


def wire_definitions() -> dict[str, Any]:
    """Return the schemas of all messages and of their parts, by name: as they are sent by a caller, or answered to one."""
    models = wire_messages()
    modes = [(kind, "validation" if issubclass(kind, contract.Message) else "serialization") for kind in models]
    _, found = models_json_schema(modes, schema_generator=DescribedSchema, ref_template=_DEFS + "{model}")  # type: ignore[arg-type]
    definitions: dict[str, Any] = without_titles(found["$defs"])
    for schema in definitions.values():
        # Made by the service's own doors; a caller has none.
        schema.get("properties", {}).pop("signature", None)
    return definitions


def wire_documents() -> Mapping[str, dict[str, Any]]:
    """Return the document of each message by its name."""
    definitions = wire_definitions()
    return {model.__name__: _document(model.__name__, definitions) for model in wire_messages()}


def _document(name: str, definitions: Mapping[str, Any]) -> dict[str, Any]:
    parts = [part for part in sorted(reachable({name}, definitions)) if part != name]
    document = {"$schema": DIALECT, "$id": f"urn:offramp:message:{name}", "title": name, **definitions[name]}
    return document | ({"$defs": {part: definitions[part] for part in parts}} if parts else {})
