"""The actions on documents: master data and the billing feed, as a file or as pasted text."""

from collections.abc import Iterator

from domain.permissions import Operation
from records.billing import BillingReport
from records.imports import ImportReport
from starter.console.actions.action import BESIDE_DOCUMENT, Action, Asked, Offer
from starter.console.content import Block, Cell, Facts, Shown, Table, Text, day, number, plain
from starter.console.forms import Field
from starter.web.documents import DOCUMENTS, LARGEST_DOCUMENT, MOST_VALUES, TooManyValues, values_of

_O = Operation
MOST_SHOWN = 500
"""The number of entries of a billing document whose results a page shows, those that were refused first."""
_FIELDS = (
    Field("document", "File", "file", required=False, help=f"JSON, at most {LARGEST_DOCUMENT >> 20} MiB."),
    Field("document_text", "Or its text", "textarea", required=False, is_long=True),
)


def offers() -> Iterator[Offer]:
    """Yield what can be done with documents."""
    note = "Organizations, contracts, subscriptions and lines: all of it or, if anything is wrong, nothing."
    yield Offer(_O.IMPORT, "Import master data", "Import", _FIELDS, note=note)
    note = "What an invoice run has posted, each line for itself."
    yield Offer(_O.REPORT_BILLING, "Report billing", "Report", _FIELDS, note=note)


async def _import(asked: Asked) -> Shown:
    content, name = await _document(asked)
    return _imported(name, await asked.service.imports.load(content, source=name, **asked.once))


async def _report_billing(asked: Asked) -> Shown:
    content, name = await _document(asked)
    return _reported(await asked.service.billing.load(content, document=name, **asked.once))


async def _document(asked: Asked) -> tuple[bytes, str]:
    content, name = await asked.given.document("document")
    if values_of(content) > MOST_VALUES:
        raise TooManyValues
    return content, name


def _imported(name: str, report: ImportReport) -> Shown:
    counted = [*report.kinds.items(), ("in total", report.total)]
    table = Table(
        "Entries by kind",
        ("Kind", "Created", "Changed", "Unchanged"),
        [
            (plain(kind.replace("_", " ")), number(counts.created), number(counts.changed), number(counts.unchanged))
            for kind, counts in counted
        ],
        "The document has no entry.",
        numbers=("Created", "Changed", "Unchanged"),
    )
    return Shown(f"Imported: {name}", [table])


def _reported(report: BillingReport) -> Shown:
    totals = Facts(
        [
            ("Source", plain(f"{report.source}, sequence {report.sequence:,}")),
            ("Taken", number(report.taken)),
            ("Unchanged", number(report.unchanged)),
            ("Outdated", number(report.outdated)),
            ("Refused", number(report.refused, is_bad=True)),
        ]
    )
    lines = sorted(report.lines, key=lambda line: line.result != "refused")[:MOST_SHOWN]
    rows: list[tuple[Cell, ...]] = []
    for line in lines:
        what = "; ".join(f"{one.path}: {one.message} {one.way_out}".strip() for one in line.problems)
        if not what:
            what = ", ".join((*line.posted, *(f"credited {invoice}" for invoice in line.credited)))
        result = plain(line.result, is_bad=line.result == "refused")
        rows.append((plain(line.path), plain(line.line), result, day(line.next_billing_date), plain(what)))
    columns = ("Entry", "Line", "Result", "Next billing date", "What")
    blocks: list[Block] = [totals, Table("Results of the entries", columns, rows, "The document has no entry.")]
    left = len(report.lines) - len(lines) + report.not_shown
    return Shown("The billing document", [*blocks, *([Text(f"{left:,} more entries are not shown.")] if left else [])])


ACTIONS = [
    Action(_O.IMPORT, None, _import, largest=LARGEST_DOCUMENT + BESIDE_DOCUMENT, turns=DOCUMENTS, shows=True),
    Action(
        _O.REPORT_BILLING,
        None,
        _report_billing,
        largest=LARGEST_DOCUMENT + BESIDE_DOCUMENT,
        turns=DOCUMENTS,
        shows=True,
    ),
]
