"""The reasons for leaving, and what has become of the cases."""

from fastapi import APIRouter, Request, Response

from domain.permissions import Operation
from records.cancellation.report import ReportRow
from starter.console.callers import Person, Service
from starter.console.charts import Chart, stacked
from starter.console.pages import page

router = APIRouter()

OUTCOMES = ("closed", "running", "reversed", "withdrawn", "abandoned")


@router.get("/reasons")
async def show(request: Request, person: Person, service: Service) -> Response:
    """Return the outcomes by reason and by month."""
    organizations = await service.access.organizations(person, Operation.REPORT_CANCELLATIONS, None)
    report = await service.cancellations.report(organizations=organizations)
    return page(
        request,
        "reasons.html.j2",
        by_reason=report.reasons,
        by_month=report.months,
        reasons=_chart([(row.reason_code or "none given", row) for row in report.reasons]),
        months=_chart([(row.month or "", row) for row in report.months]),
        outcomes=OUTCOMES,
    )


def _chart(rows: list[tuple[str, ReportRow]]) -> Chart:
    return stacked([(label, {name: getattr(row, name) for name in OUTCOMES}) for label, row in rows], OUTCOMES)
