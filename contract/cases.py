"""The status of each kind of case: the one table by which the contract tells the kinds apart."""

from contract.cancellation import CancellationStatus
from contract.marketing import MarketingCancellationStatus
from domain.cases import CaseKind

CaseStatus = CancellationStatus | MarketingCancellationStatus
"""The answer to the query for the status of a case of any kind."""

STATUS_FORMS: dict[CaseKind, type[CaseStatus]] = {
    CaseKind.SUBSCRIPTION: CancellationStatus,
    CaseKind.MARKETING_SERVICE: MarketingCancellationStatus,
}
