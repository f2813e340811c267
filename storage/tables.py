"""The tables. Constraints say what the domain says, so that no path goes round a rule; triggers are in the migrations.

Civil dates are DATE columns in the organization's zone, instants TIMESTAMPTZ.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from domain.vocabulary import (
    FINAL_STAGES,
    CampaignChoice,
    Channel,
    DataChoice,
    Platform,
    Purpose,
    Question,
    Stage,
    Verification,
)

JsonObject = dict[str, Any]


class Table(DeclarativeBase):
    """Base of every table: plain types, named constraints."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own form
        str: Text(),
        date: Date(),
        datetime: DateTime(timezone=True),
        int: BigInteger(),
        JsonObject: JSONB(),
        list[JsonObject]: JSONB(),
    }


def one_of(column: str, values: Iterable[str], name: str | None = None) -> CheckConstraint:
    """Return the constraint that a column holds one of an enumeration's values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name or f"{column}_known")


# The canonical form of a date formula without a minus sign (`domain.date_formula`), and of one that moves every date on.
_TERM = "'^(0|[1-9][0-9]{0,6}|C)[DWMQY](\\+(0|[1-9][0-9]{0,6}|C)[DWMQY])*$'"


def a_term(column: str, *, moves_forward: bool = False) -> CheckConstraint:
    """Return the constraint that a column holds a term (rules, section 2), or nothing."""
    rule = f"{column} ~ {_TERM} AND length({column}) <= 64"
    return CheckConstraint(f"{rule} AND {column} ~ '[1-9]'" if moves_forward else rule, name=f"{column}_is_a_term")


def in_calendar(*columns: str) -> CheckConstraint:
    """Return the constraint that dates lie between 01.01.0001 and 31.12.9999; PostgreSQL knows more of them."""
    listed = ", ".join(columns)
    return CheckConstraint(
        f"LEAST({listed}) >= DATE '0001-01-01' AND GREATEST({listed}) <= DATE '9999-12-31'", name="dates_in_calendar"
    )


# Both halves of `domain.terms.update_as_of`: when a line is to be closed, and when it is to be rolled. Written as
# PostgreSQL gives it back, so that `alembic check` can compare.
DUE_AFTER = """
    CASE WHEN closed THEN NULL::date ELSE LEAST(
        CASE WHEN end_date = (next_billing_date - 1) AND NOT open_billing_line THEN end_date ELSE NULL::date END,
        CASE WHEN frozen_by IS NULL AND subsequent_term IS NOT NULL AND notice_period IS NOT NULL
        THEN COALESCE(cancellation_possible_until, term_until, start_date) ELSE NULL::date END
    ) END
