"""Campaigns and their activities, the requests to the ad centre to stop them, and its acknowledgements.

Every change locks the marketing service's row first (`lock_service`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute, Session

from domain.cancellation.checklist import Checklist
from domain.cases import CaseRef
from domain.marketing import (
    CampaignAction,
    CampaignActionWithoutStop,
    CampaignDeleted,
    CampaignFacts,
    CampaignUnknown,
)
from domain.vocabulary import CampaignChoice
from records.transaction import Transaction
from storage.tables import CASE_TABLES, CampaignActivityRow, CampaignRow, CampaignStopRow, MarketingServiceRow


def lock_service(transaction: Transaction, organization: str) -> MarketingServiceRow | None:
    """Return an organization's marketing service, locked with its campaigns until the transaction ends.

    A concurrent import of campaigns or activities has either finished by then, or waits and finds them stopped.
    """
    session = transaction.session
    service = session.scalar(
        select(MarketingServiceRow)
        .where(MarketingServiceRow.organization == organization)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    of_service = CampaignRow.organization == organization
    session.execute(select(CampaignRow.id).where(of_service).order_by(CampaignRow.id).with_for_update())
    return service


def check_actions(
    session: Session, organization: str, actions: Mapping[str, CampaignAction], checklist: Checklist
) -> None:
    """Raise unless every action is for a campaign that can be stopped, and campaigns are to be stopped.

    Raises:
        CampaignActionWithoutStop, CampaignUnknown, CampaignDeleted.

    """
    if actions and checklist.campaigns is not CampaignChoice.STOP:
        raise CampaignActionWithoutStop(checklist.campaigns)
    check_campaigns(session, organization, actions)


def check_campaigns(session: Session, organization: str, actions: Mapping[str, CampaignAction]) -> None:
    """Raise unless every action is for a campaign of the organization that is not deleted.

    Raises:
        CampaignUnknown, CampaignDeleted.

    """
    if not actions:
        return
    activities = func.count(CampaignActivityRow.id)
    left = activities.filter(CampaignActivityRow.state != "deleted")
    deleted = {
        row.id: row.deleted
        for row in session.execute(
            select(CampaignRow.id, ((activities > 0) & (left == 0)).label("deleted"))
            .outerjoin(CampaignActivityRow, CampaignActivityRow.campaign == CampaignRow.id)
            .where(CampaignRow.organization == organization, CampaignRow.id.in_(list(actions)))
            .group_by(CampaignRow.id)
        )
    }
    for campaign in sorted(actions):
        if campaign not in deleted:
            raise CampaignUnknown(campaign)
        if deleted[campaign]:
            raise CampaignDeleted(campaign)


def current_campaigns(
    session: Session, organization: str, actions: Mapping[str, CampaignAction]
) -> tuple[CampaignFacts, ...]:
    """Return the campaigns of an organization with the activities that stopping them would change, by id.

    A campaign for which no action is given is paused.
    """
    rows = session.execute(
        select(CampaignRow.id, CampaignRow.name, CampaignActivityRow.id.label("activity"), CampaignActivityRow.state)
        .join(CampaignActivityRow, CampaignActivityRow.campaign == CampaignRow.id)
        .where(CampaignRow.organization == organization)
        .order_by(CampaignRow.id, CampaignActivityRow.id)
    ).all()
    found: dict[str, CampaignFacts] = {}
    for row in rows:
        action = CampaignAction(actions.get(row.id, CampaignAction.PAUSE))
        if row.state in action.stops:
            known = found.get(row.id) or CampaignFacts(id=row.id, name=row.name, action=action, activities=())
            found[row.id] = known.model_copy(update={"activities": (*known.activities, row.activity)})
    return tuple(found.values())


def order_stops(transaction: Transaction, case: str, campaigns: Sequence[CampaignFacts], at: datetime) -> None:
    """Record that this case asks the ad centre to stop these campaigns; their activities are stopping from now on."""
    session, column = transaction.session, _stop_column(case)
    for campaign in campaigns:
        stop = CampaignStopRow(
            id=f"{case}/{campaign.id}",
            campaign=campaign.id,
            action=campaign.action.value,
            requested_at=at,
            **{column.key: case},
        )
        session.add(stop)
        session.flush()
        session.execute(
            update(CampaignActivityRow)
            .where(CampaignActivityRow.id.in_(campaign.activities))
            .values(state="stopping", stop=stop.id)
        )
        session.execute(update(CampaignRow).where(CampaignRow.id == campaign.id).values(stopped_at=at))


def stops_of(session: Session, case: str) -> tuple[CampaignFacts, ...]:
    """Return the campaigns that a case asked the ad centre to stop, by id."""
    activities = func.array_agg(aggregate_order_by(CampaignActivityRow.id, CampaignActivityRow.id))
    rows = session.execute(
        select(CampaignStopRow, CampaignRow.name, activities.label("activities"))
        .join(CampaignRow, CampaignRow.id == CampaignStopRow.campaign)
        .join(CampaignActivityRow, CampaignActivityRow.stop == CampaignStopRow.id)
        .where(asked_by(case))
        .group_by(CampaignStopRow.id, CampaignRow.name)
        .order_by(CampaignStopRow.campaign)
    )
    return tuple(
        CampaignFacts(
            id=stop.campaign,
            name=name,
            action=CampaignAction(stop.action),
            activities=tuple(ids),
            acknowledged=stop.acknowledged_at is not None,
        )
        for stop, name, ids in rows
    )


def open_stop(session: Session, campaign: str) -> CampaignStopRow | None:
    """Return the last request to the ad centre about a campaign, acknowledged or not."""
    return session.scalar(
        select(CampaignStopRow)
        .where(CampaignStopRow.campaign == campaign)
        .order_by(CampaignStopRow.acknowledged_at.is_(None).desc(), CampaignStopRow.requested_at.desc())
        .limit(1)
    )


def mark_stopped(transaction: Transaction, stop: CampaignStopRow, *, by: str, at: datetime) -> None:
    """Record that the ad centre has stopped a campaign."""
    stop.acknowledged_at, stop.acknowledged_by = at, by
    session = transaction.session
    session.execute(
        update(CampaignActivityRow)
        .where(CampaignActivityRow.stop == stop.id, CampaignActivityRow.state == "stopping")
        .values(state=CampaignAction(stop.action).done)
    )
    session.flush()


def case_of(stop: CampaignStopRow) -> str:
    """Return the id of the case that requested a stop."""
    asking: list[str | None] = [getattr(stop, tables.stop.key) for tables in CASE_TABLES.values()]
    return next(case for case in asking if case is not None)


def asked_by(case: str) -> ColumnElement[bool]:
    """Return the condition that a stop was requested by a case."""
    return _stop_column(case) == case


def _stop_column(case: str) -> InstrumentedAttribute[str | None]:
    """Return the column that names a case of this kind."""
    return CASE_TABLES[CaseRef.parse(case).kind].stop
