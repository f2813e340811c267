"""The steps of the workflows: every type that Temporal keeps in a history beside the messages, and nothing else.

Activities take and return them. Histories are replayed for months after a release, so a type here grows by optional fields
alone; `tests/contract/test_history_types.py` compares each with its recorded schema.
"""

from contract.steps.cancellation import (
    AnswersGiven,
    Approval,
    Attested,
    Effect,
    Erased,
    Obstacle,
    Opened,
    OpenedCase,
    OpenRequest,
    Settled,
    Settlement,
    TookEffect,
)
from contract.steps.common import CaseRecord, CodeTried, Continued, Recorded, RefusedRequest, Reminder, Step, StepData
from contract.steps.lines import OpenRun, UpdatePass
from contract.steps.marketing import (
    AdCentreReminder,
    CampaignStop,
    ConsentAsked,
    ConsentGiven,
    ConsentRequest,
    MarketingOpened,
    OpenedMarketingCase,
    OpenMarketingRequest,
    StopAcknowledged,
    StopRecorded,
)
from contract.steps.migration import (
    Accepted,
    Corrected,
    Correction,
    MigrationEnd,
    MigrationReminder,
    MigrationState,
    Moved,
    Transfer,
)

__all__ = [
    "Accepted",
    "AdCentreReminder",
    "AnswersGiven",
    "Approval",
    "Attested",
    "CampaignStop",
    "CaseRecord",
    "CodeTried",
    "ConsentAsked",
    "ConsentGiven",
    "ConsentRequest",
    "Continued",
    "Corrected",
    "Correction",
    "Effect",
    "Erased",
    "MarketingOpened",
    "MigrationEnd",
    "MigrationReminder",
    "MigrationState",
    "Moved",
    "Obstacle",
    "OpenMarketingRequest",
    "OpenRequest",
    "OpenRun",
    "Opened",
    "OpenedCase",
    "OpenedMarketingCase",
    "Recorded",
    "RefusedRequest",
    "Reminder",
    "Settled",
    "Settlement",
    "Step",
    "StepData",
    "StopAcknowledged",
    "StopRecorded",
    "TookEffect",
    "Transfer",
    "UpdatePass",
]
