"""What the documents say of Temporal: the workflows that others may start or reach, with the messages that each takes."""

from dataclasses import dataclass, field
from typing import Any

import contract
from contract import (
    AcceptMigration,
    AcknowledgeExport,
    AcknowledgeMigration,
    AcknowledgeStop,
    Answer,
    Approve,
    Attest,
    CancellationStatus,
    Correct,
    CorrectMigration,
    CreditMemoPosted,
    GiveConsent,
    LineCancellationStatus,
    MarketingCancellationStatus,
    MigrationStatus,
    RenewExportLink,
    ReportMigrationCompleted,
    RequestReversal,
    SendCode,
    SendMigrationLink,
    StartCancellation,
    StartLineCancellation,
    StartMarketingCancellation,
    UpdateLineDates,
    VerifyCode,
    Withdraw,
)
from domain.lines.runs import LineDatesProgress

Form = type[Any]


@dataclass(frozen=True)
class DescribedWorkflow:
    """One type of workflow."""

    type: str
    id: str
    """The form of its id; empty where the caller chooses it."""
    start: Form | None
    """Its input; None where only another workflow starts it."""
    status: Form
    """What it, its query and its updates return."""
    query: str = contract.QUERY_STATUS
    updates: dict[str, Form | None] = field(default_factory=dict)
    signals: dict[str, Form] = field(default_factory=dict)


_VERIFICATION: dict[str, Form | None] = {
    contract.UPDATE_SEND_CODE: SendCode,
    contract.UPDATE_VERIFY_CODE: VerifyCode,
    contract.UPDATE_ATTEST: Attest,
}
_REVERSIBLE: dict[str, Form | None] = {
    **_VERIFICATION,
    contract.UPDATE_ANSWER: Answer,
    contract.UPDATE_APPROVE: Approve,
    contract.UPDATE_CORRECT: Correct,
    contract.UPDATE_WITHDRAW: Withdraw,
    contract.REQUEST_REVERSAL: RequestReversal,
}
_SIGNALS: dict[str, Form] = {
    contract.REQUEST_REVERSAL: RequestReversal,
    contract.SIGNAL_CREDIT_MEMO_POSTED: CreditMemoPosted,
}

WORKFLOWS = (
    DescribedWorkflow(
        contract.SUBSCRIPTION_CANCELLATION,
        contract.cancellation_workflow_id("{subscription}"),
        StartCancellation,
        CancellationStatus,
        updates={
            contract.UPDATE_RECEIVE: StartCancellation,
            **_REVERSIBLE,
            contract.UPDATE_CONSENT: GiveConsent,
            contract.ACKNOWLEDGE_STOP: AcknowledgeStop,
            contract.UPDATE_ACKNOWLEDGE_EXPORT: AcknowledgeExport,
            contract.UPDATE_RENEW_EXPORT_LINK: RenewExportLink,
        },
        signals={**_SIGNALS, contract.ACKNOWLEDGE_STOP: AcknowledgeStop},
    ),
    DescribedWorkflow(
        contract.SUBSCRIPTION_LINE_CANCELLATION,
        contract.line_cancellation_workflow_id("{line}"),
        StartLineCancellation,
        LineCancellationStatus,
        updates={contract.UPDATE_RECEIVE: StartLineCancellation, **_REVERSIBLE},
        signals=_SIGNALS,
    ),
    DescribedWorkflow(
        contract.MARKETING_SERVICE_CANCELLATION,
        contract.marketing_workflow_id("{organization}"),
        StartMarketingCancellation,
        MarketingCancellationStatus,
        updates={
            contract.UPDATE_RECEIVE: StartMarketingCancellation,
            **_VERIFICATION,
            contract.ACKNOWLEDGE_STOP: AcknowledgeStop,
        },
        signals={contract.ACKNOWLEDGE_STOP: AcknowledgeStop},
    ),
    DescribedWorkflow(
        contract.ON_PREMISES_MIGRATION,
        contract.migration_workflow_id("{subscription}"),
        None,
        MigrationStatus,
        updates={
            contract.UPDATE_ACCEPT: AcceptMigration,
            contract.UPDATE_CORRECT: CorrectMigration,
            contract.UPDATE_SEND_MIGRATION_LINK: SendMigrationLink,
            contract.UPDATE_ACKNOWLEDGE_DOWNLOAD: AcknowledgeMigration,
            contract.UPDATE_REPORT_COMPLETED: ReportMigrationCompleted,
        },
    ),
    DescribedWorkflow(
        contract.SUBSCRIPTION_LINE_DATES_UPDATE,
        "",
        UpdateLineDates,
        LineDatesProgress,
        query=contract.QUERY_PROGRESS,
        updates={contract.UPDATE_LINES_DONE: None},
    ),
)
"""Signals that the service's own parts send each other are left out."""
