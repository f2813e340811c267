"""The status of each kind of case: the one table by which the contract distinguishes the kinds."""

from contract.cancellation import CancellationStatus
from contract.line_cancellation import LineCancellationStatus
from contract.marketing import MarketingCancellationStatus
from domain.cases import CaseKind

CaseStatus = CancellationStatus | LineCancellationStatus | MarketingCancellationStatus
"""The result of the query ``status`` for a case of any kind."""

STATUS_FORMS: dict[CaseKind, type[CaseStatus]] = {
    CaseKind.SUBSCRIPTION: CancellationStatus,
    CaseKind.MARKETING_SERVICE: MarketingCancellationStatus,
    CaseKind.SUBSCRIPTION_LINE: LineCancellationStatus,
}
"""The model of the status of each kind of case."""
