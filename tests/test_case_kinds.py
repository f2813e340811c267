"""A kind of case is one member of `CaseKind` and one entry in the table of each layer; nothing else distinguishes kinds."""

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

from activities.messaging.case_mail import CASE_MAIL
from activities.reconciliation.case_workflows import TYPES
from contract import STATUS_FORMS
from domain.cases import SEGMENTS, CaseKind
from domain.messaging import FACTS
from records.cases import CASE_RECORDS
from starter.cli.remedies import CASE_COMMANDS
from starter.console.case_view import WORKFLOW_IDS
from storage.tables import CASE_TABLES

ROOT = Path(__file__).parents[1]
LAYERS = ("domain", "contract", "storage", "records", "activities", "workflows", "starter", "runtime")
TABLES: dict[str, Mapping[CaseKind, object]] = {
    "domain.cases": SEGMENTS,
    "domain.messaging": FACTS,
    "contract.cases": STATUS_FORMS,
    "storage.tables.cases": CASE_TABLES,
    "records.cases": CASE_RECORDS,
    "activities.messaging.case_mail": CASE_MAIL,
    "activities.reconciliation.case_workflows": TYPES,
    "starter.cli.remedies": CASE_COMMANDS,
    "starter.console.case_view": WORKFLOW_IDS,
}


@pytest.mark.parametrize("table", TABLES)
def test_every_kind_has_an_entry(table: str) -> None:
    assert set(TABLES[table]) == set(CaseKind)


@pytest.mark.parametrize("table", [FACTS, STATUS_FORMS], ids=["facts", "status"])
def test_every_kind_has_a_form_of_its_own(table: Mapping[CaseKind, type]) -> None:
    assert len(set(table.values())) == len(CaseKind)


def test_every_table_by_kind_is_tested_here() -> None:
    tables = {
        ".".join(source.relative_to(ROOT).with_suffix("").parts)
        for source in _sources()
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Dict) and any(key is not None and _is_kind(key) for key in node.keys)
    }
    assert tables == set(TABLES)


def test_nothing_counts_the_slashes_of_an_id() -> None:
    """`CaseRef.parse` is the one reader of ids of cases."""
    assert [str(source) for source in _sources() if '.count("/")' in source.read_text(encoding="utf-8")] == []


def _sources() -> list[Path]:
    return sorted(source for layer in LAYERS for source in (ROOT / layer).rglob("*.py"))


def _is_kind(key: ast.expr) -> bool:
    return isinstance(key, ast.Attribute) and isinstance(key.value, ast.Name) and key.value.id == CaseKind.__name__
