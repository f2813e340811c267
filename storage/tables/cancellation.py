"""Cancellations: their checklists, one-time codes, and effects on lines."""

from datetime import date, datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.actors import DIRECTLY
from domain.marketing import Consent
from domain.vocabulary import (
    FINAL_STAGES,
    CampaignChoice,
    DataChoice,
    Question,
    ReceiptChannel,
    Stage,
    Termination,
    Verification,
)
from storage.tables.base import REASON_CODE, JsonObject, Table, one_of, words


class OneTimeCode(Table):
    """Base of the one-time codes of each kind of case: only a code's hash is stored."""

    __abstract__ = True

    number: Mapped[int] = mapped_column(primary_key=True)
    request: Mapped[str] = mapped_column(unique=True)
    """The step that requested it, so that a repetition does not count as another code."""
    salt: Mapped[str]
    code_hash: Mapped[str]
    expires_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    used_at: Mapped[datetime | None]


class CaseRow(Table):
    """Base of the cases of each kind: one durable lifecycle for one subject."""

    __abstract__ = True

    id: Mapped[str] = mapped_column(primary_key=True)
    """The name of the case (`domain.cases.CaseRef`)."""
    ordinal: Mapped[int]
    request_id: Mapped[str] = mapped_column(unique=True)
    """The request that opened it, prefixed with the workflow's id."""
    workflow_id: Mapped[str]
    opened_by: Mapped[str]
    stage: Mapped[str]
    received_at: Mapped[datetime]
    """The legal instant of the receipt."""
    entered_at: Mapped[datetime | None]
    """The instant at which it was entered, where an earlier receipt was stated."""
    channel: Mapped[str | None]
    """The way by which it was received, where that was stated."""
    time_zone: Mapped[str | None]
    """The zone of the organization when the case was opened, which it keeps; null in rows of workers of 0.2 until a step takes
    their case up."""
    verified_by: Mapped[str | None]
    campaign_actions: Mapped[JsonObject] = mapped_column(server_default=text("'{}'"))
    """The way to stop each campaign (`domain.marketing.CampaignAction`), where one was given."""
    ended_at: Mapped[datetime | None]
    end_recorded_at: Mapped[datetime | None]
    """The instant at which its end was recorded, by the clock of the database: set by a trigger, and by nobody else."""
    forgotten_at: Mapped[datetime | None]
    """The instant at which its personal data was removed, after the time of its policy."""


REMEMBERED = text("ended_at IS NOT NULL AND forgotten_at IS NULL")
"""The condition for ended cases whose personal data is kept."""

PERSON = "lower(regexp_replace(btrim({}), '\\s+', ' ', 'g'))"
"""A name of a person whatever its case and spaces (`domain.vocabulary.same_person`)."""


_RUNNING = "stage NOT IN ({})".format(", ".join(f"'{stage}'" for stage in sorted(FINAL_STAGES)))


