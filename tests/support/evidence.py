"""Evidence of the service's work, as seen from outside: rows, the audit trail, mails."""

import re

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from storage.tables import (
    IS_WHOLE,
    AuditRow,
    CampaignActivityRow,
    CancellationRow,
    SubscriptionLineRow,
    SubscriptionRow,
    Table,
)
from tests.support.mailbox import Mailbox
from tests.support.population import Population


class Evidence(Population):
    """Looks at the database of a population and at its mailbox, and changes nothing."""

    mailbox: Mailbox

    def line(self, subscription: str, number: int = 1) -> SubscriptionLineRow:
        """One line as it is in the database now."""
        with Session(self.engine, expire_on_commit=False) as session:
            return session.get_one(SubscriptionLineRow, f"{subscription}-{number}")

    def case(self, subscription: str) -> CancellationRow:
        """The newest cancellation of the whole subscription as it is in the database now."""
        with Session(self.engine, expire_on_commit=False) as session:
            found = session.scalars(
                select(CancellationRow)
                .where(CancellationRow.subscription == subscription, IS_WHOLE)
                .order_by(CancellationRow.ordinal.desc())
            ).first()
            assert found is not None
            return found

    def access(self, subscription: str) -> str:
        """The access to the subscription: on or off."""
        with Session(self.engine) as session:
            return session.get_one(SubscriptionRow, subscription).access

    def activities(self, subscription: str) -> dict[str, str]:
        """The state of every activity of the organization, by campaign's name and number (``A-1``)."""
        prefix = self.campaign(subscription, "")
        with Session(self.engine) as session:
            rows = session.scalars(select(CampaignActivityRow).where(CampaignActivityRow.id.startswith(prefix)))
            return {row.id.removeprefix(prefix): row.state for row in rows}

    def actions(self, subscription: str) -> list[str]:
        """The actions of the audit trail, in order."""
        with Session(self.engine) as session:
            return list(
                session.scalars(
                    select(AuditRow.action).where(AuditRow.subscription == subscription).order_by(AuditRow.id)
                )
            )

    def refusals(self, subscription: str) -> list[tuple[str, str]]:
        """The refusals of the audit trail, in order: action and code."""
        with Session(self.engine) as session:
            rows = session.scalars(
                select(AuditRow)
                .where(AuditRow.subscription == subscription, AuditRow.action.endswith(".refused"))
                .order_by(AuditRow.id)
            )
            return [(row.action, (row.after or {})["code"]) for row in rows]

    def audit(self, subscription: str, action: str) -> AuditRow:
        """The only row of the audit trail with this action."""
        with Session(self.engine, expire_on_commit=False) as session:
            return session.scalars(
                select(AuditRow).where(AuditRow.subscription == subscription, AuditRow.action == action)
            ).one()

    def dump(self) -> dict[str, list[str]]:
        """Everything in the database, table by table."""
        with self.engine.connect() as connection:
            return {
                table.name: list(connection.scalars(text(f"SELECT t::text FROM {table.name} t ORDER BY 1")))  # noqa: S608
                for table in Table.metadata.sorted_tables
            }

    def codes(self, subscription: str) -> list[str]:
        """The one-time codes that were mailed, oldest first."""
        found = (re.search(r"\b\d{6}\b", self.mailbox.text_of(mail)) for mail in self.mailbox.of(subscription)
                 if "/code-" in str(mail["Message-ID"]))  # fmt: skip
        return [match[0] for match in found if match]
