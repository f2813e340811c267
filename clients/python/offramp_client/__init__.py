"""The client of Offramp, the service that carries cancellations of subscriptions.

`Client` waits and `AsyncClient` is awaited; both have every operation of the HTTP API by area, with a method of the same name. What is
refused is a `Refused` with its code. `verify_webhook` verifies and reads what the service sends.
"""

from offramp_client.async_client import AsyncClient
from offramp_client.client import Client
from offramp_client.errors import OfframpError, Refused, UnexpectedAnswer, Unreachable, WebhookRefused
from offramp_client.events import StreamEvent
from offramp_client.generated import models
from offramp_client.webhooks import OtherData, TestData, Webhook, parse_webhook, verify_webhook

__all__ = [
    "AsyncClient",
    "Client",
    "OfframpError",
    "OtherData",
    "Refused",
    "StreamEvent",
    "TestData",
    "UnexpectedAnswer",
    "Unreachable",
    "Webhook",
    "WebhookRefused",
    "models",
    "parse_webhook",
    "verify_webhook",
]
