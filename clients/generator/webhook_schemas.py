"""JSON Schema of webhooks: the facts of a message without what systems are not told, by the kind of case that they are about."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from clients.generator.descriptions import DescribedSchema, without_titles
from clients.generator.python_types import name_of
from domain.cases import CaseKind
from domain.lines.notices import ChangedLine, LineDatesFacts
from domain.messaging import FACTS, NOT_FOR_SYSTEMS
from domain.vocabulary import Event
from domain.webhooks import TEST_EVENT

DATA: Mapping[CaseKind | None, tuple[str, type[BaseModel]]] = {
    CaseKind.SUBSCRIPTION: ("CancellationData", FACTS[CaseKind.SUBSCRIPTION]),
    CaseKind.SUBSCRIPTION_LINE: ("LineCancellationData", FACTS[CaseKind.SUBSCRIPTION_LINE]),
    CaseKind.MARKETING_SERVICE: ("MarketingCancellationData", FACTS[CaseKind.MARKETING_SERVICE]),
    None: ("LineDatesData", LineDatesFacts),
}
"""The name of the facts in webhooks, and their model, for each kind of case; None is the update of line dates, which is of no case."""
_RENAMED = {"CampaignFacts": "CampaignToStop"} | {model.__name__: name for name, model in DATA.values()}
"""What is in webhooks another thing than elsewhere, because something is left out."""
_WITH_NULL = frozenset({LineDatesFacts.__name__, ChangedLine.__name__})
"""What the database writes itself: there null is null."""
_BASE = "#/$defs/"
_SUBSCRIPTION, _LINE, _MARKETING = CaseKind.SUBSCRIPTION, CaseKind.SUBSCRIPTION_LINE, CaseKind.MARKETING_SERVICE


def kinds_of(event: Event) -> tuple[CaseKind | None, ...]:
    """Return the kinds of cases that an event can be about."""
    match event:
        case Event.LINE_CLOSED | Event.LINE_TERM_ROLLED:
            return (None,)
        case Event.MARKETING_STOP_REQUESTED | Event.MARKETING_STOPPED:
            return (_SUBSCRIPTION, _MARKETING)
        case Event.MARKETING_CANCELLATION_RECEIVED | Event.MARKETING_CANCELLATION_ABANDONED | Event.MARKETING_CANCELED:
            return (_MARKETING,)
        case Event.LINE_ENDED:
            return (_SUBSCRIPTION, _LINE)
    if event.startswith("credit_memo."):
        return (_SUBSCRIPTION, _LINE)
    return (_LINE,) if event.startswith("line_cancellation.") else (_SUBSCRIPTION,)


def webhook_definitions() -> dict[str, Any]:
    """Return the schemas of everything that is in webhooks, by name; those of whole messages by their event."""
    _, found = models_json_schema(
        [(model, "serialization") for _, model in DATA.values()],
        schema_generator=DescribedSchema,
        ref_template=_BASE + "{model}",
    )
    definitions: dict[str, Any] = without_titles(found["$defs"])
    for _, model in DATA.values():
        _leave_out(definitions, definitions[model.__name__], NOT_FOR_SYSTEMS)
    named = {
        _RENAMED.get(name, name): _always_there(_renamed(schema), null=name in _WITH_NULL)
        for name, schema in definitions.items()
    }
    return dict(sorted(named.items())) | dict(_messages())


def _messages() -> Iterator[tuple[str, dict[str, Any]]]:
    for event in Event:
        facts = [{"$ref": f"{_BASE}{DATA[kind][0]}"} for kind in kinds_of(event)]
        yield event.value, _message(event, facts[0] if len(facts) == 1 else {"anyOf": facts})
    endpoint = {"type": "object", "properties": {"endpoint": {"type": "string"}}, "required": ["endpoint"]}
    yield TEST_EVENT, _message(TEST_EVENT, endpoint)


def _message(event: str, data: dict[str, Any]) -> dict[str, Any]:
    head = "The head of the audit trail some minutes before the message, once there is one."
    return {
        "type": "object",
        "properties": {
            "type": {"const": str(event)},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": data,
            "audit_head": {"type": "string", "description": head},
        },
        "required": ["type", "timestamp", "data"],
    }


def _leave_out(definitions: Mapping[str, Any], schema: dict[str, Any], excluded: Mapping[str, Any]) -> None:
    """Take away what is excluded, in the form that pydantic has for it."""
    for name, what in excluded.items():
        if what is True:
            schema["properties"].pop(name, None)
            schema["required"] = [field for field in schema.get("required", ()) if field != name]
        elif name in schema["properties"]:
            each = what.get("__all__", what)
            inner = definitions[_model_in(schema["properties"][name])]
            _leave_out(definitions, inner, each if isinstance(each, Mapping) else dict.fromkeys(each, True))


def _model_in(schema: Mapping[str, Any]) -> str:
    """Return the name of the one model that a property holds."""
    parts = [schema, schema.get("items", {}), *schema.get("anyOf", ())]
    [name] = {name_of(part["$ref"]) for part in parts if "$ref" in part}
    return name


def _renamed(value: Any) -> Any:
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$ref"), str):
        name = name_of(value["$ref"])
        return {**value, "$ref": _BASE + _RENAMED.get(name, name)}
    return {name: _renamed(held) for name, held in value.items()}


def _always_there(schema: dict[str, Any], *, null: bool) -> dict[str, Any]:
    """Return the schema of an object that has all its members, but those that would be null, where null is not written."""
    if "properties" not in schema:
        return schema
    fields: dict[str, Any] = schema["properties"]
    absent = {name for name, field in fields.items() if not null and {"type": "null"} in field.get("anyOf", ())}
    properties = {name: _present(field) if name in absent else field for name, field in fields.items()}
    return {**schema, "properties": properties, "required": [name for name in fields if name not in absent]}


def _present(field: dict[str, Any]) -> dict[str, Any]:
    parts = [part for part in field["anyOf"] if part != {"type": "null"}]
    rest = {name: held for name, held in field.items() if name not in ("anyOf", "default")}
    return {**parts[0], **rest} if len(parts) == 1 else {**rest, "anyOf": parts}
