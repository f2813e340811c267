"""The addresses of pages that others link to."""

from urllib.parse import quote

from domain.cases import CaseKind, CaseRef

MARKETING = "/marketing"


def case_path(case: str) -> str:
    """Return the address of the page of a case; that of a marketing service is its organization's."""
    try:
        ref = CaseRef.parse(case)
    except ValueError:
        ref = None
    if ref is not None and ref.kind is CaseKind.MARKETING_SERVICE:
        return f"{MARKETING}?organization={quote(ref.subject)}"
    return f"/cases/{quote(case, safe='/')}"