class CancellationRow(CaseRow):
    """One durable lifecycle for one subscription, or for one of its lines."""

    __tablename__ = "cancellations"
    __table_args__ = (
        one_of("stage", Stage),
        one_of("termination", Termination),
        CheckConstraint("termination IS NULL OR termination_date IS NOT NULL", name="termination_has_a_date"),
        one_of("data", DataChoice),
        one_of("campaigns", CampaignChoice),
        one_of("verified_by", Verification),
        one_of("marketing_consent", Consent),
        one_of("channel", ReceiptChannel),
        CheckConstraint("received_at <= entered_at", name="received_before_entered"),
        CheckConstraint("forgotten_at > ended_at", name="forgotten_after_its_end"),
        Index("ix_cancellations_remembered", "ended_at", postgresql_where=REMEMBERED),
        Index("uq_cancellations_subscription_ordinal", "subscription", "ordinal", unique=True,
              postgresql_where=text("subscription_line IS NULL")),
        Index("uq_cancellations_line_ordinal", "subscription_line", "ordinal", unique=True,
              postgresql_where=text("subscription_line IS NOT NULL")),
        Index("uq_cancellations_running", "subscription", unique=True,
              postgresql_where=text(f"subscription_line IS NULL AND {_RUNNING}")),
        Index("uq_cancellations_line_running", "subscription_line", unique=True,
              postgresql_where=text(f"subscription_line IS NOT NULL AND {_RUNNING}")),
        CheckConstraint("subscription_line IS NULL OR (data IS NULL AND campaigns IS NULL AND access_ended_on IS NULL "
                        "AND termination IS DISTINCT FROM 'now')", name="line_keeps_data_and_access"),
        CheckConstraint("subscription_line IS NOT NULL OR line_ends_on IS NULL", name="line_ends_on_of_a_line"),
        Index("ix_cancellations_workflow_id", "workflow_id", "ordinal"),
        Index("ix_cancellations_stage_received", "stage", "received_at", "id"),
        Index("ix_cancellations_reason_code", "reason_code", "received_at", "id"),
        Index("ix_cancellations_subscription", "subscription", "received_at"),
        Index("ix_cancellations_with_deadline", "received_at", "id", postgresql_include=["stage_deadline"],
              postgresql_where=text("stage_deadline IS NOT NULL")),
        words("cancellations", "id"),
        Index("ix_cancellations_received_at", "received_at", "id"),
        Index("ix_cancellations_received_on", "received_on"),
        Index("ix_cancellations_stage_deadline", "stage_deadline", "id",
              postgresql_where=text("stage_deadline IS NOT NULL")),
        CheckConstraint("stage NOT IN ('preparing', 'scheduled', 'canceled', 'reversed', 'closed') OR "
                        "(termination_date IS NOT NULL AND verified_by IS NOT NULL AND (subscription_line IS NOT NULL "
                        "OR (data IS NOT NULL AND campaigns IS NOT NULL)))", name="checklist_before_all_else"),
        CheckConstraint("stage NOT IN ('canceled', 'reversed', 'closed') OR "
                        "(COALESCE(access_ended_on, line_ends_on) IS NOT NULL AND reversal_deadline IS NOT NULL)",
                        name="effect_has_a_deadline"),
        CheckConstraint(f"{PERSON.format('goodwill_approved_by')} <> {PERSON.format('opened_by')}",
                        name="goodwill_by_a_second_person"),
        CheckConstraint(f"{PERSON.format('goodwill_approved_by')} <> {PERSON.format('goodwill_asked_by')}",
                        name="goodwill_by_another_than_asked"),
        CheckConstraint(f"{PERSON.format('goodwill_approved_by')} <> ALL (goodwill_askers)",
                        name="goodwill_by_none_of_its_askers"),
        CheckConstraint(f"lower(ltrim(goodwill_approved_by)) NOT LIKE '{DIRECTLY}%'", name="goodwill_by_somebody_known"),
        CheckConstraint(f"reason_code ~ '^{REASON_CODE}$'", name="reason_code_has_its_form"),
    )  # fmt: skip

    subscription: Mapped[str] = mapped_column(ForeignKey("subscriptions.id"))
    subscription_line: Mapped[str | None] = mapped_column(ForeignKey("subscription_lines.id", use_alter=True))
    """The line that ends alone while the subscription goes on; null where the whole subscription is cancelled."""
    line_ends_on: Mapped[date | None]
    """The last day of that line, as last decided."""
    reason: Mapped[str | None]
    reason_code: Mapped[str | None]
    """One of the reasons for leaving that the policy listed when the case was opened."""
    received_on: Mapped[date]
    termination: Mapped[str | None]
    """The way in which the end of access is asked for; null until it is, and where a version without it wrote the date."""
    termination_date: Mapped[date | None]
    """The last day of access: as named, or as it follows from the way; the day of receipt for one at once."""
    data: Mapped[str | None]
    campaigns: Mapped[str | None]
    marketing_consent: Mapped[str | None]
    marketing_consent_until: Mapped[datetime | None]
    goodwill_reason: Mapped[str | None]
    goodwill_asked_by: Mapped[str | None]
    """Whoever did so last; in rows of a version that knew of nobody else."""
    goodwill_askers: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """All who asked for the goodwill later than at the start, or changed what it covers, as `domain.vocabulary.person_key` has them."""
    goodwill_approved_by: Mapped[str | None]
    goodwill_quote: Mapped[JsonObject | None]
    """What was approved (`domain.lines.quote.Quote`); anything else needs another approval."""
    corrections: Mapped[int] = mapped_column(server_default=text("0"))
    """How often the case was corrected, or its approval voided."""
    restarts: Mapped[int] = mapped_column(server_default=text("0"))
    """How often the case was taken back to its preparation."""
    quote: Mapped[JsonObject | None]
    """The last quote that was promised or announced (`domain.lines.quote.Quote`)."""
    access_ended_on: Mapped[date | None]
    reversal_deadline: Mapped[datetime | None]
    stage_deadline: Mapped[datetime | None]
    """The instant at which its stage ends by itself, for lists: set by a trigger, and by nobody else."""


IS_WHOLE = CancellationRow.subscription_line.is_(None)
"""The condition for the cancellations of whole subscriptions."""


class ChecklistAnswerRow(Table):
    """One answer of one checklist; a question is answered once."""

    __tablename__ = "checklist_answers"
    __table_args__ = (one_of("question", Question),)

    cancellation: Mapped[str] = mapped_column(ForeignKey("cancellations.id"), primary_key=True)
    question: Mapped[str] = mapped_column(primary_key=True)
    answer: Mapped[str]
    answered_by: Mapped[str]
    answered_at: Mapped[datetime]


class VerificationCodeRow(OneTimeCode):
    """A one-time code to the billing administrator of an organization."""

    __tablename__ = "verification_codes"

    cancellation: Mapped[str] = mapped_column(ForeignKey("cancellations.id"), primary_key=True)


class CancellationLineRow(Table):
    """The effect of a cancellation on one line, with the line as it was: a reversal restores that."""

    __tablename__ = "cancellation_lines"
    __table_args__ = (
        CheckConstraint("announced_at IS NULL OR waits_since IS NOT NULL", name="announced_after_a_wait"),
        Index("ix_cancellation_lines_waiting", "cancellation",
              postgresql_where=text("waits_since IS NOT NULL AND announced_at IS NULL")),
    )  # fmt: skip

    cancellation: Mapped[str] = mapped_column(ForeignKey("cancellations.id"), primary_key=True)
    subscription_line: Mapped[str] = mapped_column(ForeignKey("subscription_lines.id"), primary_key=True)
    billing_ends_on: Mapped[date]
    end_date_before: Mapped[date | None]
    term_until_before: Mapped[date | None]
    cancellation_possible_until_before: Mapped[date | None]
    waits_since: Mapped[datetime | None]
    """The instant since which the end waits for credit memos; null for a line that ended at once."""
    announced_at: Mapped[datetime | None]
    """The instant at which the end of a line that waited was announced."""
