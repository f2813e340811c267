"""The plans of the service's statements, as PostgreSQL itself makes them while a world lives.

No statement may need to read a whole table: a hundred thousand open cases would cost every single one of them.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from storage.rights import DatabaseRole
from storage.tables import Table

OF_AN_INSTALLATION = {"limits", "policies", "support_queues", "webhook_endpoints", "audit_seals"}
"""Tables that do not grow with the cases: with a row for each setting, or for each minute, all of which are verified anew."""

# A plan that still reads a whole table has no index that it could use. How much lies in the tables does not matter then.
_SETTINGS = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_format": "json",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_parameter_max_length": "0",
    "enable_seqscan": "off",
}


ON_PURPOSE = (
    "EXPLAIN",
    # An import compares urls and names with all others, as the same one may be spelled in another way.
    "SELECT organizations.id, organizations.url, organizations.unique_name, organizations.data_schema FROM organizations",
    # A search for a person looks at everything that is kept about anybody (`records.privacy`).
    "WITH k AS (",
)
"""How statements begin that read whole tables on purpose; no case runs them."""


@dataclass(frozen=True)
class WholeRead:
    """A table that a statement reads row by row, with what it looks for there."""

    table: str
    condition: str
    statement: str


def keep_plans(postgres_url: str, database: str) -> None:
    """Have the server log the plans of every statement that the service runs in a database from now on, also of triggers."""
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("LOAD 'auto_explain'")
        for role in DatabaseRole:
            for name, value in _SETTINGS.items():
                setting = sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}")
                parts = (sql.Identifier(f"test_{role}"), sql.Identifier(make_url(database).database or ""))
                connection.execute(setting.format(*parts, sql.SQL(name), sql.Literal(value)))


class PlanLog:
    """The plans in a server's log, from one look to the next."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._seen = log.stat().st_size

    def whole_reads(self) -> set[WholeRead]:
        """Return what the statements since the last look need to read as a whole, of all tables that grow with the cases."""
        with self._log.open("rb") as log:
            log.seek(self._seen)
            said = log.read()
        self._seen += len(said)
        text = said.decode("utf-8", "replace")
        growing = Table.metadata.tables.keys() - OF_AN_INSTALLATION
        found = set[WholeRead]()
        for plan in re.finditer(r"plan:\n\t?(?=\{)", text):
            if '"Disabled": true' not in text[plan.end() : text.find("\n\t}\n", plan.end())]:
                continue
            # What goes on in a new line is indented by the server.
            explained, _ = json.JSONDecoder(strict=False).raw_decode(text[plan.end() :])
            if " ".join(explained["Query Text"].split()).startswith(ON_PURPOSE):
                continue
            for scan in _scans(explained["Plan"]):
                if scan["Relation Name"] in growing:
                    found.add(
                        WholeRead(scan["Relation Name"], scan["Filter"], " ".join(explained["Query Text"].split()))
                    )
        return found


def _scans(plan: dict[str, Any], *, is_subplan: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the scans of whole tables for which there is no other way."""
    if plan["Node Type"] == "Seq Scan" and plan["Disabled"]:
        plan["Filter"] = re.sub(r"'[^']*'|\$?\b\d+", "?", plan.get("Filter", ""))
        # Of a subplan that names nothing outside of it, PostgreSQL has two forms, and hashes the whole table while that is small.
        if not is_subplan or "." in plan["Filter"]:
            yield plan
    for part in plan.get("Plans", ()):
        yield from _scans(part, is_subplan=is_subplan or part.get("Parent Relationship") == "SubPlan")


@pytest.fixture(scope="session")
def plans(postgres: tuple[str, Path]) -> PlanLog:
    """The plans of all statements in the worlds that tests share."""
    _, log = postgres
    return PlanLog(log)
