"""The documents for programs: what is written in docs/schemas is what the models say now, is valid, and fits what is really sent."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from temporalio import workflow

import contract
from clients.generator.documents import document_files
from clients.generator.event_table import ONLY_IN
from clients.generator.places import MESSAGES, SCHEMAS
from clients.generator.temporal_names import WORKFLOWS
from clients.generator.webhook_schemas import kinds_of
from clients.generator.wire_schemas import wire_messages
from domain.cases import CaseKind
from domain.lines.runs import LineDatesProgress
from domain.vocabulary import Event
from tests.docs.test_documentation import section
from worker import WORKFLOWS as HOSTED

LARGEST = 1 << 20
EXAMPLES = [message for message in wire_messages() if message is not LineDatesProgress]  # line-dates.md shows that one
BETWEEN_OUR_PARTS = {"migration_moved", "holds_changed", "line_taken_over"}
NEVER_ASKED = {contract.SUBSCRIPTION_LINE_CANCELLATION: {contract.ACKNOWLEDGE_STOP}}
"""What a workflow inherits, and refuses: a line has no campaigns."""


def test_what_is_written_is_what_would_be_written_now() -> None:
    files = document_files()
    for file, text in files.items():
        assert file.read_text(encoding="utf-8") == text, f"make schemas, and look at what has changed in {file.name}"
    assert {file for file in SCHEMAS.rglob("*") if file.is_file()} == files.keys() - {MESSAGES}
    assert sum(file.stat().st_size for file in files) < LARGEST


@pytest.mark.parametrize("file", sorted(SCHEMAS.rglob("*.json")), ids=lambda file: file.stem)
def test_a_json_schema_is_one_and_needs_no_other(file: Any) -> None:
    schema = json.loads(file.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    assert unresolved(schema, schema) == []


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: message.__name__)
def test_the_example_of_a_message_fits_its_schema(message: Any) -> None:
    schema = json.loads((SCHEMAS / "messages" / f"{message.__name__}.json").read_text(encoding="utf-8"))
    example = re.search(r"^```json\n(.*?)^```", section(message.__name__), re.MULTILINE | re.DOTALL)
    assert example
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert best_match(validator.iter_errors(json.loads(example[1]))) is None
    if not schema.get("additionalProperties", True):
        assert not validator.is_valid({**json.loads(example[1]), "anwsers": {}})


def test_the_asyncapi_document_holds_together() -> None:
    document = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text(encoding="utf-8"))
    assert document["asyncapi"] == "3.0.0"
    assert unresolved(document, document) == []
    assert set(document["channels"]["webhooks"]["messages"]) == {event.value for event in Event}
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
        for part in (operation, *([operation["reply"]] if "reply" in operation else [])):
            channel = part["channel"]["$ref"]
            assert all(message["$ref"].startswith(f"{channel}/messages/") for message in part.get("messages", []))
    for message in document["components"]["messages"].values():
        Draft202012Validator.check_schema(message["payload"])


def test_the_openapi_document_holds_together() -> None:
    document = yaml.safe_load((SCHEMAS / "openapi.yaml").read_text(encoding="utf-8"))
    assert unresolved(document, document) == []
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_workflows_take_the_updates_and_signals_that_the_document_names() -> None:
    hosted = {str(definition.name): definition for definition in map(workflow._Definition.must_from_class, HOSTED)}
    for described in WORKFLOWS:
        definition, never = hosted[described.type], NEVER_ASKED.get(described.type, set())
        assert set(described.updates) == set(definition.updates) - never, described.type
        signals = {str(name) for name in definition.signals} - BETWEEN_OUR_PARTS - never
        assert set(described.signals) == signals, described.type
        assert described.query in definition.queries


def test_a_webhook_of_another_form_does_not_fit() -> None:
    validator = webhook_validator()
    example = re.search(r"^```json\n(.*?)^```", MESSAGES.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert example
    message = json.loads(example[1])
    assert validator.is_valid(message)
    others: tuple[dict[str, Any], ...] = ({"type": "cancellation.unheard_of"}, {"data": {}}, {"timestamp": 7})
    for changed in others:
        assert not validator.is_valid(message | changed)
    assert not validator.is_valid(message | {"data": {**message["data"], "stage": "elsewhere"}})
    trial = {**message, "type": "webhook.test", "data": {"endpoint": "crm"}}
    assert validator.is_valid(trial)
    assert not validator.is_valid(trial | {"data": {}})


@cache
def webhook_schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / "webhooks.json").read_text(encoding="utf-8"))
    return found


def webhook_validator() -> Draft202012Validator:
    return Draft202012Validator(webhook_schema())


def unresolved(value: Any, document: Any) -> list[str]:
    """The references that lead nowhere."""
    found = []
    for reference in references(value):
        held = document
        for part in reference.removeprefix("#/").split("/"):
            held = held.get(part, {}) if isinstance(held, dict) else {}
        if not reference.startswith("#/") or not held:
            found.append(reference)
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for held in value.values():
            yield from references(held)
    elif isinstance(value, list):
        for held in value:
            yield from references(held)


def test_the_table_names_events_that_there_are() -> None:
    for names in ONLY_IN.values():
        assert all(any(event.startswith(name) for event in Event) for name in names)
    assert {kind for event in Event for kind in kinds_of(event)} == {None, *CaseKind}
