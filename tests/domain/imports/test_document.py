"""The import format is one with the rest of the service, and with its documentation."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from domain.imports import document
from domain.imports.reading import SECTIONS
from domain.lines.line import SubscriptionLine

DOCUMENTATION = (Path(__file__).parents[3] / "docs" / "import-format.md").read_text(encoding="utf-8")


def test_a_line_has_the_field_names_of_every_other_surface() -> None:
    own = {"contract_line", "planned_lines"}
    assert set(document.ImportedLine.model_fields) - own == set(SubscriptionLine.model_fields) - {"frozen"}


@pytest.mark.parametrize(
    "model",
    [
        document.ImportedPolicy,
        document.ImportedOrganization,
        document.ImportedMarketingService,
        document.ImportedCampaign,
        document.ImportedActivity,
        document.ImportedContract,
        document.ImportedSubscription,
        document.ImportedLine,
        document.ImportedPlannedLine,
        document.ImportedInvoice,
    ],
)
def test_every_field_is_documented(model: type[BaseModel]) -> None:
    tables = re.findall(r"`(\w+)`", "\n".join(row for row in DOCUMENTATION.splitlines() if row.startswith("|")))
    assert set(model.model_fields) <= set(tables)


def test_every_section_is_documented() -> None:
    assert all(re.search(rf"^## `{section}`", DOCUMENTATION, re.MULTILINE) for section in SECTIONS)
