"""The existing rows that a document names."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import ARRAY, ColumnElement, Text, and_, any_, cast, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from domain.billing.ledger import BillingDocument
from domain.imports.reading import ImportDocument
from domain.vocabulary import FINAL_STAGES, Stage
from records.billing.ledgers import as_document
from storage.tables import (
    IS_ERASING,
    IS_WHOLE,
    BillingDocumentRow,
    CampaignActivityRow,
    CampaignRow,
    CancellationRow,
    ContractLineRow,
    ContractRow,
    ErasureRow,
    MarketingServiceRow,
    OrganizationRow,
    PlannedLineRow,
    PolicyRow,
    SubscriptionLineRow,
    SubscriptionRow,
    SupportQueueRow,
    Table,
)

T = TypeVar("T")
Row = dict[str, Any]
Rows = dict[str, Row]

CHUNK = 5_000
"""Rows per statement."""


@dataclass
class Existing:
    """Rows by key, only those that the document names."""

    policies: Rows
    queues: Rows
    organizations: Rows
    owners_of_urls: dict[str, str]
    """Every organization's URL, and below its unique name: an import must not change their owners."""
    owners_of_names: dict[str, str]
    owners_of_schemas: dict[str, str]
    deciding_on_data: dict[str, str]
    """A cancellation that decides on the data, for each organization that has one (see `_deciding_on_data`)."""
    erasing: dict[str, str]
    """The cancellation that has begun to erase an organization's own data, for each that has one."""
    services: Rows
    campaigns: Rows
    activities: Rows
    contracts: Rows
    subscriptions: Rows
    lines: Rows
    places: dict[str, Row]
    """The contract line of each line that has one."""
    numbers: dict[str, dict[int, str]]
    """The line on each contract line number, by contract."""
    planned_lines: Rows
    pending: dict[str, str]
    """The pending planned line of each line that has one."""
    documents: Rows
    running: dict[str, str]
    """The running cancellation of each subscription that has one."""
    running_alone: dict[str, str]
    """The running cancellation of each line that is cancelled alone."""
    ended: dict[str, str] = field(default_factory=dict)
    """The cancellation that ended a subscription for good, for each subscription that one has."""
    ledgers: dict[str, list[BillingDocument]] = field(default_factory=lambda: defaultdict(list))
    """The billing documents of each line whose billing the document changes."""


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Split into lists short enough for one statement."""
    every = list(items)
    for start in range(0, len(every), CHUNK):
        yield every[start : start + CHUNK]


def _is_among(column: ColumnElement[str] | InstrumentedAttribute[Any], values: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition as one parameter: as one for each value, a statement takes longer to write than to carry out."""
    return column == any_(cast(list(values), ARRAY(Text)))


