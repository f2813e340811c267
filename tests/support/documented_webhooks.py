"""What a webhook of the service is held against: the client that verifies it, its schema, and the table of fields."""

import json
from collections.abc import Iterable
from datetime import timedelta

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from clients.generator.event_table import may_have
from clients.generator.webhook_schemas import kinds_of
from domain.cases import CaseRef
from domain.vocabulary import Event
from offramp_client import verify_webhook
from tests.activities.messaging.endpoint import OLD, Request
from tests.clients.test_documents import webhook_schema


def assert_documented(request: Request) -> Event:
    """Return the event of a request that is signed and as the documents say."""
    webhook = verify_webhook(request.body, request.headers, OLD, tolerance=timedelta(hours=1))
    event = assert_fits(request)
    assert event == webhook.type
    return event


def assert_fits(request: Request) -> Event:
    """Return the event of a request whose body is as the documents say, whoever has signed it."""
    message = json.loads(request.body)
    event, data = Event(message["type"]), message["data"]
    schema = {"$ref": f"#/$defs/{event.value}", "$defs": webhook_schema()["$defs"]}
    error = best_match(Draft202012Validator(schema).iter_errors(message))
    assert error is None, f"{event}: {error}"
    kind = CaseRef.parse(data["cancellation"]).kind if "cancellation" in data else None
    assert kind in kinds_of(event), f"{event} is about a {kind}"
    return event


def undocumented(requests: Iterable[Request]) -> set[tuple[str, str]]:
    """The members that the table of fields does not have for an event, with the event."""
    messages = [json.loads(each.body) for each in requests]
    return {
        (message["type"], field)
        for message in messages
        for field in message["data"]
        if not may_have(Event(message["type"]), field)
    }
