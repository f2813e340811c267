"""The population of a world: organizations with subscriptions, lines, invoices, campaigns and data of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from psycopg import sql
from sqlalchemy import Engine, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.cancellation.identity import Identity
from domain.civil_time import day_of
from storage.objects import Objects
from storage.tables import (
    BillingDocumentRow,
    CampaignActivityRow,
    CampaignRow,
    LimitRow,
    MarketingServiceRow,
    OrganizationRow,
    PlannedLineRow,
    PolicyRow,
    SubscriptionLineRow,
    SubscriptionRow,
    TenantCodeReviewRow,
)
from storage.tenants.catalog import tables_of
from storage.tenants.code import code_of
from storage.tenants.database import TenantDatabase
from storage.tenants.logins import Tenant
from storage.tenants.sample import generate

ADMINISTRATOR = "ada@contoso.example"
MARKETING_OWNER = "mia@ads.example"


@dataclass(frozen=True)
class Data:
    """The organizations' data, and the place of its copies."""

    tenants: TenantDatabase
    objects: Objects
    reader: Objects | None = None
    """The same store as the pages see it; null where that is the same."""

    def fill(self, tenant: Tenant, rows: int) -> str:
        """Give an organization the sample's data; return the digest of the code in it."""
        with self.tenants.administering() as connection:
            generate(connection, tenant, self.tenants.password(tenant), rows=rows)
        with self.tenants.directory() as connection:
            return code_of(connection, tenant.schema).digest

    def tables(self, schema: str) -> dict[str, int]:
        """The tables of a schema and how many rows each has; none, when it is gone."""
        with self.tenants.administering() as connection:
            counted = {}
            for table in tables_of(connection, schema):
                query = sql.SQL("SELECT count(*) FROM {}").format(table.source(schema))
                counted[table.name] = connection.execute(query).fetchone()[0]  # type: ignore[index]
            return counted

    def keys(self, cancellation: str) -> list[str]:
        """The keys in the object store of a cancellation."""
        return sorted(found.key for found in self.objects.list(f"cancellations/{cancellation}/"))