def load(session: Session, document: ImportDocument) -> Existing:
    """Read the existing rows without locking them."""
    organizations = {placed.entry.id: placed.entry for placed in document.organizations}
    services = [o.marketing_service for o in organizations.values() if o.marketing_service is not None]
    campaigns = [campaign for service in services for campaign in service.campaigns]
    referred = defaultdict(set)
    for reference in document.references:
        referred[reference.kind].add(reference.value)
    lines = {placed.entry[1].id for placed in document.lines} | referred["line"]
    subscriptions = {placed.entry[0] for placed in document.lines} | {p.entry.id for p in document.subscriptions}
    contracts = {placed.entry.number for placed in document.contracts} | referred["contract"]
    contracts |= {placed.entry[1].contract for placed in document.lines if placed.entry[1].contract is not None}
    planned = {planned.id for placed in document.lines for planned in placed.entry[1].planned_lines}
    existing_subscriptions = _rows(session, SubscriptionRow, "id", subscriptions)
    owners = {row["organization"] for row in existing_subscriptions.values()}
    # All of them, as what is the same may be spelled differently; a document without organizations cannot take anything from one.
    columns = (OrganizationRow.id, OrganizationRow.url, OrganizationRow.unique_name, OrganizationRow.data_schema)
    identities = session.execute(select(*columns)).all() if document.organizations else ()
    existing = Existing(
        policies=_rows(session, PolicyRow, "name", {p.entry[0] for p in document.policies} | referred["policy"]),
        queues=_rows(session, SupportQueueRow, "name", {placed.entry.name for placed in document.queues}),
        organizations=_rows(session, OrganizationRow, "id", {*organizations, *owners} | referred["organization"]),
        owners_of_urls={row.url: row.id for row in identities},
        owners_of_names={row.unique_name: row.id for row in identities},
        owners_of_schemas={row.data_schema: row.id for row in identities if row.data_schema is not None},
        deciding_on_data=_deciding_on_data(session, organizations),
        erasing=_erasing(session, {placed.entry.organization for placed in document.subscriptions}),
        services=_rows(session, MarketingServiceRow, "organization", organizations),
        campaigns=_rows(session, CampaignRow, "id", {c.id for c in campaigns}),
        activities=_rows(session, CampaignActivityRow, "id", {a.id for c in campaigns for a in c.activities}),
        contracts=_rows(session, ContractRow, "number", contracts),
        subscriptions=existing_subscriptions,
        lines=_rows(session, SubscriptionLineRow, "id", lines),
        places=_rows(session, ContractLineRow, "subscription_line", lines),
        numbers=_numbers(session, contracts),
        planned_lines=_rows(session, PlannedLineRow, "id", planned),
        pending={},
        documents=_rows(session, BillingDocumentRow, "number", {p.entry.number for p in document.invoices}),
        running=_running(session, subscriptions),
        running_alone=_running_alone(session, lines),
        ended=_ended(session, subscriptions),
    )
    _load_pending(session, existing)
    _load_ledgers(session, document, existing)
    return existing


def reload_locked(
    session: Session, document: ImportDocument, existing: Existing, lines: Sequence[str], extended: Iterable[str]
) -> None:
    """Lock the lines to be changed, their subscriptions and those that get new lines, and reload the deciding rows.

    The order (subscriptions, then lines, each by id) is that in which a cancellation locks them.
    """
    subscriptions = sorted({*extended, *(existing.lines[line]["subscription"] for line in lines)})
    for some in chunks(subscriptions):
        rows = select(SubscriptionRow.id).where(_is_among(SubscriptionRow.id, some)).order_by(SubscriptionRow.id)
        session.execute(rows.with_for_update()).all()
    for some in chunks(sorted(lines)):
        table = SubscriptionLineRow.__table__
        fresh = session.execute(select(table).where(_is_among(table.c.id, some)).order_by(table.c.id).with_for_update())
        existing.lines.update({row["id"]: dict(row) for row in fresh.mappings()})
    existing.running = {
        **{name: case for name, case in existing.running.items() if name not in subscriptions},
        **_running(session, subscriptions),
    }
    existing.running_alone = _running_alone(session, existing.lines)
    existing.ended |= _ended(session, subscriptions)
    _load_pending(session, existing)
    _load_ledgers(session, document, existing)


def reload_data_locked(session: Session, existing: Existing, organizations: Sequence[str]) -> None:
    """Lock the subscriptions of organizations whose data moves to another schema, and reload the cancellations that decide on it.

    A cancellation locks its subscription while it is opened and answered.
    """
    for some in chunks(sorted(organizations)):
        of_these = _is_among(SubscriptionRow.organization, some)
        rows = select(SubscriptionRow.id).where(of_these).order_by(SubscriptionRow.id)
        session.execute(rows.with_for_update()).all()
    existing.deciding_on_data |= _deciding_on_data(session, organizations)


def _rows(session: Session, entity: type[Table], key: str, ids: Iterable[str]) -> Rows:
    table = entity.__table__
    found: Rows = {}
    for some in chunks(ids):
        for row in session.execute(select(table).where(_is_among(table.c[key], some))).mappings():
            found[row[key]] = dict(row)
    return found


def _numbers(session: Session, contracts: Iterable[str]) -> dict[str, dict[int, str]]:
    numbers: dict[str, dict[int, str]] = defaultdict(dict)
    for some in chunks(contracts):
        query = select(ContractLineRow.contract, ContractLineRow.line_number, ContractLineRow.subscription_line)
        for contract, number, line in session.execute(query.where(_is_among(ContractLineRow.contract, some))):
            numbers[contract][number] = line
    return numbers


