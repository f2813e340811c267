"""An engine on a migrated database of one test's own, and imports into it."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from domain.imports.refusals import ImportMalformed
from records.imports import ImportReport, import_content
from records.webhooks.endpoints import configure
from storage.database import create_database_engine

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

LINE = "subscriptions[0].lines[0]"

Document = dict[str, Any]
Import = Callable[[Document], ImportReport]


def line(document: Document) -> dict[str, Any]:
    """The first line of a document."""
    found: dict[str, Any] = document["subscriptions"][0]["lines"][0]
    return found


def problems(refused: pytest.ExceptionInfo[ImportMalformed]) -> list[tuple[str, str]]:
    """The reasons for which an import was refused: paths and codes."""
    return [(problem.path, problem.refusal.code) for problem in refused.value.problems]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_database_engine(database_url, pool_size=2)
    configure(engine, is_configured=True)
    yield engine
    engine.dispose()


@pytest.fixture
def imported(engine: Engine) -> Import:
    """Import a document at noon UTC of 2026-11-22."""

    def run(document: Document) -> ImportReport:
        return import_content(engine, json.dumps(document).encode(), actor="tester", at=NOON, source="test.json")

    return run


@pytest.fixture
def document() -> Document:
    """A document with one entry of every kind and nothing wrong."""
    return {
        "policies": {"patient": {"intake_timeout": "P30D"}},
        "organizations": [
            {
                "id": "ORG-1",
                "url": "https://contoso.example.com",
                "unique_name": "contoso",
                "time_zone": "Pacific/Auckland",
                "platform": "commerce_transaction",
                "purpose": "production",
                "billing_administrator": "ann@example.com",
                "policy": "patient",
                "marketing_service": {
                    "billing_administrator": "bob@example.com",
                    "campaigns": [
                        {"id": "CMP-1", "name": "Spring", "activities": [{"id": "ACT-1", "name": "Search ads"}]}
                    ],
                },
            }
        ],
        "contracts": [
            {"number": "CC-1", "partner": "customer", "description": "Contoso"},
            {"number": "VC-1", "partner": "vendor"},
        ],
        "subscriptions": [
            {
                "id": "SUB-1",
                "organization": "ORG-1",
                "description": "Business Central",
                "lines": [
                    {
                        "id": "SUB-1-C",
                        "contract": "CC-1",
                        "start_date": "2026-01-01",
                        "initial_term": "1Y",
                        "subsequent_term": "1Y",
                        "notice_period": "3M",
                        "billing_rhythm": "1M",
                        "next_billing_date": "2026-12-01",
                        "planned_lines": [
                            {
                                "id": "PLAN-1",
                                "kind": "renewal",
                                "effective_on": "2027-01-01",
                                "terms": {"subsequent_term": "2Y"},
                            }
                        ],
                    },
                    {
                        "id": "SUB-1-V",
                        "partner": "vendor",
                        "contract": "VC-1",
                        "contract_line": 7,
                        "start_date": "2026-01-01",
                        "initial_term": "2Y",
                        "billing_rhythm": "1Y",
                    },
                ],
            }
        ],
        "invoices": [{"number": "INV-1", "line": "SUB-1-C", "period_start": "2026-11-01", "period_end": "2026-11-30"}],
    }
