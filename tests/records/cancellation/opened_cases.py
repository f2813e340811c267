"""Cancellations opened in the records alone, by one request each, and moved from stage to stage."""

from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from contract.steps import OpenedCase, OpenRequest, Step
from domain.cancellation.identity import Identity
from domain.vocabulary import Channel
from records.cancellation.opening import open_case
from records.transaction import Transaction
from tests.support.import_documents import NOON, Document

BOTH = frozenset(Channel)
IDENTITY = Identity(
    billing_administrator="ann@example.com",
    organization_url="https://contoso.example.com",
    organization_name="contoso",
)
"""As in the document of `tests.support.import_documents`."""

COMPLETE = {**IDENTITY.model_dump(), "termination_date": "2026-12-31", "data": "none", "campaigns": "keep"}


def opened(
    engine: Engine, subscription: str = "SUB-1", *, request: str = "R", at: datetime = NOON, **fields: Any
) -> OpenedCase:
    """Open a case, received at an instant."""
    workflow = f"cancellation:{subscription}"
    fields = {"answers": {}, "actor": "agent-7", **fields}
    asked = OpenRequest(
        workflow_id=workflow, subscription=subscription, request_id=f"{workflow}:{request}", at=at, **fields
    )
    with Transaction.begin(engine, BOTH) as transaction:
        return open_case(transaction, asked)


def step(case: str, name: str, at: datetime = NOON, **fields: Any) -> Step:
    """A step of a case."""
    return Step(cancellation=case, name=name, actor="agent-7", at=at, **fields)


def with_subscriptions(document: Document, organizations: dict[str, int], **organization: Any) -> Document:
    """The document with more organizations, each with so many subscriptions of one line that can be ended at any time.

    ``SUB-B-1`` and ``SUB-B-2`` belong to ``ORG-B``.
    """
    for name, number in organizations.items():
        document["organizations"].append(
            {
                "id": f"ORG-{name}",
                "url": f"https://{name.lower()}.example.com",
                "unique_name": f"company {name}",
                "time_zone": "Europe/Berlin",
                "platform": "commerce_transaction",
                "purpose": "production",
                "billing_administrator": f"boss@{name.lower()}.example.com",
                **organization,
            }
        )
        for count in range(1, number + 1):
            key = f"SUB-{name}-{count}"
            line = {"id": f"{key}-1", "start_date": "2026-01-01", "billing_rhythm": "1M"}
            document["subscriptions"].append(
                {"id": key, "organization": f"ORG-{name}", "description": f"Plan {count}", "lines": [line]}
            )
    return document
