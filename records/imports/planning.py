"""The plan of an import: every entry compared with the existing rows, and every problem found."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from domain.cancellation.identity import canonical_url
from domain.civil_time import day_of
from domain.imports import conflicts
from domain.imports.document import ImportedCampaign, ImportedOrganization
from domain.imports.reading import ImportDocument
from domain.imports.refusals import Problem, Problems
from domain.policy import CancellationPolicy
from domain.refusals import Refusal
from records.imports.existing import Existing, Row
from storage.tables import (
    BillingDocumentRow,
    CampaignActivityRow,
    CampaignRow,
    ContractLineRow,
    ContractRow,
    MarketingServiceRow,
    OrganizationRow,
    PlannedLineRow,
    PolicyRow,
    SubscriptionLineRow,
    SubscriptionRow,
    SupportQueueRow,
    Table,
)

TABLES: dict[str, type[Table]] = {
    "policies": PolicyRow,
    "queues": SupportQueueRow,
    "organizations": OrganizationRow,
    "marketing_services": MarketingServiceRow,
    "campaigns": CampaignRow,
    "activities": CampaignActivityRow,
    "contracts": ContractRow,
    "subscriptions": SubscriptionRow,
    "lines": SubscriptionLineRow,
    "contract_lines": ContractLineRow,
    "planned_lines": PlannedLineRow,
    "invoices": BillingDocumentRow,
}
"""The kinds of rows, each after those it refers to."""


FIRST_SIGN_UP = "1"
"""The sign-up of a marketing service that was imported without one."""


@dataclass
class Changes:
    """The rows to create and to change of one kind, and the number of unchanged ones."""

    created: list[Row] = field(default_factory=list)
    changed: list[Row] = field(default_factory=list)
    unchanged: int = 0

    def put(self, row: Row, existing: Row | None, **on_creation: object) -> None:
        """Plan a row as it should be; an existing row that already is so stays unwritten."""
        if existing is None:
            self.created.append({**row, **on_creation})
        elif any(existing[name] != value for name, value in row.items()):
            self.changed.append(row)
        else:
            self.unchanged += 1


@dataclass
class LineDates:
    """A change to the dates of a line that exists, for the audit trail."""

    subscription: str
    line: str
    before: Row
    after: Row


@dataclass
class Plan:
    """The rows to be written, in the order of `TABLES`, unless there are problems."""

    document: ImportDocument
    existing: Existing
    at: datetime
    problems: Problems = field(default_factory=Problems)
    changes: dict[str, Changes] = field(default_factory=lambda: {kind: Changes() for kind in TABLES})
    dates: list[LineDates] = field(default_factory=list)
    _days: dict[str, date] = field(default_factory=dict)

    def refuse(self, path: str, refusal: Refusal) -> None:
        """Add a problem."""
        self.problems.append(Problem(path, refusal))

    def today_in(self, zone: str) -> date:
        """Return the day of the import in a time zone."""
        if zone not in self._days:
            self._days[zone] = day_of(self.at, zone)
        return self._days[zone]

    def today_of(self, subscription: str, zones: dict[str, str]) -> date:
        """Return the day of the import in the zone of a subscription's organization; in UTC where that is unknown."""
        zone = zones.get(subscription)
        return self.at.astimezone(UTC).date() if zone is None else self.today_in(zone)


def plan_masters(plan: Plan) -> None:
    """Plan everything but subscriptions, lines and their dependents."""
    _references(plan)
    _policies(plan)
    for queue in plan.document.queues:
        plan.changes["queues"].put(queue.entry.model_dump(mode="json"), plan.existing.queues.get(queue.entry.name))
    _organizations(plan)
    contracts = plan.changes["contracts"]
    for placed in plan.document.contracts:
        contract = placed.entry
        existing = plan.existing.contracts.get(contract.number)
        if existing is not None and existing["partner"] != contract.partner:
            moved = conflicts.ContractPartnerChanged(contract.number, existing["partner"], contract.partner)
            plan.refuse(f"{placed.path}.partner", moved)
        contracts.put(contract.model_dump(mode="json"), existing)


def plan_subscriptions(plan: Plan, provision_ends: dict[str, date | None]) -> None:
    """Plan the subscriptions; the provision end date is that of the lines they are created with."""
    for placed in plan.document.subscriptions:
        entry = placed.entry
        existing = plan.existing.subscriptions.get(entry.id)
        if existing is not None and existing["organization"] != entry.organization:
            moved = conflicts.SubscriptionMoved(entry.id, existing["organization"], entry.organization)
            plan.refuse(f"{placed.path}.organization", moved)
        if existing is None and (cancellation := plan.existing.erasing.get(entry.organization)) is not None:
            erased = conflicts.DataBeingErased(entry.id, entry.organization, cancellation)
            plan.refuse(f"{placed.path}.organization", erased)
        ends = provision_ends.get(entry.id)
        plan.changes["subscriptions"].put(entry.model_dump(mode="json"), existing, provision_end_date=ends)


def zones_of_subscriptions(plan: Plan) -> dict[str, str]:
    """Return the time zone of each subscription whose organization is known."""
    zones = {key: row["time_zone"] for key, row in plan.existing.organizations.items()}
    zones |= {placed.entry.id: placed.entry.time_zone for placed in plan.document.organizations}
    owners = {key: row["organization"] for key, row in plan.existing.subscriptions.items()}
    owners |= {placed.entry.id: placed.entry.organization for placed in plan.document.subscriptions}
    return {key: zones[owner] for key, owner in owners.items() if owner in zones}


