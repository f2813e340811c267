"""The Internet Marketing service of an organization."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table, one_of


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
