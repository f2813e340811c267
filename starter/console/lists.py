"""The worklists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from domain.cancellation.waiting import IN_WORDS, Awaited
from domain.permissions import Operation
from domain.principals import Principal
from domain.vocabulary import CaseId
from records.cancellation.case_list import CasePage, CaseSummary
from records.migration.lists import MigrationSummary
from starter.console.callers import Person, Service
from starter.console.case_view import DaysLeft, days_left
from starter.console.pages import page, rendered
from starter.console.worklists import Worklist, worklist, worklists_of
from starter.service import Offramp
from starter.web.refusals import NothingThere

router = APIRouter()

PAGE = 50


@dataclass(frozen=True)
class Wanted:
    """A worklist, as it is narrowed down."""

    list: Worklist
    text: str
    organization: str

    @property
    def kept(self) -> dict[str, str]:
        """What the address of another page of it has, too."""
        return {name: value for name in ("text", "organization") if (value := getattr(self, name))}


async def wanted(
    name: str,
    text: Annotated[str, Query(max_length=200)] = "",
    organization: Annotated[str, Query(max_length=63)] = "",
) -> Wanted:
    """Return what is asked for. Raises NothingThere."""
    found = worklist(name)
    if found is None:
        raise NothingThere
    return Wanted(found, text, organization)


Asked = Annotated[Wanted, Depends(wanted)]


@router.get("/")
@router.get("/worklists")
async def first(person: Person) -> Response:
    """Lead to what somebody works on first."""
    return RedirectResponse(f"/worklists/{worklists_of(person.roles)[0].name}", status_code=303)


@router.get("/worklists/{name}")
async def show(
    asked: Asked,
    request: Request,
    person: Person,
    service: Service,
    after: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """Return a page of a worklist, the last received first."""
    now = datetime.now(UTC)
    cases, migrations = await _cases(asked, person, service, now, after=after)
    more = urlencode({**asked.kept, "after": cases.next or ""})
    return page(
        request,
        "worklist.html.j2",
        list=asked.list,
        cases=cases.cancellations,
        migrations=migrations,
        left={case.cancellation: _left(case, now) for case in cases.cancellations},
        words=IN_WORDS,
        text=asked.text,
        organization=asked.organization,
        next=f"?{more}" if cases.next else None,
        is_first=after is None,
        rows=f"/worklists/{asked.list.name}/rows?{urlencode(asked.kept)}",
        most=PAGE,
        events="/events",
    )


@router.get("/worklists/{name}/rows")
async def rows(
    asked: Asked,
    person: Person,
    service: Service,
    case: Annotated[Sequence[CaseId], Query(min_length=1, max_length=PAGE)],
) -> Response:
    """Return those of some cases that are in a worklist now, each as its row: what has changed, without all the rest."""
    now = datetime.now(UTC)
    cases, migrations = await _cases(asked, person, service, now, cancellations=case)
    found = {
        one.cancellation: rendered(
            "worklist_row.html.j2", "row", one, migrations.get(one.cancellation), _left(one, now), IN_WORDS
        )
        for one in cases.cancellations
    }
    return JSONResponse(found)


async def _cases(
    asked: Wanted, person: Principal, service: Offramp, now: datetime, **which: Any
) -> tuple[CasePage, Mapping[str, MigrationSummary]]:
    """Return cases of a list that a person may see, and the migrations of those that wait for one."""
    organization = asked.organization.strip() or None
    cases = await service.cancellations.list(
        organizations=await service.access.organizations(person, Operation.LIST_CANCELLATIONS, organization),
        text=asked.text.strip() or None,
        limit=PAGE,
        counted=False,
        **which,
        **asked.list.filters(now),
    )
    if asked.list.waits_for is not Awaited.MIGRATION or not cases.cancellations:
        return cases, {}
    listed = await service.migrations.list(
        cancellations=[case.cancellation for case in cases.cancellations],
        organizations=await service.access.organizations(person, Operation.LIST_MIGRATIONS, organization),
        limit=PAGE,
    )
    return cases, {migration.cancellation: migration for migration in listed}


def _left(case: CaseSummary, now: datetime) -> DaysLeft | None:
    if case.stage_deadline is None or case.stage.is_final:
        return None
    return days_left(case.stage_deadline - now, max(case.stage_deadline - case.received_at, case.stage_deadline - now))