def _references(plan: Plan) -> None:
    known = {
        "policy": plan.existing.policies,
        "organization": plan.existing.organizations,
        "contract": plan.existing.contracts,
        "line": plan.existing.lines,
    }
    for reference in plan.document.references:
        if reference.value not in known[reference.kind]:
            plan.refuse(reference.path, reference.refusal)


def _policies(plan: Plan) -> None:
    for placed in plan.document.policies:
        name, policy = placed.entry
        existing = plan.existing.policies.get(name)
        if existing is not None:  # written out in full or not, the same durations are the same policy
            existing = {**existing, "durations": _durations(CancellationPolicy.model_validate(existing["durations"]))}
        reason_codes = None if policy.reason_codes is None else list(policy.reason_codes)
        row = {
            "name": name,
            "durations": _durations(policy),
            "reason_codes": reason_codes,
            "retention_months": policy.retention_months,
        }
        plan.changes["policies"].put(row, existing)


def _durations(policy: CancellationPolicy) -> Row:
    return policy.model_dump(mode="json", exclude_defaults=True, exclude={"reason_codes", "retention_months"})


def _organizations(plan: Plan) -> None:
    urls = {canonical_url(url): owner for url, owner in plan.existing.owners_of_urls.items()}
    names = {name.strip().casefold(): owner for name, owner in plan.existing.owners_of_names.items()}
    for placed in plan.document.organizations:
        entry = placed.entry
        if (owner := urls.get(canonical_url(entry.url), entry.id)) != entry.id:
            plan.refuse(f"{placed.path}.url", conflicts.UrlTaken(entry.url, owner))
        if (owner := names.get(entry.unique_name.casefold(), entry.id)) != entry.id:
            plan.refuse(f"{placed.path}.unique_name", conflicts.UniqueNameTaken(entry.unique_name, owner))
        organization = entry.model_dump(mode="json", exclude={"marketing_service"})
        existing = plan.existing.organizations.get(entry.id)
        organization["data_schema"] = _data_schema(plan, placed.path, entry, existing)
        plan.changes["organizations"].put(organization, existing)
        if (service := entry.marketing_service) is not None:
            path = f"{placed.path}.marketing_service"
            known = plan.existing.services.get(entry.id)
            present = known["sign_up"] if known is not None else FIRST_SIGN_UP
            canceled = known is not None and known["canceled_sign_up"] == present
            signed_up = service.sign_up or present
            if known is not None and signed_up != present and not canceled:
                plan.refuse(f"{path}.sign_up", conflicts.MarketingServiceRunning(entry.id, present))
            row = {
                "organization": entry.id,
                "billing_administrator": service.billing_administrator,
                "sign_up": signed_up,
            }
            plan.changes["marketing_services"].put(row, known)
            _campaigns(
                plan,
                entry.id,
                service.campaigns,
                path,
                canceled=signed_up if canceled and signed_up == present else None,
            )


def _data_schema(plan: Plan, path: str, entry: ImportedOrganization, existing: Row | None) -> str | None:
    schema = entry.data_schema
    now: str | None = existing["data_schema"] if existing is not None else None
    if schema is None or schema == now:
        return now
    if (owner := plan.existing.owners_of_schemas.get(schema, entry.id)) != entry.id:
        plan.refuse(f"{path}.data_schema", conflicts.DataSchemaTaken(schema, owner))
    if (cancellation := plan.existing.deciding_on_data.get(entry.id)) is not None:
        plan.refuse(f"{path}.data_schema", conflicts.DataSchemaUnderCancellation(entry.id, cancellation))
    return schema


def _campaigns(
    plan: Plan, organization: str, campaigns: Sequence[ImportedCampaign], path: str, *, canceled: str | None
) -> None:
    """Plan the campaigns; ``canceled`` is the sign-up under which the service is cancelled, if it is."""
    for i, campaign in enumerate(campaigns):
        at = f"{path}.campaigns[{i}]"
        existing = plan.existing.campaigns.get(campaign.id)
        if existing is not None and existing["organization"] != organization:
            plan.refuse(at, conflicts.CampaignMoved(campaign.id, existing["organization"], organization))
        if existing is None and canceled is not None:
            plan.refuse(at, conflicts.CampaignOfCanceledService(campaign.id, organization, canceled))
        stopped = existing is not None and existing["stopped_at"] is not None
        row = {"id": campaign.id, "organization": organization, "name": campaign.name}
        plan.changes["campaigns"].put(row, existing)
        for j, activity in enumerate(campaign.activities):
            known = plan.existing.activities.get(activity.id)
            if known is not None and known["campaign"] != campaign.id:
                moved = conflicts.ActivityMoved(activity.id, known["campaign"], campaign.id)
                plan.refuse(f"{at}.activities[{j}]", moved)
            if known is None and stopped and activity.state == "running":
                plan.refuse(f"{at}.activities[{j}]", conflicts.ActivityOfStoppedCampaign(activity.id, campaign.id))
            # Not the state of one that exists: a cancellation may have stopped it, and advertising costs money.
            row = {"id": activity.id, "campaign": campaign.id, "name": activity.name}
            plan.changes["activities"].put(row, known, state=activity.state)
