"""The limits across cases."""

from domain.limits import LIMIT_WINDOW
from domain.permissions import Operation
from starter.console.actions import limits as actions
from starter.console.areas.area import Area, Look, View
from starter.console.content import Section, Table, number, plain, words
from starter.web.refusals import NothingThere


async def view(look: Look) -> View:
    """Return every limit."""
    if look.about:
        raise NothingThere
    await look.permit(Operation.LIST_LIMITS)
    limits = await look.service.limits.list()
    hours = LIMIT_WINDOW.total_seconds() / 3600
    rows = [
        (words(one.limited), words(one.scope), number(one.number) if one.number is not None else plain("unlimited"))
        for one in limits
    ]
    at_most = f"At most within {hours:.0f} hours"
    table = Table("Limits", ("Limited", "For one", at_most), rows, "There is no limit.", numbers=(at_most,))
    return View(
        "Limits",
        "How much of it there may be for one address, organization or caller.",
        [Section("limits", "Limits", [table])],
        list(actions.offers()),
    )


AREA = Area("/limits", "Limits", (Operation.LIST_LIMITS,), view)