class Population:
    """The subjects of a test in its database, under names of their own."""

    def __init__(self, engine: Engine, data: Data | None) -> None:
        self.engine = engine
        self.data = data
        self.subscriptions: list[str] = []

    def lift_limits(self) -> None:
        """Raise the limits across cases: everybody here has the same address, and is called for by few callers."""
        with Session(self.engine) as session, session.begin():
            session.execute(update(LimitRow).values(number=1_000_000))

    def subscription(
        self,
        *,
        zone: str = "Europe/Berlin",
        purpose: str = "production",
        marketing: bool = False,
        campaigns: Sequence[str] = (),
        marketing_owner: str = MARKETING_OWNER,
        platform: str = "microsoft_online_services",
        data_schema: str | None = None,
        policy: dict[str, Any] | None = None,
        data_rows: int | None = None,
        lines: Sequence[dict[str, Any]] = ({},),
    ) -> str:
        """Bring a subscription into the world, with an organization of its own; return its id.

        Without more said it has one line that can be ended at any time; its organization has data of its own if it is
        said how many rows. ``campaigns`` name those of its marketing service (`World.campaign`), each with two activities
        that run and a paused one.
        """
        key = uuid4().hex[:12]
        organization, subscription = f"ORG-{key}", f"SUB-{key}"
        with Session(self.engine) as session, session.begin():
            if policy is not None:
                session.add(PolicyRow(name=key, durations=policy))
                session.flush()
            session.add(
                OrganizationRow(
                    id=organization,
                    url=f"https://{key}.crm.example",
                    unique_name=f"contoso-{key}",
                    time_zone=zone,
                    platform=platform,
                    purpose=purpose,
                    billing_administrator=ADMINISTRATOR,
                    policy=key if policy is not None else "standard",
                    data_schema=f"crm_{key}" if data_rows is not None else data_schema,
                )
            )
            session.flush()
            if data_rows is not None:
                self.fill(session, Tenant(organization, f"crm_{key}"), data_rows)
            if marketing or campaigns:
                session.add(MarketingServiceRow(organization=organization, billing_administrator=marketing_owner))
                session.flush()
            for name in campaigns:
                campaign = self.campaign(subscription, name)
                session.add(CampaignRow(id=campaign, organization=organization, name=f"Sale {name}"))
                session.flush()
                for number, state in enumerate(("running", "running", "paused"), start=1):
                    activity = f"{campaign}-{number}"
                    session.add(CampaignActivityRow(id=activity, campaign=campaign, name="Search", state=state))
            session.add(SubscriptionRow(id=subscription, organization=organization, description="Sales, 25 seats"))
            session.flush()
            for number, line in enumerate(lines, start=1):
                values: dict[str, Any] = {
                    "id": f"{subscription}-{number}",
                    "subscription": subscription,
                    "partner": "customer",
                    "start_date": date(2020, 1, 1),
                    "billing_rhythm": "1M",
                    **line,
                }
                session.add(SubscriptionLineRow(**values))
        self.subscriptions.append(subscription)
        return subscription

    def fill(self, session: Session, tenant: Tenant, rows: int) -> None:
        """Give an organization the sample's data, whose code is reviewed."""
        digest = self.the_data.fill(tenant, rows)
        review = {"reviewed_by": "tester", "reviewed_at": datetime.now(UTC), "reason": "the sample's own"}
        session.execute(
            insert(TenantCodeReviewRow)
            .values(digest=digest, organization=tenant.organization, **review)
            .on_conflict_do_nothing()
        )

    @property
    def the_data(self) -> Data:
        """Where the organizations' data is, in a world that has any."""
        assert self.data is not None, "ask for data_world"
        return self.data

    def organization(self, subscription: str) -> str:
        """The organization of a subscription."""
        return f"ORG-{subscription.removeprefix('SUB-')}"

    def campaign(self, subscription: str, name: str) -> str:
        """A campaign of the subscription's organization."""
        return f"CMP-{subscription.removeprefix('SUB-')}-{name}"

    def second_subscription(self, subscription: str) -> str:
        """Another subscription of the same organization, with a line that can be ended at any time; return its id."""
        second = f"{subscription}-B"
        with Session(self.engine) as session, session.begin():
            organization = session.get_one(SubscriptionRow, subscription).organization
            session.add(SubscriptionRow(id=second, organization=organization, description="Service, 5 seats"))
            session.flush()
            session.add(
                SubscriptionLineRow(
                    id=f"{second}-1",
                    subscription=second,
                    partner="customer",
                    start_date=date(2020, 1, 1),
                    billing_rhythm="1M",
                )
            )
        self.subscriptions.append(second)
        return second

    def change_organization(self, subscription: str, **change: str) -> None:
        """Change columns of a subscription's organization, as a later import does."""
        with Session(self.engine) as session, session.begin():
            row = session.get_one(OrganizationRow, self.organization(subscription))
            for name, value in change.items():
                setattr(row, name, value)

    def name_schema(self, subscription: str, schema: str) -> None:
        """Give the subscription's organization a schema, as a later import does."""
        with Session(self.engine) as session, session.begin():
            session.get_one(OrganizationRow, self.organization(subscription)).data_schema = schema

    def identity(self, subscription: str) -> Identity:
        """The identity that the organization's billing administrator knows."""
        key = subscription.removeprefix("SUB-")
        return Identity(
            billing_administrator=ADMINISTRATOR,
            organization_url=f"https://{key}.crm.example",
            organization_name=f"contoso-{key}",
        )

    def answers(self, subscription: str, *, terminate_on: date | None = None, **others: str) -> dict[str, str]:
        """Every answer of the checklist: access ends at once or on a day, nothing is kept."""
        end = terminate_on.isoformat() if terminate_on else "now"
        return {**self.identity(subscription).model_dump(), "data": "none", "termination_date": end, **others}

    def today(self, subscription: str) -> date:
        """The civil date in the organization's zone before any time was passed."""
        with Session(self.engine) as session:
            organization = session.get_one(SubscriptionRow, subscription).organization
            return day_of(datetime.now(UTC), session.get_one(OrganizationRow, organization).time_zone)

    def invoice(self, subscription: str, number: str, start: date, end: date, *, line: int = 1) -> None:
        """Bill a line for a period, as an invoice run does."""
        with Session(self.engine) as session, session.begin():
            line_id = f"{subscription}-{line}"
            session.add(
                BillingDocumentRow(
                    number=number, kind="invoice", subscription_line=line_id, period_start=start, period_end=end
                )
            )
            session.get_one(SubscriptionLineRow, line_id).next_billing_date = end + timedelta(days=1)

    def credit(self, invoice: str) -> None:
        """Credit an invoice past the service, as a writer does that does not know what waits for it."""
        with Session(self.engine) as session, session.begin():
            credited = session.get_one(BillingDocumentRow, invoice)
            session.add(
                BillingDocumentRow(
                    number=f"{invoice}-CM",
                    kind="credit_memo",
                    subscription_line=credited.subscription_line,
                    period_start=credited.period_start,
                    period_end=credited.period_end,
                    credits=invoice,
                )
            )
            session.get_one(SubscriptionLineRow, credited.subscription_line).next_billing_date = credited.period_start

    def plan(self, subscription: str, *, line: int = 1) -> str:
        """Plan a renewal of a line; return its id."""
        plan = f"{subscription}-plan"
        with Session(self.engine) as session, session.begin():
            session.add(
                PlannedLineRow(
                    id=plan,
                    subscription_line=f"{subscription}-{line}",
                    kind="renewal",
                    effective_on=date(2030, 1, 1),
                    terms={"billing_rhythm": "1Y"},
                )
            )
        return plan
