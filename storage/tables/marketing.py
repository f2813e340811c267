"""The Internet Marketing service of an organization: its campaigns, their stops, and its own cancellation."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.marketing import CampaignAction, MarketingStage
from domain.vocabulary import ReceiptChannel, Verification
from storage.tables.base import Table, one_of
from storage.tables.cancellation import REMEMBERED, CaseRow, OneTimeCode


class MarketingServiceRow(Table):
    """The Internet Marketing service of an organization, with its own billing administrator."""

    __tablename__ = "marketing_services"

    organization: Mapped[str] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    billing_administrator: Mapped[str]
    sign_up: Mapped[str] = mapped_column(server_default="1")
    """The id of the sign-up: a cancelled service is followed by one with another id, never reinstated."""
    canceled_sign_up: Mapped[str | None]
    """The sign-up that was cancelled last; the service is cancelled while it is the current one. Imports write only
    the current one, so that none of them can undo a cancellation."""

    @property
    def is_canceled(self) -> bool:
        """True once the service is cancelled."""
        return self.canceled_sign_up == self.sign_up


class CampaignRow(Table):
    """A marketing campaign."""

    __tablename__ = "marketing_campaigns"

    id: Mapped[str] = mapped_column(primary_key=True)
    organization: Mapped[str] = mapped_column(ForeignKey("marketing_services.organization"), index=True)
    name: Mapped[str]
    stopped_at: Mapped[datetime | None]
    """The instant at which its stop was requested; a stopped campaign gets no new activities."""


class CampaignStopRow(Table):
    """The stop of one campaign that a case requests from the ad centre, and its acknowledgement."""

    __tablename__ = "marketing_stops"
    __table_args__ = (
        one_of("action", CampaignAction),
        CheckConstraint("num_nonnulls(cancellation, marketing_cancellation) = 1", name="asked_by_one_case"),
        Index("uq_marketing_stops_open", "campaign", unique=True, postgresql_where=text("acknowledged_at IS NULL")),
        Index("ix_marketing_stops_campaign", "campaign", "requested_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    """The ids of the case and of the campaign."""
    campaign: Mapped[str] = mapped_column(ForeignKey("marketing_campaigns.id"))
    cancellation: Mapped[str | None] = mapped_column(ForeignKey("cancellations.id"), index=True)
    marketing_cancellation: Mapped[str | None] = mapped_column(ForeignKey("marketing_cancellations.id"), index=True)
    action: Mapped[str]
    requested_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]


class CampaignActivityRow(Table):
    """A search-engine advertisement or another activity of a campaign."""

    __tablename__ = "marketing_activities"
    __table_args__ = (
        one_of("state", ("running", "stopping", "paused", "deleted")),
        CheckConstraint("state <> 'stopping' OR stop IS NOT NULL", name="stopping_for_a_reason"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    campaign: Mapped[str] = mapped_column(ForeignKey("marketing_campaigns.id"), index=True)
    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="running")
    stop: Mapped[str | None] = mapped_column(ForeignKey("marketing_stops.id"), index=True)
    """The stop that applies to it, or did."""


class MarketingCancellationRow(CaseRow):
    """One cancellation of a marketing service alone."""

    __tablename__ = "marketing_cancellations"
    __table_args__ = (
        one_of("stage", MarketingStage),
        one_of("verified_by", Verification),
        one_of("channel", ReceiptChannel),
        CheckConstraint("received_at <= entered_at", name="received_before_entered"),
        CheckConstraint("forgotten_at > ended_at", name="forgotten_after_its_end"),
        Index("ix_marketing_cancellations_workflow_id", "workflow_id", "ordinal"),
        Index("ix_marketing_cancellations_remembered", "ended_at", postgresql_where=REMEMBERED),
        UniqueConstraint("organization", "ordinal"),
        Index("uq_marketing_cancellations_running", "organization", unique=True,
              postgresql_where=text("stage IN ('intake', 'stopping')")),
        CheckConstraint("stage NOT IN ('stopping', 'canceled') OR verified_by IS NOT NULL", name="verified_before_all_else"),
    )  # fmt: skip

    organization: Mapped[str] = mapped_column(ForeignKey("marketing_services.organization"))


class MarketingCodeRow(OneTimeCode):
    """A one-time code to the billing administrator of a marketing service."""

    __tablename__ = "marketing_codes"

    cancellation: Mapped[str] = mapped_column(ForeignKey("marketing_cancellations.id"), primary_key=True)
