"""The actions on the organizations' own data."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field as Bound

from domain.permissions import Operation, SubjectKind
from starter.console.actions.action import Action, Asked, Offer
from starter.console.content import Facts, Shown, code, number, plain
from starter.console.forms import REASON, Field
from starter.service.tenants import TenantCodeFound

_O = Operation
_Rows = Annotated[int, Bound(ge=1, le=10_000_000)]
_Seed = Annotated[int, Bound(ge=0, le=2**31 - 1)]


def offers(organization: str, code_found: TenantCodeFound | None) -> Iterator[Offer]:
    """Yield what can be done about an organization's schema; ``code_found`` is None where it could not be read."""
    if code_found is not None and not code_found.reviewed:
        digest = Field("digest", "", "hidden", value=code_found.digest)
        note = "You have read the code below, and it may run from now on."
        yield Offer(
            _O.REVIEW_TENANT_CODE, "Review its code", "It may run", [digest, REASON], subject=organization, note=note
        )
    note = "Makes its login, or sets the password anew after a change of the secret."
    yield Offer(_O.PREPARE_TENANT, "Prepare its schema", "Prepare", subject=organization, note=note)
    sample = [
        Field("rows", "Rows of the largest table", "number", value="1000"),
        Field("seed", "Seed", "number", value="1", help="The same one makes the same data."),
    ]
    note = "A schema that has been filled before stays as it is."
    yield Offer(_O.SAMPLE_TENANT, "Fill it with sample data", "Fill", sample, subject=organization, note=note)


async def _prepare(asked: Asked) -> Shown:
    organization = asked.subject
    await asked.service.access.claim(_O.PREPARE_TENANT, **asked.once, organization=organization)
    made = await asked.service.tenants.prepare(organization)
    rows = [("Schema", plain(made.name)), ("Login", code(made.login)), ("Owners", plain(", ".join(made.owners)))]
    return Shown("The schema is prepared", [Facts(rows)])


async def _review(asked: Asked) -> None:
    organization, digest, reason = asked.subject, asked.given.text("digest"), asked.given.text("reason")
    await asked.service.access.claim(
        _O.REVIEW_TENANT_CODE, **asked.once, organization=organization, digest=digest, reason=reason
    )
    await asked.service.tenants.review(organization, digest, actor=asked.actor, reason=reason)


async def _sample(asked: Asked) -> Shown:
    organization, given = asked.subject, asked.given
    rows, seed = given.valid("rows", _Rows, given.number("rows")), given.valid("seed", _Seed, given.number("seed"))
    await asked.service.access.claim(_O.SAMPLE_TENANT, **asked.once, organization=organization, rows=rows, seed=seed)
    made = await asked.service.tenants.sample(organization, rows=rows, seed=seed)
    title = "The schema is filled" if made.created else "It was filled before, and is as it was"
    facts = [("Schema", plain(made.name)), ("Rows of its largest table", number(made.rows)), ("Seed", plain(made.seed))]
    return Shown(title, [Facts(facts)])


ACTIONS = [
    Action(_O.PREPARE_TENANT, SubjectKind.ORGANIZATION, _prepare, shows=True),
    Action(_O.REVIEW_TENANT_CODE, SubjectKind.ORGANIZATION, _review),
    Action(_O.SAMPLE_TENANT, SubjectKind.ORGANIZATION, _sample, shows=True),
]
