"""The report on cancellations: their outcomes and their days at each stage, by month and reason for leaving.

A case counts in the month of its receipt, in its own zone, whatever happens to it later: so the outcomes of a month add up to
its starts, and a month changes until the last of its cases has ended. The days come from the audit trail's transitions.
"""

from calendar import monthrange
from collections.abc import Collection
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import CTE, Integer, Numeric, cast, extract, func, select, tuple_
from sqlalchemy.orm import Session

from domain.vocabulary import FINAL_STAGES, Stage
from storage.tables import IS_WHOLE, AuditRow, CancellationRow, SubscriptionRow

STAGES_LEFT = tuple(stage for stage in Stage if stage not in FINAL_STAGES)
"""The stages in which a case stays for a while."""

_MOVES = ["cancellation.opened", *(f"cancellation.{stage.value}" for stage in Stage)]
"""The actions of the audit trail that bring a case into a stage."""

_SECONDS_OF_DAY = 86_400


class StageDays(BaseModel):
    """The days that cases stayed at a stage, of 24 hours, those that have left it alone."""

    model_config = ConfigDict(frozen=True)

    cases: int
    mean: float
    median: float


class ReportRow(BaseModel):
    """The cases received in a month, or in all, with a reason, or with any."""

    model_config = ConfigDict(frozen=True)

    month: str | None = None
    """As in 2026-11; null for all months."""
    reason_code: str | None = None
    """Null for the cases without one, and in sums over all reasons."""
    started: int = 0
    running: int = 0
    reversed: int = 0
    withdrawn: int = 0
    abandoned: int = 0
    closed: int = 0
    days: dict[Stage, StageDays] = {}
    """By stage; none for a stage that no case has left."""


class CancellationReport(BaseModel):
    """The outcomes of the cancellations received in a range of months."""

    model_config = ConfigDict(frozen=True)

    first_month: str | None
    last_month: str | None
    organization: str | None
    rows: tuple[ReportRow, ...]
    """One for each month and reason that has cases, in that order; those without a reason last in their month."""
    months: tuple[ReportRow, ...]
    """The sums of each month."""
    reasons: tuple[ReportRow, ...]
    """The sums of each reason."""
    total: ReportRow


def report(
    session: Session,
    *,
    first: date | None = None,
    last: date | None = None,
    organization: str | None = None,
    organizations: Collection[str] | None = None,
) -> CancellationReport:
    """Return the report on the cancellations received from the month of ``first`` to that of ``last``; open, if not set."""
    chosen = _chosen(first, last, organization, organizations)
    days: dict[tuple[Any, ...], dict[Stage, StageDays]] = {}
    for is_sum, month, reason, stage, cases, mean, median in session.execute(_days(chosen)):
        stay = StageDays(cases=cases, mean=round(float(mean), 2), median=round(float(median), 2))
        days.setdefault((is_sum, month, reason), {})[Stage(stage)] = stay
    found: dict[int, list[ReportRow]] = {grouping: [] for grouping in range(4)}
    for row in session.execute(_counts(chosen)).mappings():
        key = (row["is_sum"], row["month"], row["reason_code"])
        counted = {name: value for name, value in row.items() if name != "is_sum"}
        found[row["is_sum"]].append(ReportRow(**counted, days=days.get(key, {})))
    return CancellationReport(
        first_month=_month(first),
        last_month=_month(last),
        organization=organization,
        rows=tuple(found[_BY_BOTH]),
        months=tuple(found[_BY_MONTH]),
        reasons=tuple(found[_BY_REASON]),
        total=found[_TOTAL][0],
    )


_BY_BOTH, _BY_MONTH, _BY_REASON, _TOTAL = range(4)
"""What PostgreSQL's GROUPING says of a row: a bit for each of month and reason over which it is a sum."""


def _chosen(
    first: date | None, last: date | None, organization: str | None, organizations: Collection[str] | None
) -> CTE:
    case = CancellationRow
    month = func.to_char(case.received_on, "YYYY-MM").label("month")
    query = select(case.id, case.stage, month, case.reason_code).where(IS_WHOLE)
    if first is not None:
        query = query.where(case.received_on >= first.replace(day=1))
    if last is not None:
        query = query.where(case.received_on <= last.replace(day=monthrange(last.year, last.month)[1]))
    if organization is not None or organizations is not None:
        query = query.join(SubscriptionRow, SubscriptionRow.id == case.subscription)
    if organization is not None:
        query = query.where(SubscriptionRow.organization == organization)
    if organizations is not None:
        query = query.where(SubscriptionRow.organization.in_(sorted(organizations)))
    return query.cte("chosen")


def _counts(chosen: CTE) -> Any:
    of = chosen.c
    counted = {
        "running": of.stage.not_in([stage.value for stage in FINAL_STAGES]),
        **{stage.value: of.stage == stage.value for stage in Stage if stage in FINAL_STAGES},
    }
    return (
        select(
            func.grouping(of.month, of.reason_code).label("is_sum"),
            of.month,
            of.reason_code,
            func.count().label("started"),
            *(func.count().filter(condition).label(name) for name, condition in counted.items()),
        )
        .group_by(func.grouping_sets(tuple_(of.month, of.reason_code), of.month, of.reason_code, tuple_()))
        .order_by(of.month, of.reason_code.nulls_last())
    )


def _days(chosen: CTE) -> Any:
    """Return the query of the days at each stage. A case that came to a stage twice has one stay there, as long as both."""
    audit = AuditRow
    until = func.lead(audit.at).over(partition_by=audit.cancellation, order_by=audit.id)
    moves = (
        select(
            audit.cancellation,
            audit.after["stage"].astext.label("stage"),
            audit.at.label("since"),
            until.label("until"),
        )
        .where(audit.cancellation.in_(select(chosen.c.id)), audit.action.in_(_MOVES))
        .cte("moves")
    )
    # A request counts from when it was sent, which can be before the transition that it follows was recorded.
    seconds = func.greatest(cast(extract("epoch", moves.c.until - moves.c.since), Numeric), 0)
    stays = (
        select(moves.c.cancellation, moves.c.stage, (func.sum(seconds) / _SECONDS_OF_DAY).label("days"))
        .where(moves.c.until.is_not(None))
        .group_by(moves.c.cancellation, moves.c.stage)
        .cte("stays")
    )
    of, stage = chosen.c, stays.c.stage
    return (
        select(
            func.grouping(of.month, of.reason_code),
            of.month,
            of.reason_code,
            stage,
            cast(func.count(), Integer),
            func.avg(stays.c.days),
            func.percentile_cont(0.5).within_group(stays.c.days),
        )
        .join_from(chosen, stays, stays.c.cancellation == of.id)
        .group_by(
            func.grouping_sets(
                tuple_(of.month, of.reason_code, stage), tuple_(of.month, stage), tuple_(of.reason_code, stage), stage
            )
        )
    )


def _month(day: date | None) -> str | None:
    return None if day is None else f"{day:%Y-%m}"
