"""The names of the audit trail that are nobody's identity."""

import pytest

from domain.actors import is_reserved


@pytest.mark.parametrize(
    "name",
    [
        "offramp",
        " Offramp ",
        "RECONCILIATION",
        "nightly  update",
        "operator",
        "IT department, by link",
        "billing administrator, by link",
        "marketing administrator, by link",
        "temporal:ada",
        "Temporal: ada",
    ],
)
def test_what_the_service_and_its_links_are_called_is_nobody_elses_name(name: str) -> None:
    assert is_reserved(name)


@pytest.mark.parametrize("name", ["ada", "offramp-agent-7", "operator-7", "a temporal: b"])
def test_other_names_are_free(name: str) -> None:
    assert not is_reserved(name)
