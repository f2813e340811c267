"""The records as a whole: reconciliation, the seals of the audit trail, and what is kept about a person."""

from domain.cases import CaseRef
from domain.permissions import Operation
from domain.reconciliation import Finding, Outcome
from starter.console.actions import records as actions
from starter.console.areas.area import Area, Look, View
from starter.console.content import Cell, Facts, Section, Table, Text, code, instant, number, plain, words
from starter.console.paths import case_path
from starter.service.reconciliation import ReconciliationView
from starter.web.refusals import NothingThere


async def reconciliation(look: Look) -> View:
    """Return how far a reconciliation is and what it found, or the form for another one. Raises ReconciliationUnknown."""
    await look.permit(Operation.SHOW_RECONCILIATION)
    offers = list(actions.reconciliation_offers())
    meaning = (
        "Where the records, the workflows and the copies of data do not agree. It runs every hour by itself; one that "
        "is asked for here shows what it has found."
    )
    if not look.about:
        return View("Reconciliation", meaning, [], offers)
    found = await look.service.reconciliation.progress(look.about)
    sections = [Section("report", "Under way" if not found.is_done else "Found", _report(found))]
    return View("Reconciliation", meaning, sections, offers, goes_on=not found.is_done)


def _report(found: ReconciliationView) -> list[Text | Facts | Table]:
    report = found.report
    if report is None:
        return [Text("It looks at every case, workflow and copy. This page shows what it finds as soon as it is done.")]
    facts = Facts(
        [
            ("Changed", plain("nothing: it was to find only" if report.dry_run else "what the records prove")),
            ("Looked at", number(report.looked_at)),
            ("Found", number(report.found)),
            ("Mended", number(report.mended)),
            ("For a person", number(report.found - report.mended, is_bad=True)),
        ]
    )
    rows = [
        (_subject(one), plain(one.words), words(one.outcome, is_bad=one.outcome is Outcome.LEFT))
        for one in report.findings
    ]
    return [facts, Table("Findings", ("About", "Found", "Outcome"), rows, "Everything agrees.")]


def _subject(finding: Finding) -> Cell:
    try:
        CaseRef.parse(finding.subject)
    except ValueError:  # a schedule, a schema, keys of objects
        return plain(finding.subject)
    return Cell(finding.subject, href=case_path(finding.subject))


async def audit(look: Look) -> View:
    """Return the newest head of the chain of seals."""
    if look.about:
        raise NothingThere
    await look.permit(Operation.SHOW_AUDIT_HEAD, Operation.VERIFY_AUDIT)
    head = await look.service.audit.head()
    facts = Facts([("Head", code(head)), ("Sealed", instant(head.sealed_at))]) if head else Text("No seal yet.")
    text = Text(
        "Keep the head somewhere else: with it, a verification proves later that nothing before it was changed."
    )
    return View(
        "Audit trail",
        "The seals on the trail. The entries themselves are on the page of each case.",
        [Section("head", "Newest head", [facts, text])],
        list(actions.audit_offers()),
    )


async def persons(look: Look) -> View:
    """Return the form that finds what is kept about a person."""
    if look.about:
        raise NothingThere
    await look.permit(Operation.FIND_PERSON)
    return View(
        "Personal data",
        "What is kept about a person, where and until when. It is shown once: the person is named in no address of a page.",
        [],
        list(actions.person_offers()),
    )


AREAS = (
    Area(actions.RECONCILIATION, "Reconciliation", (Operation.SHOW_RECONCILIATION,), reconciliation),
    Area("/audit", "Audit trail", (Operation.SHOW_AUDIT_HEAD,), audit),
    Area("/persons", "Personal data", (Operation.FIND_PERSON,), persons),
)
