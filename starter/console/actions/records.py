"""The actions on the records as a whole: reconciliation, the seals of the audit trail, and what is kept about a person."""

from collections.abc import Iterator
from urllib.parse import quote

from domain.permissions import Operation
from domain.vocabulary import EmailAddress
from starter.console.actions.action import Action, Asked, Offer
from starter.console.content import Facts, Shown, Table, code, instant, number, plain, words
from starter.console.forms import Field
from starter.web.long_reads import LONG_READS

_O = Operation
RECONCILIATION = "/reconciliation"


def reconciliation_offers() -> Iterator[Offer]:
    """Yield what can be done about disagreements."""
    dry = Field("dry_run", "Find only, change nothing", "checkbox", required=False)
    note = "It starts again what should be running, removes what should be gone, and names the rest."
    yield Offer(_O.BEGIN_RECONCILIATION, "Reconcile now", "Reconcile", [dry], note=note, is_open=True)


def audit_offers() -> Iterator[Offer]:
    """Yield what can be done about the audit trail."""
    kept = Field("kept", "A head from before", required=False, help="As it was published; it must be in the chain.")
    note = "Every seal is calculated anew, which takes a while."
    yield Offer(_O.VERIFY_AUDIT, "Verify the audit trail", "Verify", [kept], note=note, is_open=True)


def person_offers() -> Iterator[Offer]:
    """Yield what can be done about a person's data."""
    address = Field("address", "Address of the person", "email")
    yield Offer(_O.FIND_PERSON, "Find what is kept about a person", "Find", [address], is_open=True)


async def _reconcile(asked: Asked) -> str:
    dry_run = asked.given.is_set("dry_run")
    # Its name says nothing of what it is to do: a request of another kind is not to be taken for it.
    await asked.service.access.claim(_O.BEGIN_RECONCILIATION, **asked.once, dry_run=dry_run)
    name = await asked.service.reconciliation.begin(dry_run=dry_run, request_id=asked.given.request_id)
    return f"{RECONCILIATION}/{quote(name, safe='')}"


async def _verify(asked: Asked) -> Shown:
    found = await asked.service.audit.verify(asked.given.optional("kept"))
    facts = Facts(
        [
            ("Result", plain("every seal fits" if found.holds else "it was changed", is_bad=not found.holds)),
            ("Seals", number(found.seals)),
            ("Entries under a seal", number(found.entries)),
            ("Not sealed yet", number(found.unsealed)),
            ("Newest head", code(found.newest) if found.newest else plain(None)),
        ]
    )
    broken = [(number(one.seal), plain(one.why, is_bad=True)) for one in found.broken]
    table = Table("Seals that do not fit", ("Seal", "Why"), broken, "Every seal fits.", numbers=("Seal",))
    return Shown("The verification", [facts, *([table] if broken else [])])


async def _find(asked: Asked) -> Shown:
    address = asked.given.valid("address", EmailAddress, asked.given.text("address"))
    kept = await asked.service.privacy.find(address)
    rows = [
        (
            words(one.place),
            plain(one.about),
            number(one.number),
            instant(one.until),
            plain("legal hold" if one.held else None, is_bad=one.held),
        )
        for one in kept
    ]
    columns = ("Place", "About", "Entries", "Removed from", "Held")
    return Shown("What is kept", [Table("What is kept", columns, rows, "Nothing is kept.", numbers=("Entries",))])


ACTIONS = [
    Action(_O.BEGIN_RECONCILIATION, None, _reconcile),
    Action(_O.VERIFY_AUDIT, None, _verify, turns=LONG_READS, shows=True),
    Action(_O.FIND_PERSON, None, _find, turns=LONG_READS, shows=True),
]
