"""Documents: master data and the billing feed."""

from domain.permissions import Operation
from starter.console.actions import documents as actions
from starter.console.areas.area import Area, Look, View
from starter.console.content import Section, Text
from starter.web.refusals import NothingThere

_OPERATIONS = (Operation.IMPORT, Operation.REPORT_BILLING)


async def view(look: Look) -> View:
    """Return the forms that take documents."""
    if look.about:
        raise NothingThere
    await look.permit_any(*_OPERATIONS)
    text = Text("A document that is sent twice changes nothing the second time. Its name is in the audit trail.")
    return View(
        "Documents",
        "Master data and billing, as files or as pasted text, with a result for each entry.",
        [Section("about", "How", [text])],
        list(actions.offers()),
    )


AREA = Area("/documents", "Documents", _OPERATIONS, view)
