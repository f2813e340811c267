"""What cancellations wait for, as the records know it: `domain.cancellation.waiting.awaited`, for a query of many.

A line that cannot be ended as it is, which holds up the preparation, is known to the workflow of its case alone; here such a
case waits for its lines.
"""

from sqlalchemy import ColumnElement, String, and_, case, exists, func, literal, or_, select

from domain.cancellation.checklist import IDENTITY_CHECKS
from domain.cancellation.waiting import OBSTACLES, STAGES, Awaited
from domain.marketing import Consent
from domain.migration import FINAL_MIGRATION_STAGES
from domain.vocabulary import Stage
from records.cancellation.open_lines import SETTLED_STAGES, has_open_lines
from storage.tables import (
    IS_WHOLE,
    CancellationRow,
    ChecklistAnswerRow,
    ErasureRow,
    ExportRow,
    MigrationRow,
    OrganizationRow,
    SubscriptionRow,
)

_ROW = CancellationRow

_IS_COMPLETE = and_(
    _ROW.verified_by.is_not(None),
    _ROW.termination_date.is_not(None),
    or_(_ROW.subscription_line.is_not(None), and_(_ROW.data.is_not(None), _ROW.campaigns.is_not(None))),
    select(func.count())
    .where(
        ChecklistAnswerRow.cancellation == _ROW.id,
        ChecklistAnswerRow.question.in_([question.value for question in IDENTITY_CHECKS]),
    )
    .correlate(_ROW)
    .scalar_subquery()
    == len(IDENTITY_CHECKS),
)

_OBSTACLES = {
    Awaited.APPROVAL: and_(_ROW.goodwill_reason.is_not(None), _ROW.goodwill_approved_by.is_(None)),
    Awaited.MIGRATION: exists()
    .where(
        MigrationRow.cancellation == _ROW.id, MigrationRow.stage.not_in([one.value for one in FINAL_MIGRATION_STAGES])
    )
    .correlate(_ROW),
    Awaited.EXPORT: exists()
    .where(ExportRow.cancellation == _ROW.id, ExportRow.finished_at.is_(None), ExportRow.erased_at.is_(None))
    .correlate(_ROW),
    Awaited.CONSENT: _ROW.marketing_consent == Consent.ASKED.value,
}

_IS_ERASED = exists().where(ErasureRow.cancellation == _ROW.id, ErasureRow.finished_at.is_not(None)).correlate(_ROW)

_OF_INTAKE = (
    (and_(_ROW.stage == Stage.INTAKE.value, _IS_COMPLETE), Awaited.LINES.value),
    (_ROW.stage == Stage.INTAKE.value, Awaited.CUSTOMER.value),
)
_OF_PREPARATION = (
    *(
        (and_(_ROW.stage == Stage.PREPARING.value, _OBSTACLES[one]), one.value)
        for one in OBSTACLES
        if one in _OBSTACLES
    ),
    (_ROW.stage == Stage.PREPARING.value, Awaited.LINES.value),
)
_OF_SETTLED = (
    (_ROW.stage == Stage.SCHEDULED.value, Awaited.TERMINATION_DAY.value),
    (_ROW.stage == Stage.CANCELED.value, Awaited.REVERSAL_WINDOW.value),
)
_OF_RUNNING = (*_OF_INTAKE, *_OF_PREPARATION, *_OF_SETTLED)
_IS_TO_BE_ERASED = and_(_ROW.stage == Stage.CLOSED.value, IS_WHOLE, ~_IS_ERASED)

NEXT_EVENT = case(
    *_OF_RUNNING,
    (and_(_IS_TO_BE_ERASED, OrganizationRow.data_schema.is_not(None)), Awaited.ERASURE.value),
    else_=literal(None, String),
)
"""The next event of a cancellation, or null; a query with it joins the case's organization."""

BEFORE_DEADLINE = case(*_OF_INTAKE, *_OF_SETTLED, else_=literal(None, String))
"""The same of the cancellations whose stage ends by itself, for which fewer tables are read and none is joined; null for all others."""

AWAITED_BY_DEADLINE = (Awaited.CUSTOMER, Awaited.LINES, Awaited.TERMINATION_DAY, Awaited.REVERSAL_WINDOW)
"""What those can wait for."""

IS_BILLING_OPEN = and_(_ROW.stage.in_([stage.value for stage in SETTLED_STAGES]), has_open_lines())
"""Whether billing has something to do beside it."""


def waits_for(awaited: Awaited) -> ColumnElement[bool]:
    """Return the condition for the cancellations that wait for something, which an index helps with; it needs no organization joined."""
    in_its_stages = _ROW.stage.in_([stage.value for stage in STAGES[awaited]])
    match awaited:
        case Awaited.BILLING:
            return and_(in_its_stages, IS_BILLING_OPEN)
        case Awaited.ERASURE:
            with_data = (
                select(SubscriptionRow.id)
                .join(OrganizationRow, OrganizationRow.id == SubscriptionRow.organization)
                .where(OrganizationRow.data_schema.is_not(None))
            )
            return and_(_IS_TO_BE_ERASED, _ROW.subscription.in_(with_data))
    return and_(in_its_stages, case(*_OF_RUNNING, else_=literal(None, String)) == awaited.value)
