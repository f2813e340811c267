"""The steps of a subscription's cancellation: their inputs and their outcomes."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

from contract.steps.common import Recorded, Step, StepData
from domain.cancellation.checklist import Checklist
from domain.lines.quote import Quote
from domain.marketing import CampaignAction
from domain.messaging import ErasureFacts
from domain.policy import CancellationPolicy
from domain.vocabulary import Identifier, Platform, Question


class OpenRequest(StepData):
    """The request that opens a cancellation."""

    workflow_id: str
    subscription: Identifier
    request_id: str
    actor: str
    at: datetime
    answers: Mapping[str, str]
    attested_because: str | None = None
    goodwill_reason: str | None = None
    reason: str | None = None
    campaign_actions: Mapping[str, CampaignAction] = {}


class OpenedCase(StepData):
    """A cancellation as it was opened: everything that the workflow needs."""

    cancellation: str
    organization: Identifier
    platform: Platform
    checklist: Checklist
    policy: CancellationPolicy
    received_on: date
    quote: Quote


class Opened(Recorded):
    """The outcome of opening a cancellation."""

    case: OpenedCase


class AnswersGiven(StepData):
    """Answers that the checklist has accepted."""

    step: Step
    checklist: Checklist
    answered: tuple[Question, ...]
    campaign_actions: Mapping[str, CampaignAction] = {}


class Attested(StepData):
    """An agent's word for the billing administrator."""

    step: Step
    because: str


class Approval(StepData):
    """A second person's approval of the goodwill."""

    step: Step
    reason: str


class Settlement(StepData):
    """The outcome of an attempt to set the end dates."""

    quote: Quote
    outstanding_credit_memos: tuple[str, ...] = ()
    """Invoices to be credited first; empty when the end dates are set and the lines frozen."""
    termination_day_begins_at: datetime
    """The instant (UTC) at which the termination day arrives in the organization's zone."""


class Settled(Recorded):
    """The outcome of an attempt to set the end dates."""

    settlement: Settlement


class Effect(StepData):
    """The dates that the end of access fixed."""

    access_ended_on: date
    reversal_deadline: datetime


class TookEffect(Recorded):
    """The outcome of the end of access."""

    effect: Effect


class Obstacle(StrEnum):
    """A reason why nothing may be erased yet."""

    HOLD = "hold"
    ACKNOWLEDGEMENT = "acknowledgement"


class Erased(Recorded):
    """The outcome of an erasure: its certificate, or the obstacle."""

    certificate: ErasureFacts | None = None
    waits_for: Obstacle | None = None
