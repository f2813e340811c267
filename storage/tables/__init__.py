"""The tables. Constraints say what the domain says, so that no path goes round a rule; triggers are in the migrations.

Civil dates are DATE columns in the organization's zone, instants TIMESTAMPTZ.
"""

from storage.tables.base import JsonObject, Table
from storage.tables.cancellations import (
    CancellationLineRow,
    CancellationRow,
    ChecklistAnswerRow,
    OneTimeCode,
    VerificationCodeRow,
)
from storage.tables.data import ErasedThingRow, ErasureRow, ExportRow, HoldRow
from storage.tables.line_dates import LineDatesRunRow
from storage.tables.lines import BillingDocumentRow, ContractLineRow, PlannedLineRow, SubscriptionLineRow
from storage.tables.marketing import (
    CampaignActivityRow,
    CampaignRow,
    CampaignStopRow,
    MarketingCancellationRow,
    MarketingCodeRow,
    MarketingServiceRow,
)
from storage.tables.on_premises import MigrationRow, SupportQueueRow
from storage.tables.organizations import ContractRow, OrganizationRow, PolicyRow, SubscriptionRow
from storage.tables.trail import AuditRow, MessageRow

__all__ = [
    "AuditRow",
    "BillingDocumentRow",
    "CampaignActivityRow",
    "CampaignRow",
    "CampaignStopRow",
    "CancellationLineRow",
    "CancellationRow",
    "ChecklistAnswerRow",
    "ContractLineRow",
    "ContractRow",
    "ErasedThingRow",
    "ErasureRow",
    "ExportRow",
    "HoldRow",
    "JsonObject",
    "LineDatesRunRow",
    "MarketingCancellationRow",
    "MarketingCodeRow",
    "MarketingServiceRow",
    "MessageRow",
    "MigrationRow",
    "OneTimeCode",
    "OrganizationRow",
    "PlannedLineRow",
    "PolicyRow",
    "SubscriptionLineRow",
    "SubscriptionRow",
    "SupportQueueRow",
    "Table",
    "VerificationCodeRow",
]
