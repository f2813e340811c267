"""Webhooks as a system takes them with the Python client: signed by the service, now, and read in the form of their case."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Signer

from activities.messaging.webhook_sender import body_of
from offramp_client import OtherData, TestData, WebhookRefused, models, parse_webhook, verify_webhook

DOCUMENT = (Path(__file__).parents[2] / "docs" / "messages.md").read_text(encoding="utf-8")
NOW = datetime(2026, 12, 31, 23, 0, 1, tzinfo=UTC)
SECRET, OTHER = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in (1, 2))


def example() -> tuple[dict[str, str], bytes, str]:
    """The request in the documents: its headers, its body and its secret."""
    http = re.search(r"^```http\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    body = re.search(r"^```json\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    secret = re.search(r"`(whsec_\S+?)`", DOCUMENT)
    assert http
    assert body
    assert secret
    headers = dict(line.split(": ", 1) for line in http[1].splitlines()[1:])
    return headers, json.dumps(json.loads(body[1]), separators=(",", ":"), ensure_ascii=False).encode(), secret[1]


def signed(body: bytes, *secrets: str, at: datetime = NOW) -> dict[str, str]:
    """The headers of a request, as the library that the service uses signs it."""
    signatures = [Signer(secret).sign("SUB-1/1/x", at, body.decode()) for secret in secrets]
    stamp = str(int(at.timestamp()))
    return {"Webhook-Id": "SUB-1/1/x", "Webhook-Timestamp": stamp, "Webhook-Signature": " ".join(signatures)}


BODY = example()[1]


def test_the_example_of_the_documents_is_verified_and_read() -> None:
    headers, body, secret = example()
    sent = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    webhook = verify_webhook(body, headers, secret, now=sent)
    assert (webhook.id, webhook.type) == (headers["webhook-id"], "cancellation.effective")
    assert isinstance(webhook.data, models.CancellationData)
    assert webhook.data.stage == models.Stage.CANCELED
    assert webhook.data.quote
    assert webhook.data.quote.lines[0].decision.end_date == webhook.data.access_ended_on


def test_one_of_several_signatures_by_one_of_several_secrets_is_enough() -> None:
    assert verify_webhook(BODY, signed(BODY, OTHER, SECRET), SECRET, now=NOW).id == "SUB-1/1/x"
    assert verify_webhook(BODY, signed(BODY, SECRET), [OTHER, SECRET], now=NOW).id == "SUB-1/1/x"


@pytest.mark.parametrize("change", ["another secret", "another body", "another id", "another time", "another version"])
def test_what_was_not_signed_so_is_refused(change: str) -> None:
    body, headers, secret = BODY, signed(BODY, SECRET), SECRET
    match change:
        case "another secret":
            secret = OTHER
        case "another body":
            body = BODY.replace(b"canceled", b"reversed")
        case "another id":
            headers["Webhook-Id"] = "SUB-2/1/x"
        case "another time":
            headers["Webhook-Timestamp"] = str(int(NOW.timestamp()) + 1)
        case _:
            headers["Webhook-Signature"] = headers["Webhook-Signature"].replace("v1,", "v1a,")
    with pytest.raises(WebhookRefused):
        verify_webhook(body, headers, secret, now=NOW)


@pytest.mark.parametrize("away", [timedelta(minutes=-6), timedelta(minutes=6)])
def test_what_was_signed_at_another_time_is_refused(away: timedelta) -> None:
    headers = signed(BODY, SECRET, at=NOW + away)
    with pytest.raises(WebhookRefused, match="another time"):
        verify_webhook(BODY, headers, SECRET, now=NOW)
    assert verify_webhook(BODY, headers, SECRET, now=NOW, tolerance=timedelta(minutes=7)).id == "SUB-1/1/x"


@pytest.mark.parametrize(
    "changed",
    [
        {"Webhook-Id": ""},
        {"Webhook-Timestamp": "now"},
        {"Webhook-Timestamp": "9" * 30},
        {"Webhook-Timestamp": "-1"},
        {"Webhook-Signature": ""},
        {"Webhook-Signature": "v1,ä"},
    ],
)
def test_headers_of_another_form_are_refused(changed: dict[str, str]) -> None:
    with pytest.raises(WebhookRefused):
        verify_webhook(BODY, signed(BODY, SECRET) | changed, SECRET, now=NOW)


def test_a_secret_of_another_form_is_a_fault_of_the_receiver() -> None:
    unusable: tuple[str | list[str], ...] = ("whsec_%", "whsec_", "", "whsec_YWJj", [])
    for secret in unusable:
        with pytest.raises(ValueError, match="whsec_"):
            verify_webhook(BODY, signed(BODY, SECRET), secret, now=NOW)


def test_each_kind_of_case_has_its_form_and_new_words_and_members_are_no_error() -> None:
    _, body, _ = example()
    data: dict[str, Any] = json.loads(body)["data"]
    line = {**data, "subscription_line": "L-1", "line_ends_on": "2026-12-31", "stage": "a new stage", "new": 1}
    read = parse_webhook("x", json.dumps({"type": "line_cancellation.new", "timestamp": str(NOW), "data": line}))
    assert isinstance(read.data, models.LineCancellationData)
    assert read.data.stage == "a new stage"
    with pytest.raises(WebhookRefused):
        parse_webhook("x", b"{}")


def test_a_message_of_trial_is_verified_and_read() -> None:
    body = body_of("webhook.test", NOW, {"endpoint": "crm"}, None).encode()
    webhook = verify_webhook(body, signed(body, SECRET), SECRET, now=NOW)
    assert (webhook.type, webhook.data) == ("webhook.test", TestData(endpoint="crm"))


def test_a_message_of_a_later_version_about_something_else_is_no_error() -> None:
    body = body_of("invoice.paid", NOW, {"invoice": "INV-1", "lines": [{"id": "L-1"}]}, None).encode()
    data = verify_webhook(body, signed(body, SECRET), SECRET, now=NOW).data
    assert isinstance(data, OtherData)
    assert data.model_dump() == {"invoice": "INV-1", "lines": [{"id": "L-1"}]}
