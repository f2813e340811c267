"""The documents in docs/ that are written from the models."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clients.generator.asyncapi import asyncapi
from clients.generator.event_table import with_table
from clients.generator.places import MESSAGES, SCHEMAS, as_json, as_yaml
from clients.generator.webhook_schemas import webhook_definitions
from clients.generator.wire_schemas import DIALECT, wire_documents
from domain.vocabulary import Event
from domain.webhooks import TEST_EVENT
from starter.api.app import document


def document_files() -> Mapping[Path, str]:
    """Return the text of each."""
    return {
        SCHEMAS / "openapi.yaml": as_yaml(document()),
        SCHEMAS / "asyncapi.yaml": as_yaml(asyncapi()),
        SCHEMAS / "webhooks.json": as_json(_webhooks()),
        **{SCHEMAS / "messages" / f"{name}.json": as_json(found) for name, found in wire_documents().items()},
        MESSAGES: with_table(MESSAGES.read_text(encoding="utf-8")),
    }


def _webhooks() -> dict[str, Any]:
    return {
        "$schema": DIALECT,
        "$id": "urn:offramp:webhooks",
        "title": "The body of a webhook",
        "oneOf": [{"$ref": f"#/$defs/{event}"} for event in (*Event, TEST_EVENT)],
        "$defs": webhook_definitions(),
    }
