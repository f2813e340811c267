"""The tables and columns of each kind of case: the one place in which storage distinguishes the kinds."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute

from domain.cases import CaseKind
from storage.tables.audit_and_outbox import MessageRow
from storage.tables.cancellation import IS_WHOLE, CancellationRow, CaseRow, VerificationCodeRow
from storage.tables.marketing import CampaignStopRow, MarketingCancellationRow, MarketingCodeRow


@dataclass(frozen=True)
class CaseTables:
    """The tables of the cases of one kind, and the columns of shared tables that name one of them."""

    row: type[CaseRow]
    subject: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
    """The column of ``row`` that names what is cancelled."""
    is_kind: ColumnElement[bool]
    """The condition for the rows of this kind, where ``row`` has those of another one, too."""
    code: type[VerificationCodeRow | MarketingCodeRow]
    """The one-time codes to the billing administrator."""
    message: InstrumentedAttribute[str | None]
    stop: InstrumentedAttribute[str | None]


CASE_TABLES: dict[CaseKind, CaseTables] = {
    CaseKind.SUBSCRIPTION: CaseTables(
        row=CancellationRow,
        subject=CancellationRow.subscription,
        is_kind=IS_WHOLE,
        code=VerificationCodeRow,
        message=MessageRow.cancellation,
        stop=CampaignStopRow.cancellation,
    ),
    CaseKind.MARKETING_SERVICE: CaseTables(
        row=MarketingCancellationRow,
        subject=MarketingCancellationRow.organization,
        is_kind=true(),
        code=MarketingCodeRow,
        message=MessageRow.marketing_cancellation,
        stop=CampaignStopRow.marketing_cancellation,
    ),
    CaseKind.SUBSCRIPTION_LINE: CaseTables(
        row=CancellationRow,
        subject=CancellationRow.subscription_line,
        is_kind=CancellationRow.subscription_line.is_not(None),
        code=VerificationCodeRow,
        message=MessageRow.cancellation,
        stop=CampaignStopRow.cancellation,
    ),
}
"""The tables of each kind of case."""
