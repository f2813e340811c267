"""Every area of the console, in the order of its navigation."""

from collections.abc import Sequence

from domain.principals import Principal
from starter.console.areas import bulks, documents, limits, records, tenants, webhooks
from starter.console.areas.area import Area
from starter.service import Offramp

OF_INSTALLATION: Sequence[Area] = (
    webhooks.AREA,
    limits.AREA,
    documents.AREA,
    *records.AREAS,
    tenants.AREA,
)
"""Those about the installation as a whole."""
AREAS: Sequence[Area] = (bulks.AREA, *OF_INSTALLATION)
"""All of them."""


def area_at(path: str) -> tuple[Area, str] | None:
    """Return the area of an address, and which of its things the address names; None for an address of no area."""
    for area in AREAS:
        if path == area.path:
            return area, ""
        if path.startswith(f"{area.path}/"):
            return area, path.removeprefix(f"{area.path}/")
    return None


def areas_for(person: Principal, service: Offramp) -> Sequence[Area]:
    """Return the areas of the installation that a person has something to see in, or to do."""
    return [area for area in OF_INSTALLATION if area.is_for(person, service)]