def _running(session: Session, subscriptions: Iterable[str]) -> dict[str, str]:
    running: dict[str, str] = {}
    for some in chunks(subscriptions):
        query = select(CancellationRow.subscription, CancellationRow.id).where(
            _is_among(CancellationRow.subscription, some), IS_WHOLE, CancellationRow.stage.not_in(sorted(FINAL_STAGES))
        )
        running.update([(key, value) for key, value in session.execute(query)])
    return running


def _running_alone(session: Session, lines: Iterable[str]) -> dict[str, str]:
    running: dict[str, str] = {}
    for some in chunks(lines):
        query = select(CancellationRow.subscription_line, CancellationRow.id).where(
            _is_among(CancellationRow.subscription_line, some), CancellationRow.stage.not_in(sorted(FINAL_STAGES))
        )
        running.update([(str(key), value) for key, value in session.execute(query)])
    return running


def _ended(session: Session, subscriptions: Iterable[str]) -> dict[str, str]:
    ended: dict[str, str] = {}
    for some in chunks(subscriptions):
        query = (
            select(CancellationRow.subscription, CancellationRow.id)
            .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
            .where(
                _is_among(CancellationRow.subscription, some),
                IS_WHOLE,
                CancellationRow.stage == Stage.CLOSED.value,
                SubscriptionRow.access_ended_on.is_not(None),
            )
            .order_by(CancellationRow.ordinal)
        )
        ended.update([(key, value) for key, value in session.execute(query)])
    return ended


def _deciding_on_data(session: Session, organizations: Iterable[str]) -> dict[str, str]:
    """Return the cancellations, by organization, that have decided on its data, up to the end of the erasure."""
    deciding: dict[str, str] = {}
    erased = exists().where(ErasureRow.cancellation == CancellationRow.id, ErasureRow.finished_at.is_not(None))
    to_be_erased = and_(CancellationRow.stage == Stage.CLOSED.value, OrganizationRow.data_schema.is_not(None), ~erased)
    for some in chunks(organizations):
        query = (
            select(SubscriptionRow.organization, CancellationRow.id)
            .join(CancellationRow, CancellationRow.subscription == SubscriptionRow.id)
            .join(OrganizationRow, OrganizationRow.id == SubscriptionRow.organization)
            .where(
                _is_among(SubscriptionRow.organization, some),
                or_(CancellationRow.stage.not_in(sorted(FINAL_STAGES)), to_be_erased),
                CancellationRow.data.is_not(None),
            )
            .order_by(CancellationRow.id.desc())
        )
        deciding.update([(key, value) for key, value in session.execute(query)])
    return deciding


def _erasing(session: Session, organizations: Iterable[str]) -> dict[str, str]:
    """Return the cancellations, by organization, that are erasing its data. The database refuses one that begins meanwhile."""
    erasing: dict[str, str] = {}
    for some in chunks(organizations):
        query = select(ErasureRow.organization, ErasureRow.cancellation)
        erasing.update(
            [
                (key, value)
                for key, value in session.execute(query.where(_is_among(ErasureRow.organization, some), IS_ERASING))
            ]
        )
    return erasing


def _load_pending(session: Session, existing: Existing) -> None:
    existing.pending = {}
    for some in chunks(existing.lines):
        query = select(PlannedLineRow.subscription_line, PlannedLineRow.id).where(
            _is_among(PlannedLineRow.subscription_line, some), PlannedLineRow.withdrawn_by.is_(None)
        )
        existing.pending.update([(key, value) for key, value in session.execute(query)])


def _load_ledgers(session: Session, document: ImportDocument, existing: Existing) -> None:
    """Load the billing documents of the lines with another next billing date or with new invoices."""
    entries = [entry for _, entry in (placed.entry for placed in document.lines) if entry.id in existing.lines]
    billed = {e.id for e in entries if e.next_billing_date != existing.lines[e.id]["next_billing_date"]}
    billed |= {placed.entry.line for placed in document.invoices if placed.entry.number not in existing.documents}
    existing.ledgers.clear()
    for some in chunks(billed & existing.lines.keys()):
        query = select(BillingDocumentRow).where(_is_among(BillingDocumentRow.subscription_line, some))
        for row in session.scalars(query):
            existing.ledgers[row.subscription_line].append(as_document(row))
