"""Organizations, their subscriptions and contracts, and the policies by which they are served."""

from datetime import date, datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from domain.data_schema import LONGEST_NAME_IN_BYTES, RESERVED_SCHEMAS
from domain.policy import LONGEST_RETENTION, MOST_REASON_CODES
from domain.vocabulary import Platform, Purpose
from storage.tables.base import REASON_CODE, JsonObject, Table, one_of, words


class PolicyRow(Table):
    """A named set of durations (`domain.policy.CancellationPolicy`) and of reasons for leaving."""

    __tablename__ = "policies"
    __table_args__ = (
        CheckConstraint(
            f"cardinality(reason_codes) BETWEEN 1 AND {MOST_REASON_CODES} AND "
            f"array_to_string(reason_codes, ',') ~ '^{REASON_CODE}(,{REASON_CODE})*$'",
            name="reason_codes_have_their_form",
        ),
        CheckConstraint(f"retention_months BETWEEN 1 AND {LONGEST_RETENTION}", name="retention_is_possible"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    durations: Mapped[JsonObject]
    reason_codes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    """The reasons for leaving that cancellations may give; null for `domain.policy.STANDARD_REASON_CODES`."""
    retention_months: Mapped[int | None]
    """The months after a case's end after which its personal data is removed; null for `domain.policy.STANDARD_RETENTION`."""


class OrganizationRow(Table):
    """An organization, the tenant."""

    __tablename__ = "organizations"
    __table_args__ = (
        one_of("platform", Platform),
        one_of("purpose", Purpose),
        words("organizations", "id"),
        words("organizations", "unique_name"),
        CheckConstraint(
            rf"octet_length(data_schema) BETWEEN 1 AND {LONGEST_NAME_IN_BYTES} AND data_schema NOT LIKE 'pg\_%' "
            "AND data_schema NOT IN ({})".format(", ".join(f"'{name}'" for name in sorted(RESERVED_SCHEMAS))),
            name="data_schema_is_possible",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(unique=True)
    unique_name: Mapped[str] = mapped_column(unique=True)
    time_zone: Mapped[str] = mapped_column(index=True)
    platform: Mapped[str]
    purpose: Mapped[str]
    billing_administrator: Mapped[str]
    policy: Mapped[str] = mapped_column(ForeignKey("policies.name"), server_default="standard")
    data_schema: Mapped[str | None] = mapped_column(unique=True)
    """The schema of the organization's data, in the database beside the service's own (`storage.tenants`)."""


class TenantCodeReviewRow(Table):
    """The review of code that organizations have defined in their schemas: whoever it belongs to, the same code has one."""

    __tablename__ = "tenant_code_reviews"
    __table_args__ = (CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name="digest_is_sha256"),)

    digest: Mapped[str] = mapped_column(primary_key=True)
    """What `storage.tenants.code` makes of it."""
    organization: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    """The organization in whose schema it was reviewed."""
    reviewed_by: Mapped[str]
    reviewed_at: Mapped[datetime]
    reason: Mapped[str]


class SubscriptionRow(Table):
    """A subscription of an organization, which is what a cancellation ends."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        words("subscriptions", "description"),
        one_of("access", ("on", "off")),
        CheckConstraint("(access = 'off') = (access_ended_on IS NOT NULL)", name="access_off_has_a_day"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    organization: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    description: Mapped[str]
    provision_end_date: Mapped[date | None]
    access: Mapped[str] = mapped_column(server_default="on")
    access_ended_on: Mapped[date | None]


class ContractRow(Table):
    """A customer or vendor subscription contract."""

    __tablename__ = "contracts"
    __table_args__ = (
        one_of("partner", ("customer", "vendor")),
        UniqueConstraint("number", "partner"),  # lets a contract line's foreign key carry the partner
    )

    number: Mapped[str] = mapped_column(primary_key=True)
    partner: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
