"""The display of a case: details in the Web UI, and search attributes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from domain.civil_dates import day_text
    from domain.civil_time import day_of
    from domain.words import FOR_AGENTS


def publish_changed(current: Mapping[SearchAttributeKey[Any], Any], published: Mapping[str, Any]) -> dict[str, Any]:
    """Write the search attributes that differ from those written last, and return those written now.

    Search attributes cost an event, so nothing is written without a change.
    """
    changed = [
        key.value_unset() if value is None else key.value_set(value)
        for key, value in current.items()
        if published.get(key.name) != value
    ]
    if changed:
        workflow.upsert_search_attributes(changed)
    return {key.name: value for key, value in current.items()}


def as_details(heading: str, rows: Sequence[tuple[str, str]]) -> str:
    """Return rows as a Markdown table; those without a name or a value are left out."""
    table = "\n".join(f"| {name} | {value} |" for name, value in rows if name and value)
    return f"### {heading}\n\n| | |\n|---|---|\n{table}\n"


def with_days_left(deadline: datetime, zone: str) -> str:
    """Return an exclusive deadline in words, with the days until then."""
    days = max(0, (deadline - workflow.now()).days)
    left = f"{days} {'day' if days == 1 else 'days'} left on {day_text(day_of(workflow.now(), zone))}"
    return f"{FOR_AGENTS.deadline(deadline, zone)} ({left})"
