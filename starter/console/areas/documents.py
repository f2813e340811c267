"""Documents: master data and the billing feed."""

from domain.permissions import Operation
from starter.console.actions import documents as actions
from starter.console.areas.area import Area, Look, View
from starter.web.refusals import NothingThere

_OPERATIONS = (Operation.IMPORT, Operation.REPORT_BILLING)


async def view(look: Look) -> View:
    """Return the forms that take documents."""
    if look.about:
        raise NothingThere
    await look.permit_any(*_OPERATIONS)
    return View(
        "Documents",
        "Master data and billing, as files or as pasted text. A document that is sent twice changes nothing the second time.",
        [],
        list(actions.offers()),
    )


AREA = Area("/documents", "Documents", _OPERATIONS, view)