"""


class PolicyRow(Table):
    """A named set of durations (`domain.policy.CancellationPolicy`)."""

    __tablename__ = "policies"

    name: Mapped[str] = mapped_column(primary_key=True)
    durations: Mapped[JsonObject]


class OrganizationRow(Table):
    """The tenant."""

    __tablename__ = "organizations"
    __table_args__ = (one_of("platform", Platform), one_of("purpose", Purpose))

    id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(unique=True)
    unique_name: Mapped[str] = mapped_column(unique=True)
    time_zone: Mapped[str]
    platform: Mapped[str]
    purpose: Mapped[str]
    billing_administrator: Mapped[str]
    policy: Mapped[str] = mapped_column(ForeignKey("policies.name"), server_default="standard")


class MarketingServiceRow(Table):
    """The Internet Marketing service of an organization, with its own billing administrator."""

    __tablename__ = "marketing_services"

    organization: Mapped[str] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    billing_administrator: Mapped[str]


class CampaignRow(Table):
    """A marketing campaign."""

    __tablename__ = "marketing_campaigns"

    id: Mapped[str] = mapped_column(primary_key=True)
    organization: Mapped[str] = mapped_column(ForeignKey("marketing_services.organization"), index=True)
    name: Mapped[str]


class CampaignActivityRow(Table):
    """A search-engine advertisement or another activity of a campaign."""

    __tablename__ = "marketing_activities"
    __table_args__ = (one_of("state", ("running", "paused", "deleted")),)

    id: Mapped[str] = mapped_column(primary_key=True)
    campaign: Mapped[str] = mapped_column(ForeignKey("marketing_campaigns.id"), index=True)
    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="running")


class SubscriptionRow(Table):
    """What is being cancelled."""

    __tablename__ = "subscriptions"
    __table_args__ = (
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


class SubscriptionLineRow(Table):
    """One billed position. Field names are those of JSON (docs/import-format.md)."""

    __tablename__ = "subscription_lines"
    __table_args__ = (
        one_of("partner", ("customer", "vendor")),
        CheckConstraint("end_date >= start_date", name="end_not_before_start"),
        CheckConstraint("end_date >= next_billing_date - 1", name="not_billed_beyond_end"),
        CheckConstraint("next_billing_date >= start_date", name="billing_not_before_start"),
        CheckConstraint("NOT closed OR (term_until IS NULL AND cancellation_possible_until IS NULL)",
                        name="closed_has_no_term"),
        a_term("initial_term"),
        a_term("subsequent_term", moves_forward=True),
        a_term("notice_period"),
        a_term("billing_rhythm"),
        in_calendar("start_date", "next_billing_date", "term_until", "cancellation_possible_until", "end_date"),
        Index("ix_subscription_lines_subscription", "subscription"),
        Index("ix_subscription_lines_due", "due_after", "id", postgresql_where=text("due_after IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    subscription: Mapped[str] = mapped_column(ForeignKey("subscriptions.id"))
    partner: Mapped[str]
    start_date: Mapped[date]
    initial_term: Mapped[str | None]
    subsequent_term: Mapped[str | None]
    notice_period: Mapped[str | None]
    billing_rhythm: Mapped[str]
    next_billing_date: Mapped[date | None]
    term_until: Mapped[date | None]
    cancellation_possible_until: Mapped[date | None]
    end_date: Mapped[date | None]
    open_billing_line: Mapped[bool] = mapped_column(server_default=text("false"))
    closed: Mapped[bool] = mapped_column(server_default=text("false"))
    frozen_by: Mapped[str | None] = mapped_column(ForeignKey("cancellations.id", use_alter=True), index=True)
    """The accepted cancellation under which the line's term dates stand still."""
    due_after: Mapped[date | None] = mapped_column(Computed(DUE_AFTER, persisted=True), deferred=True)
    """The last day as of which the nightly update leaves the line alone, if there is one; kept by the database."""


class ContractLineRow(Table):
    """The place of a subscription line on a contract; a line stands on at most one."""

    __tablename__ = "contract_lines"

    contract: Mapped[str] = mapped_column(ForeignKey("contracts.number"), primary_key=True)
    line_number: Mapped[int] = mapped_column(primary_key=True)
    subscription_line: Mapped[str] = mapped_column(ForeignKey("subscription_lines.id"), unique=True)
    closed: Mapped[bool] = mapped_column(server_default=text("false"))


