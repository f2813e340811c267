"""The organizations' own data: its schemas, their sizes, and the code that they call."""

from domain.permissions import Operation, SubjectKind
from domain.refusals import Refusal
from domain.words import size_in_words
from starter.console.actions import tenants as actions
from starter.console.areas.area import Area, Look, View
from starter.console.content import Block, Cell, Facts, Listing, NotRead, Section, Table, number, plain
from starter.service.tenants import TenantCodeFound, TenantSchema

PATH = "/data"
_MEANING = "The schemas that organizations have with data of their own."


async def view(look: Look) -> View:
    """Return the schemas, or one of them with its code."""
    if look.about:
        return await _of_organization(look)
    await look.permit(Operation.LIST_TENANTS)
    try:
        schemas = await look.service.tenants.list()
    except Refusal as refusal:
        return View("Organizations' data", _MEANING, [Section("schemas", "Schemas", [NotRead(refusal.details)])])
    columns = ("Organization", "Schema", "State", "Tables", "Rows, about", "Size")
    numbers = ("Tables", "Rows, about", "Size")
    table = Table("Schemas", columns, [_row(one) for one in schemas], "No organization has data.", numbers=numbers)
    return View("Organizations' data", _MEANING, [Section("schemas", "Schemas", [table])])


def _row(schema: TenantSchema) -> tuple[Cell, ...]:
    state = "locked by somebody" if schema.busy else "there" if schema.exists else "not there"
    return (
        Cell(schema.organization, href=f"{PATH}/{schema.organization}"),
        plain(schema.name),
        plain(state, is_bad=schema.busy or not schema.exists),
        number(schema.tables),
        number(schema.estimated_rows),
        Cell(size_in_words(schema.bytes), style="number"),
    )


async def _of_organization(look: Look) -> View:
    organization = look.about
    await look.permit(Operation.SHOW_TENANT_CODE, subject=(SubjectKind.ORGANIZATION, organization))
    found: TenantCodeFound | None = None
    try:
        found = await look.service.tenants.code(organization)
        blocks = _code(found)
    except Refusal as refusal:
        blocks = [NotRead(refusal.details)]
    return View(
        f"Data of {organization}",
        "The code of its own that the schema calls runs only after a person has reviewed it.",
        [Section("code", "Code", blocks)],
        list(actions.offers(organization, found)),
    )


def _code(found: TenantCodeFound) -> list[Block]:
    state = "none" if not found.calls else "reviewed" if found.reviewed else "not reviewed"
    facts = Facts([("Schema", plain(found.name)), ("Code", plain(state, is_bad=not found.reviewed))])
    calls = [Listing(f"Call {place}", call) for place, call in enumerate(found.calls, start=1)]
    return [facts, *calls, *(Listing(f"Function {name}", text) for name, text in found.functions.items())]


AREA = Area(PATH, "Organizations' data", (Operation.LIST_TENANTS,), view, is_there=lambda service: service.has_tenants)
