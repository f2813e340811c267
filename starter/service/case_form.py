"""The form of an area's cases: what the facade has to know of a kind of case to send its requests."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy.orm import Session

import contract
from domain.refusals import Refusal
from records.late_requests import LateRequest
from records.transaction import Transaction

Start = TypeVar("Start")
Request = TypeVar("Request")
Status = TypeVar(
    "Status",
    contract.CancellationStatus,
    contract.LineCancellationStatus,
    contract.MarketingCancellationStatus,
    contract.MigrationStatus,
)
Reversible = TypeVar("Reversible", contract.CancellationStatus, contract.LineCancellationStatus)


@dataclass(frozen=True)
class Opening(Generic[Start, Request]):
    """The opening of an area's cases in the records, which a start is tried against before it starts a workflow."""

    request: Callable[[Start, str, datetime], Request]
    """Returns the request of a start, for a workflow id, that is received at an instant."""
    open: Callable[[Transaction, Request], object]
    """Opens the case, or raises the refusal."""
    record_refused: Callable[[Transaction, Request, Refusal], None]


@dataclass(frozen=True)
class CaseForm(Generic[Status]):
    """The form of an area's cases. A case is found by its subject: a subscription, a line or an organization."""

    status: type[Status]
    workflow_id: Callable[[str], str]
    """Returns the id of the workflow of the subject's case."""
    newest: Callable[[Session, str], str | None]
    """Returns the newest case of a subject."""
    refuse_late: Callable[[Transaction, str, LateRequest], Refusal]
    """Returns the refusal of a request that found no running workflow, and audits it."""
    opening: Opening[Any, Any] | None = None
    """None where no client starts a case."""


@dataclass(frozen=True, kw_only=True)
class ReversibleForm(CaseForm[Reversible]):
    """The form of cases that can be undone."""

    recorded: Callable[[Session, str], Reversible]
    """Returns the status of the newest case of a subject from the records."""
    zone: Callable[[Session, str], str]
    """Returns the zone of the newest case of a subject."""
