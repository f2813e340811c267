"""The tables. Constraints enforce the rules of the domain on every path; triggers are in the migrations.

Civil dates are DATE columns in the organization's zone, instants TIMESTAMPTZ.
"""

from storage.tables.audit_and_outbox import AuditRow, MessageRow
from storage.tables.audit_seals import AuditSealedRow, AuditSealRow
from storage.tables.base import JsonObject, Table
from storage.tables.billing import BillingDocumentRow, BillingFeedPositionRow
from storage.tables.bulk import BulkItemRow, BulkRow, BulkSwitchRow
from storage.tables.cancellation import (
    IS_WHOLE,
    CancellationLineRow,
    CancellationRow,
    CaseRow,
    ChecklistAnswerRow,
    OneTimeCode,
    VerificationCodeRow,
)
from storage.tables.cases import CASE_TABLES, CaseTables
from storage.tables.export_and_erasure import (
    IS_ERASING,
    IS_OWN_DATA,
    ErasedThingRow,
    ErasureRow,
    ExportRow,
    HoldRow,
)
from storage.tables.limits import LimitedUseRow, LimitRow
from storage.tables.line_runs import LineDatesRunRow
from storage.tables.lines import ContractLineRow, PlannedLineRow, SubscriptionLineRow
from storage.tables.marketing import (
    CampaignActivityRow,
    CampaignRow,
    CampaignStopRow,
    MarketingCancellationRow,
    MarketingCodeRow,
    MarketingServiceRow,
)
from storage.tables.migration import MigrationRow, SupportQueueRow
from storage.tables.organizations import (
    ContractRow,
    OrganizationRow,
    PolicyRow,
    SubscriptionRow,
    TenantCodeReviewRow,
)
from storage.tables.payload_keys import PayloadKeyIdRow
from storage.tables.requests import DirectRequestRow, RequestRow
from storage.tables.system_tasks import SystemTaskRow
from storage.tables.webhooks import WebhookAttemptRow, WebhookEndpointRow

__all__ = [
    "CASE_TABLES",
    "IS_ERASING",
    "IS_OWN_DATA",
    "IS_WHOLE",
    "AuditRow",
    "AuditSealRow",
    "AuditSealedRow",
    "BillingDocumentRow",
    "BillingFeedPositionRow",
    "BulkItemRow",
    "BulkRow",
    "BulkSwitchRow",
    "CampaignActivityRow",
    "CampaignRow",
    "CampaignStopRow",
    "CancellationLineRow",
    "CancellationRow",
    "CaseRow",
    "CaseTables",
    "ChecklistAnswerRow",
    "ContractLineRow",
    "ContractRow",
    "DirectRequestRow",
    "ErasedThingRow",
    "ErasureRow",
    "ExportRow",
    "HoldRow",
    "JsonObject",
    "LimitRow",
    "LimitedUseRow",
    "LineDatesRunRow",
    "MarketingCancellationRow",
    "MarketingCodeRow",
    "MarketingServiceRow",
    "MessageRow",
    "MigrationRow",
    "OneTimeCode",
    "OrganizationRow",
    "PayloadKeyIdRow",
    "PlannedLineRow",
    "PolicyRow",
    "RequestRow",
    "SubscriptionLineRow",
    "SubscriptionRow",
    "SupportQueueRow",
    "SystemTaskRow",
    "Table",
    "TenantCodeReviewRow",
    "VerificationCodeRow",
    "WebhookAttemptRow",
    "WebhookEndpointRow",
]
