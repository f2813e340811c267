"""The owner of a cancellation's collaborators: the workflow, as billing, export, erasure, campaigns and migration may use it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from temporalio import workflow

from workflows.cancellation.reversible_state import ReversibleCase
from workflows.cancellation.state import Case
from workflows.common.case_workflow import Result, TimedReminder
from workflows.common.owner import CaseOwner

with workflow.unsafe.imports_passed_through():
    from contract.steps import Recorded


class ReversibleOwner(CaseOwner[ReversibleCase[Any]], Protocol):
    """The workflow of a cancellation that can be undone, as its collaborators see it."""

    @property
    def requester(self) -> str:
        """The actor who asked for the cancellation."""
        ...

    @property
    def is_withdrawn(self) -> bool:
        """True once a withdrawal is requested, which ends every wait before the cancellation takes effect."""
        ...

    def check_record(self) -> None:
        """Raise RecordAhead if the record of the case is further than this workflow knows."""
        ...

    async def taken(self, step: Awaitable[Result]) -> Result:
        """Wait for the result of a step, and adopt the record that comes with it, or with its refusal."""
        ...

    def notify(self, outcome: Recorded) -> None:
        """Start the delivery of a step's messages to people and systems."""
        ...

    def publish(self) -> None:
        """Show the state of the case in the Web UI and in the search attributes."""
        ...

    async def until(self, done: Callable[[], bool], *, at_most: timedelta | None = None, what: str = "") -> None:
        """Wait until ``done``, with a timer named ``what`` if there is a limit; continue as new if the history becomes long."""
        ...

    async def wait(self, done: Callable[[], bool], *, what: str = "", reminders: Sequence[TimedReminder] = ()) -> bool:
        """Wait until ``done``, at most until the deadline of the stage, sending reminders meanwhile. Return ``done()``."""
        ...

    async def sleep(self, done: Callable[[], bool], until: datetime | None, what: str) -> bool:
        """Wait until ``done``, at most until an instant, with a timer named ``what``. Return ``done()``."""
        ...


class CancellationOwner(ReversibleOwner, Protocol):
    """The workflow that cancels a subscription, as its collaborators see it."""

    @property
    def case(self) -> Case:
        """The case, which is open."""
        ...
