"""Cases of an organization that is cancelled as a whole."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.bulk import BulkKind, BulkState, RowState
from domain.messaging import MessageFacts
from domain.vocabulary import Stage
from storage.tables import BulkItemRow, BulkRow, CancellationRow, SubscriptionRow
from tests.activities.messaging.samples import facts

BULK = "bulk-0123456789abcdef"
CASES = ("SUB-1001/1", "SUB-1002/1", "SUB-1003/1")
AT = datetime(2026, 9, 21, 22, 30, tzinfo=UTC)


@pytest.fixture
def whole(engine: Engine) -> Engine:
    """The database after a bulk has opened three cases of an organization."""
    with Session(engine) as session, session.begin():
        session.add(
            BulkRow(
                id=BULK,
                kind=BulkKind.ORGANIZATION.value,
                organization="ORG-1",
                source="ORG-1",
                state=BulkState.PLANNING.value,
                total=3,
                at_once=5,
                per_minute=120,
                reason="all of it",
                planned_by="planner-1",
                planned_at=AT,
                judged_at=AT,
                digest="0" * 64,
                ready=3,
                confirmed_by="lead-2",
                confirmed_at=AT,
                confirmed_because="looked at",
            )
        )
        session.flush()  # its rows come with its plan
        for number, case in enumerate(CASES, start=1):
            add_case(session, case)
            session.add(
                BulkItemRow(
                    bulk=BULK,
                    number=number,
                    subscription=subscription_of(case),
                    organization="ORG-1",
                    state=RowState.STARTED.value,
                    digest="0" * 64,
                    quote={},
                    cancellation=case,
                )
            )
        session.flush()
        session.get_one(BulkRow, BULK).state = BulkState.RUNNING.value
    return engine


def subscription_of(case: str) -> str:
    return case.partition("/")[0]


def add_case(session: Session, case: str) -> None:
    subscription = subscription_of(case)
    if session.get(SubscriptionRow, subscription) is None:
        session.add(SubscriptionRow(id=subscription, organization="ORG-1", description=""))
        session.flush()
    if session.get(CancellationRow, case) is None:
        session.add(
            CancellationRow(
                id=case,
                subscription=subscription,
                ordinal=1,
                request_id=f"request-of-{case}",
                workflow_id=f"cancellation:{subscription}",
                opened_by="lead-2",
                stage="intake",
                received_at=AT,
                received_on=date(2026, 9, 22),
            )
        )
        session.flush()


def about(case: str, stage: Stage = Stage.INTAKE, **changed: object) -> MessageFacts:
    subscription = subscription_of(case)
    return facts(
        stage, cancellation=case, subscription=subscription, description=f"Seats & <{subscription}>", **changed
    )
