"""The worklists."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from domain.cancellation.waiting import IN_WORDS, Awaited
from domain.permissions import Operation
from records.cancellation.case_list import CaseSummary
from starter.console.callers import Person, Service
from starter.console.case_view import DaysLeft, days_left
from starter.console.pages import page
from starter.console.worklists import worklist, worklists_of
from starter.web.refusals import NothingThere

router = APIRouter()

PAGE = 50


@router.get("/")
@router.get("/worklists")
async def first(person: Person) -> Response:
    """Lead to what somebody works on first."""
    return RedirectResponse(f"/worklists/{worklists_of(person.roles)[0].name}", status_code=303)


@router.get("/worklists/{name}")
async def show(
    name: str,
    request: Request,
    person: Person,
    service: Service,
    text: Annotated[str, Query(max_length=200)] = "",
    organization: Annotated[str, Query(max_length=63)] = "",
    after: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """Return a page of a worklist, the last received first."""
    found = worklist(name)
    if found is None:
        raise NothingThere
    organizations = await service.access.organizations(
        person, Operation.LIST_CANCELLATIONS, organization.strip() or None
    )
    now = datetime.now(UTC)
    cases = await service.cancellations.list(
        organizations=organizations, text=text.strip() or None, after=after, limit=PAGE, counted=False,
        **found.filters(now),
    )  # fmt: skip
    kept = {"text": text, "organization": organization}
    more = urlencode({name: value for name, value in kept.items() if value} | {"after": cases.next or ""})
    migrations = {}
    if found.waits_for is Awaited.MIGRATION:
        of_migrations = await service.access.organizations(
            person, Operation.LIST_MIGRATIONS, organization.strip() or None
        )
        shown = [case.cancellation for case in cases.cancellations]
        listed = await service.migrations.list(cancellations=shown, organizations=of_migrations, limit=PAGE)
        migrations = {migration.cancellation: migration for migration in listed}
    return page(
        request,
        "worklist.html.j2",
        list=found,
        cases=cases.cancellations,
        migrations=migrations,
        left={case.cancellation: _left(case, now) for case in cases.cancellations},
        words=IN_WORDS,
        text=text,
        organization=organization,
        next=f"?{more}" if cases.next else None,
        is_first=after is None,
        events="/events",
    )


def _left(case: CaseSummary, now: datetime) -> DaysLeft | None:
    if case.stage_deadline is None or case.stage.is_final:
        return None
    return days_left(case.stage_deadline - now, max(case.stage_deadline - case.received_at, case.stage_deadline - now))
