"""The addresses of pages that others link to."""

from urllib.parse import quote


def case_path(case: str) -> str:
    """Return the address of a case's page."""
    return f"/cases/{quote(case, safe='/')}"
