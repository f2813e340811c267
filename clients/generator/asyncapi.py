"""The AsyncAPI document: the webhooks that the service sends, and the messages of its workflows."""

from collections.abc import Iterator
from typing import Any

from clients.generator.python_types import name_of
from clients.generator.temporal_names import WORKFLOWS, DescribedWorkflow
from clients.generator.webhook_schemas import webhook_definitions
from clients.generator.wire_schemas import wire_definitions
from domain.vocabulary import Event

_SCHEMAS = "#/components/schemas/"
_HEADERS = {
    "type": "object",
    "properties": {
        "webhook-id": {"type": "string", "description": "The same in every delivery of a message."},
        "webhook-timestamp": {
            "type": "string",
            "pattern": "^[0-9]+$",
            "description": "The time of this attempt, in Unix seconds.",
        },
        "webhook-signature": {
            "type": "string",
            "description": "`v1,` and a signature; several are separated by spaces.",
        },
    },
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
}
_ABOUT = """What Offramp sends to systems, and what its workflows take. Written by `make schemas` from the models.

A webhook is signed (Standard Webhooks), and comes at least once under one id. A message of a workflow is one argument of JSON (`json/plain`) \
of the start, the update, the signal or the query that the channel's operations name. [messages.md](messages.md) and \
[temporal.md](temporal.md) say what they mean."""


def asyncapi() -> dict[str, Any]:
    """Return the document."""
    webhooks, wire = webhook_definitions(), wire_definitions()
    clash = {name for name in webhooks.keys() & wire.keys() if webhooks[name] != wire[name]}
    schemas = {name: _moved(schema, clash, "") for name, schema in wire.items()}
    schemas |= {
        (f"{name}InWebhooks" if name in clash else name): _moved(schema, clash, "InWebhooks")
        for name, schema in webhooks.items()
    }
    channels: dict[str, Any] = {"webhooks": _webhook_channel()}
    operations: dict[str, Any] = {
        "sendWebhook": {
            "action": "send",
            "channel": {"$ref": "#/channels/webhooks"},
            "summary": "The service notifies a system.",
        }
    }
    messages = {event.value: _webhook_message(event) for event in Event}
    for workflow in WORKFLOWS:
        channels[workflow.type] = _workflow_channel(workflow)
        operations |= dict(_operations(workflow))
        messages |= {form: _wire_message(form) for form in _forms(workflow)}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Offramp", "version": "1", "description": _ABOUT, "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items()))},
    }


def _moved(value: Any, clash: set[str], suffix: str) -> Any:
    """Return a schema whose references lead into the document."""
    if isinstance(value, list):
        return [_moved(item, clash, suffix) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$ref"), str):
        name = name_of(value["$ref"])
        return {**value, "$ref": _SCHEMAS + (name + suffix if name in clash else name)}
    return {name: _moved(held, clash, suffix) for name, held in value.items()}


def _webhook_channel() -> dict[str, Any]:
    return {
        "address": None,
        "title": "Webhooks",
        "description": "The URL of each webhook endpoint that hears of the event: one POST for each message.",
        "messages": {event.value: {"$ref": f"#/components/messages/{event.value}"} for event in Event},
        "bindings": {"http": {"bindingVersion": "0.3.0"}},
    }


def _webhook_message(event: Event) -> dict[str, Any]:
    return {
        "name": event.value,
        "contentType": "application/json",
        "headers": _HEADERS,
        "payload": {"$ref": f"{_SCHEMAS}{event.value}"},
    }


def _wire_message(form: str) -> dict[str, Any]:
    return {"name": form, "contentType": "application/json", "payload": {"$ref": f"{_SCHEMAS}{form}"}}


def _workflow_channel(workflow: DescribedWorkflow) -> dict[str, Any]:
    parameters = [part.partition("}")[0] for part in workflow.id.split("{")[1:]]
    channel: dict[str, Any] = {
        "address": workflow.id or None,
        "title": workflow.type,
        "description": "The workflow with this id, on the task queue `offramp`."
        if workflow.id
        else "Under an id of the caller's own.",
        "messages": {form: {"$ref": f"#/components/messages/{form}"} for form in _forms(workflow)},
    }
    if parameters:
        channel["parameters"] = {name: {"description": f"The id of the {name}."} for name in parameters}
    return channel


def _forms(workflow: DescribedWorkflow) -> list[str]:
    forms = [workflow.start, *workflow.updates.values(), *workflow.signals.values(), workflow.status]
    return list(dict.fromkeys(form.__name__ for form in forms if form is not None))


def _operations(workflow: DescribedWorkflow) -> Iterator[tuple[str, dict[str, Any]]]:
    channel = {"$ref": f"#/channels/{workflow.type}"}

    def message(form: type[Any]) -> dict[str, str]:
        return {"$ref": f"#/channels/{workflow.type}/messages/{form.__name__}"}

    answer = {"channel": channel, "messages": [message(workflow.status)]}
    if workflow.start is not None:
        yield (
            f"{workflow.type}.start",
            {
                "action": "receive",
                "channel": channel,
                "summary": "Starts it; its result comes when it ends.",
                "messages": [message(workflow.start)],
                "reply": answer,
            },
        )
    for name, form in workflow.updates.items():
        taken = {} if form is None else {"messages": [message(form)]}
        yield (
            f"{workflow.type}.update.{name}",
            {"action": "receive", "channel": channel, "summary": f"Update `{name}`.", **taken, "reply": answer},
        )
    for name, form in workflow.signals.items():
        yield (
            f"{workflow.type}.signal.{name}",
            {"action": "receive", "channel": channel, "summary": f"Signal `{name}`.", "messages": [message(form)]},
        )
    yield (
        f"{workflow.type}.query.{workflow.query}",
        {
            "action": "send",
            "channel": channel,
            "summary": f"The answer to the query `{workflow.query}`, which takes nothing.",
            "messages": [message(workflow.status)],
        },
    )
