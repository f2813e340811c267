"""The version of a case's wishes: what a correction was decided upon, by a name that changes with it."""

import hashlib
import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.cancellation.corrections import CaseChangedSince
from storage.tables import CancellationRow, ChecklistAnswerRow


def version_of(session: Session, row: CancellationRow) -> str:
    """Return the name of what may be corrected in a case, and of what decides whether it may be.

    It differs as soon as another answer, way to stop a campaign, goodwill or approval is recorded, or another stage.
    """
    answers = select(ChecklistAnswerRow.question, ChecklistAnswerRow.answer, ChecklistAnswerRow.answered_at).where(
        ChecklistAnswerRow.cancellation == row.id
    )
    goodwill = (row.goodwill_reason, row.goodwill_askers, row.goodwill_approved_by)
    wishes = [
        *(row.id, row.stage, row.corrections, row.restarts, row.campaign_actions, *goodwill),
        sorted((question, answer, at.isoformat()) for question, answer, at in session.execute(answers)),
    ]
    return hashlib.sha256(json.dumps(wishes, sort_keys=True).encode()).hexdigest()[:20]


def refuse_other_version(session: Session, row: CancellationRow, expected: str | None) -> None:
    """Refuse a correction of something else than its author has seen. Raises CaseChangedSince."""
    if expected is not None and expected != (now := version_of(session, row)):
        raise CaseChangedSince(row.id, expected, now)