class PlannedLineRow(Table):
    """A pending renewal or price change. At most one per line; a cancellation withdraws it, a reversal puts it back."""

    __tablename__ = "planned_lines"
    __table_args__ = (
        one_of("kind", ("renewal", "price_change")),
        Index("uq_planned_lines_pending", "subscription_line", unique=True,
              postgresql_where=text("withdrawn_by IS NULL")),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    subscription_line: Mapped[str] = mapped_column(ForeignKey("subscription_lines.id"), index=True)
    kind: Mapped[str]
    effective_on: Mapped[date]
    terms: Mapped[JsonObject]
    withdrawn_by: Mapped[str | None] = mapped_column(ForeignKey("cancellations.id"), index=True)


class BillingDocumentRow(Table):
    """An invoice for a period of one line, or the credit memo that takes one back."""

    __tablename__ = "billing_documents"
    __table_args__ = (
        one_of("kind", ("invoice", "credit_memo")),
        CheckConstraint("period_start <= period_end", name="period_in_order"),
        in_calendar("period_start", "period_end"),
        CheckConstraint("(kind = 'credit_memo') = (credits IS NOT NULL)", name="credit_memo_credits_an_invoice"),
        UniqueConstraint("credits"),  # an invoice is credited once
        Index("ix_billing_documents_line_period", "subscription_line", "period_start"),
    )

    number: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subscription_line: Mapped[str] = mapped_column(ForeignKey("subscription_lines.id"))
    period_start: Mapped[date]
    period_end: Mapped[date]
    credits: Mapped[str | None] = mapped_column(ForeignKey("billing_documents.number"))
    posted_at: Mapped[datetime | None]


class CancellationRow(Table):
    """One durable lifecycle for one subscription."""

    __tablename__ = "cancellations"
    __table_args__ = (
        one_of("stage", Stage),
        one_of("data", DataChoice),
        one_of("campaigns", CampaignChoice),
        one_of("verified_by", Verification),
        UniqueConstraint("subscription", "ordinal"),
        Index("uq_cancellations_running", "subscription", unique=True,
              postgresql_where=text("stage NOT IN ({})".format(", ".join(f"'{s}'" for s in sorted(FINAL_STAGES))))),
        Index("ix_cancellations_stage_received_at", "stage", "received_at"),
        CheckConstraint("stage NOT IN ('preparing', 'scheduled', 'canceled', 'reversed', 'closed') OR "
                        "(termination_date IS NOT NULL AND data IS NOT NULL AND campaigns IS NOT NULL "
                        "AND verified_by IS NOT NULL)", name="checklist_before_all_else"),
        CheckConstraint("stage NOT IN ('canceled', 'reversed', 'closed') OR "
                        "(access_ended_on IS NOT NULL AND reversal_deadline IS NOT NULL)", name="effect_has_a_deadline"),
        CheckConstraint("goodwill_approved_by <> opened_by", name="goodwill_by_a_second_person"),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    subscription: Mapped[str] = mapped_column(ForeignKey("subscriptions.id"))
    ordinal: Mapped[int]
    request_id: Mapped[str] = mapped_column(unique=True)
    workflow_id: Mapped[str]
    opened_by: Mapped[str]
    reason: Mapped[str | None]
    stage: Mapped[str]
    received_at: Mapped[datetime]
    received_on: Mapped[date]
    termination_date: Mapped[date | None]
    data: Mapped[str | None]
    campaigns: Mapped[str | None]
    verified_by: Mapped[str | None]
    goodwill_reason: Mapped[str | None]
    goodwill_approved_by: Mapped[str | None]
    quote: Mapped[JsonObject | None]
    """What was promised or foretold last (`domain.quote.Quote`)."""
    access_ended_on: Mapped[date | None]
    reversal_deadline: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class ChecklistAnswerRow(Table):
    """One answer of one checklist; a question is answered once."""

    __tablename__ = "checklist_answers"
    __table_args__ = (one_of("question", Question),)

    cancellation: Mapped[str] = mapped_column(ForeignKey("cancellations.id"), primary_key=True)
    question: Mapped[str] = mapped_column(primary_key=True)
    answer: Mapped[str]
    answered_by: Mapped[str]
    answered_at: Mapped[datetime]


class VerificationCodeRow(Table):
    """A one-time code: only its hash is kept."""

    __tablename__ = "verification_codes"

    cancellation: Mapped[str] = mapped_column(ForeignKey("cancellations.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    request: Mapped[str] = mapped_column(unique=True)
    """The step that asked for it, so that a repetition does not count as another code."""
    salt: Mapped[str]
    code_hash: Mapped[str]
    expires_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    used_at: Mapped[datetime | None]


class CancellationLineRow(Table):
    """What a cancellation did to one line, and what the line was before: what a reversal restores."""

    __tablename__ = "cancellation_lines"

    cancellation: Mapped[str] = mapped_column(ForeignKey("cancellations.id"), primary_key=True)
    subscription_line: Mapped[str] = mapped_column(ForeignKey("subscription_lines.id"), primary_key=True)
    billing_ends_on: Mapped[date]
    end_date_before: Mapped[date | None]
    term_until_before: Mapped[date | None]
    cancellation_possible_until_before: Mapped[date | None]


class AuditRow(Table):
    """Who did what, when and why, and what it changed. Append-only: a trigger refuses anything else."""

    __tablename__ = "audit_trail"
    __table_args__ = (
        Index("ix_audit_trail_cancellation", "cancellation", "id"),
        Index("ix_audit_trail_subscription_line", "subscription_line", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    why: Mapped[str | None]
    subscription: Mapped[str | None]
    subscription_line: Mapped[str | None]
    cancellation: Mapped[str | None]
    before: Mapped[JsonObject | None]
    after: Mapped[JsonObject | None]
    step: Mapped[str | None] = mapped_column(unique=True)
    """The idempotency key of the step that wrote this row: workflow id and business step."""
    run: Mapped[str | None]
    """The run of the nightly update that did it (`LineDatesRunRow`), if one did."""


class MessageRow(Table):
    """One message to one receiver on one channel: the record of what to tell, then of what was told."""

    __tablename__ = "messages"
    __table_args__ = (
        one_of("channel", Channel),
        CheckConstraint("num_nonnulls(delivered_at, failed_at) <= 1", name="delivered_or_failed"),
        Index("ix_messages_pending", "cancellation", "channel", "sequence",
              postgresql_where=text("delivered_at IS NULL AND failed_at IS NULL")),
        Index("ix_messages_pending_of_runs", "sequence",
              postgresql_where=text("run IS NOT NULL AND delivered_at IS NULL AND failed_at IS NULL")),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(Identity(always=True), unique=True)
    cancellation: Mapped[str | None] = mapped_column(ForeignKey("cancellations.id"))
    event: Mapped[str]
    channel: Mapped[str]
    recipient: Mapped[str]
    """An e-mail address, or the name of a webhook endpoint."""
    content: Mapped[JsonObject]
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failure: Mapped[str | None]
    run: Mapped[str | None] = mapped_column(ForeignKey("line_dates_runs.id"))
    """The run of the nightly update that the message tells about, where it tells about one."""


class LineDatesRunRow(Table):
    """One run of the update of line dates: how far it got, written in the transaction of every chunk."""

    __tablename__ = "line_dates_runs"
    __table_args__ = (Index("ix_line_dates_runs_started_at", "started_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[date]
    zone: Mapped[str]
    """The zone whose calendar the day is of."""
    scope: Mapped[JsonObject]
    """What it is about (`domain.line_dates.Scope`)."""
    actor: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    due: Mapped[int]
    """How many lines were due when the run began."""
    unchanged: Mapped[int]
    """How many open lines were not due; for a run on everything as PostgreSQL's statistics have it."""
    closed: Mapped[int] = mapped_column(server_default=text("0"))
    rolled: Mapped[int] = mapped_column(server_default=text("0"))
    failed: Mapped[int] = mapped_column(server_default=text("0"))
    """How many lines were refused in the present pass, or in the last."""
    busy: Mapped[int] = mapped_column(server_default=text("0"))
    """How many lines somebody else held when the last pass ended."""
    failures: Mapped[list[JsonObject]] = mapped_column(server_default=text("'[]'"))
    """The first of the failed lines, with the reasons."""
    passes: Mapped[int] = mapped_column(server_default=text("0"))
    cursor_due_after: Mapped[date | None]
    cursor_line: Mapped[str | None]
    messages: Mapped[int] = mapped_column(server_default=text("0"))
    """How many messages the run has left to be told; numbers them."""
