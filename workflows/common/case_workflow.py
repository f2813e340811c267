"""The base of all workflows of a case."""

import asyncio
from abc import ABC
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, NoReturn, TypeVar

from temporalio import workflow

from workflows.common.case_state import CaseState, Status
from workflows.common.history_length import HistoryLength
from workflows.common.notifier import Notifier
from workflows.common.owner import Activities, Argument, Outcome
from workflows.common.refused_requests import RefusedRequests
from workflows.common.requests import ReceivedRequests
from workflows.common.steps import RefusedStep, recorded

with workflow.unsafe.imports_passed_through():
    import contract
    from contract.readable import Readable
    from contract.steps import CaseRecord, Continued, Recorded, Step
    from domain.actors import THE_SERVICE
    from domain.refusals import ForwardedRefusal, Refusal, RefusalDetails
    from domain.words import FOR_AGENTS
    from runtime.refusals import FAULT_AGAIN, as_application_error


Asked = TypeVar("Asked", bound=contract.Request)
Result = TypeVar("Result")
State = TypeVar("State", bound=CaseState[Any, Any])


class RecordAhead(Exception):  # noqa: N818 - an event, not a fault
    """The discovery that the record of the case is not what its workflow expected: the story starts again from the record."""


CANCEL_REQUESTED = "an operator requested the cancellation of the workflow"
"""The reason of a case that ends by a button of Temporal, in the audit trail."""

TimedReminder = tuple[datetime, str, Callable[[str], Awaitable[None]]]
"""A reminder before a deadline: its instant, the occasion that names its step, and the function that sends it."""


class CaseWorkflow(ABC, Generic[State, Status]):
    """The workflow of a case: it opens the case, answers requests, waits for deadlines, and shows the state of the case.

    A kind of case is a linear chain: this class, one with the requests that the case takes, one with its story. Work
    beside the story is done by collaborators, such as the notifier, which see the workflow as a `CaseOwner`.
    """

    STEP_PREFIX: ClassVar[str] = ""
    """The prefix of its steps' names, where it shares a case and its audit trail with another workflow."""
    REFUSED_ACTION_PREFIX: ClassVar[str] = ""
    """The prefix of refused requests' names in the audit trail, for the same reason."""

    _notifier: Notifier
    """Set when the case is opened."""

    def __init__(self) -> None:
        self._case: State | None = None
        self._refused_to_open: RefusalDetails | None = None
        self._continued = Continued()
        """The state that the run before this one left."""
        self._lock = asyncio.Lock()
        """The lock for writes that must not cross with another one, such as the end of a time limit."""
        self._requests_received = 0
        self._refused = RefusedRequests(self)
        self._received: Sequence[Any] = ()
        """The input of the workflow, with which it continues as new."""
        self._length = HistoryLength()
        self._requests = ReceivedRequests(self)
        self._was_held_up = False
        """True once the story met a refusal: from then on it looks at a withdrawal before it tries the same step again."""

    @workflow.query(name=contract.QUERY_STATUS)
    def status(self) -> Status | None:
        """Return the status of the case; None before it is open."""
        return self._status() if self._case else None

    @workflow.query(name=contract.QUERY_KNOWN_RECORD)
    def known_record(self) -> contract.KnownRecord | None:
        """Return the record of the case as far as this workflow knows it; None before it is open."""
        if self._case is None:
            return None
        record = self._case.record
        return contract.KnownRecord(
            cancellation=self._case.id,
            stage=self._case.stage.value,
            revision=record.revision if record is not None else None,
            digest=record.digest if record is not None else None,
        )

    @property
    def case(self) -> State:
        """The case, which is open whenever the story or a handler runs."""
        if self._case is None:
            raise RuntimeError("the case is not open yet")
        return self._case

    def step(self, name: str, actor: str = THE_SERVICE, *, why: str | None = None) -> Step:
        """Return a step of the case, taken now; its name is the idempotency key."""
        name = f"{self.STEP_PREFIX}{name}"
        return Step(cancellation=self.case.id, name=name, actor=actor, at=workflow.now(), why=why)

    async def record(
        self, activity: Callable[[Activities, Argument], Outcome], argument: Argument, *, summary: str
    ) -> Outcome:
        """Take a step in the records, adopt the record, and start the delivery of the step's messages; raises RefusedStep."""
        outcome = await self.taken(recorded(activity, argument, summary=summary))
        self.notify(outcome)
        return outcome

    async def taken(self, step: Awaitable[Result]) -> Result:
        """Wait for the result of a step, and adopt the record that comes with it, or with its refusal."""
        try:
            outcome = await step
        except RefusedStep as refused:
            self.adopt(refused.case_record)
            raise
        self.adopt(outcome.record if isinstance(outcome, Recorded) else None)
        return outcome

    def adopt(self, record: CaseRecord | None) -> None:
        """Take over the record that a step met, if it met one."""
        if record is not None:
            self.case.adopt(record)

    def check_record(self) -> None:
        """Raise RecordAhead if the record of the case is further than this workflow knows."""
        if self.case.is_overtaken:
            raise RecordAhead

    def notify(self, outcome: Recorded) -> None:
        """Start the delivery of a step's messages to people and systems."""
        self._notifier.notify(outcome.last_message)

    def publish(self) -> None:
        """Show the state of the case in the Web UI and in the search attributes."""
        self.case.publish(self._notifier.undelivered)

    async def wait(self, done: Callable[[], bool], *, what: str = "", reminders: Sequence[TimedReminder] = ()) -> bool:
        """Wait until ``done``, at most until the deadline of the stage, sending reminders meanwhile. Return ``done()``."""
        until = self.case.stage_deadline
        for at, occasion, remind in sorted(reminders, key=lambda reminder: reminder[:2]):
            if until is None or not workflow.now() < at < until:
                continue
            if await self.sleep(done, at, occasion.replace("-", " ")):
                return True
            await remind(occasion)
        return await self.sleep(done, until, what)

    async def sleep(self, done: Callable[[], bool], until: datetime | None, what: str) -> bool:
        """Wait until ``done``, at most until an instant, with a timer named ``what``. Return ``done()``; raises RecordAhead."""
        self.check_record()
        if done():
            return True
        self.look_at_length()
        if self.continues_as_new:
            self._continue_as_new()
        timeout = None if until is None else until - workflow.now()
        if timeout is not None and timeout <= timedelta(0):
            return await self._requests.looked_up(done)
        self.publish()
        summary = Readable(f"{what}: {FOR_AGENTS.instant(until, self.case.zone)}") if until is not None else None
        try:
            await workflow.wait_condition(
                lambda: done() or self.case.is_overtaken or self.continues_as_new,
                timeout=timeout,
                timeout_summary=summary,
            )
        except TimeoutError:
            return await self._requests.looked_up(done)
        self.check_record()
        if not done():
            self._continue_as_new()
        return True

    async def until(self, done: Callable[[], bool], *, at_most: timedelta | None = None, what: str = "") -> None:
        """Wait until ``done``, with a timer named ``what`` if there is a limit; continue as new if the history becomes long."""
        self.look_at_length()
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: done() or self.continues_as_new, timeout=at_most, timeout_summary=Readable(what) or None
            )
            if not done():
                self._continue_as_new()

    def look_at_length(self) -> None:
        """Have the workflow continue as new at its next wait if its history has become long."""
        self._length.look()

    @property
    def interrupts_long_work(self) -> bool:
        """True once the history is so long that long work is interrupted, and begun again by the next run."""
        return self._length.interrupts_long_work

    @property
    def continues_as_new(self) -> bool:
        """True while the workflow may continue as new: its history is long, and nothing is under way but deliveries.

        A delivery that is interrupted is repeated by the next run, under the same id.
        """
        return self._length.is_too_long and workflow.all_handlers_finished() and self._is_idle()

    def _is_idle(self) -> bool:
        """Return true if no collaborator works beside the story, and no request without a handler waits for it."""
        return True

    async def _held_up(self, refused: RefusedStep) -> None:
        """Show why the story cannot take its next step; wait until it is to be tried again, or a request is to be taken up."""
        wishes = self._wishes()
        self._was_held_up = True
        self.case.held_up = refused.details
        self.look_at_length()
        if self.continues_as_new:
            self._continue_as_new()
        self.publish()
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._wishes() != wishes, timeout=FAULT_AGAIN, timeout_summary=Readable("try the step again")
            )
        self.case.held_up = None

    def _wishes(self) -> tuple[object, ...]:
        """Return the requests that wait for the story: a new one ends the wait of a story that is held up."""
        return ()

    async def _read_case(
        self, activity: Callable[[Activities, Argument], Outcome], argument: Argument, *, summary: str
    ) -> Outcome:
        """Open the case, or read one that an earlier run opened. That is not ended by a fault: it is read again later.

        Raises:
            RefusedStep.

        """
        info = workflow.info()
        while True:
            try:
                return await recorded(activity, argument, summary=summary)
            except RefusedStep as refused:
                if not refused.is_fault or info.run_id == info.first_execution_run_id:
                    raise
                workflow.set_current_details(f"**Held up: {summary}.** {refused.message}")
            await workflow.sleep(FAULT_AGAIN, summary=Readable(f"try again: {summary}"))

    def _continue_as_new(self) -> NoReturn:
        """Continue in a new run, which starts from the record of the case."""
        if self.case.is_published_as_held_up:  # the next run does not know what this one published
            self.case.held_up = None
            self.publish()
        workflow.continue_as_new(args=[*self._received, self.case.left(self._requests_received)])

    def _input(self, received: Sequence[Any]) -> Sequence[Any]:
        """Return what the caller sent; take up what the run before this one left."""
        self._received = received
        if workflow.info().continued_run_id is not None and len(received) > 1:
            self._received, self._continued = received[:-1], Continued.model_validate(received[-1])
            self._requests_received = self._continued.requests_received
        return self._received

    def _status(self) -> Status:
        status: Status = self.case.status(self._notifier.undelivered)
        return status

    def _show(self) -> None:
        self.case.show(self._notifier.undelivered)

    def _open(self, case: State, opened: Recorded) -> None:
        """Begin the work on a case, which lets in the requests that wait for it."""
        case.take_over(self._continued)
        self._notifier = Notifier(case.id, delivered=self._show)
        self._case = case
        self.notify(opened)

    async def _refuse_to_open(self, refusal: Refusal) -> NoReturn:
        """End with the refusal to open a case, which the caller and all waiting requests get."""
        self._refused_to_open = refusal.details
        await workflow.wait_condition(workflow.all_handlers_finished)
        raise as_application_error(refusal) from None

    async def _opened(self) -> None:
        if self._case is None:
            await workflow.wait_condition(lambda: self._case is not None or self._refused_to_open is not None)
        if self._refused_to_open is not None:
            raise as_application_error(ForwardedRefusal(self._refused_to_open))

    async def _finished(self) -> Status:
        """Wait until every message is delivered and every request answered, and return the final status."""
        await self.until(lambda: self._notifier.is_finished)
        await workflow.wait_condition(workflow.all_handlers_finished)
        self.publish()
        return self._status()
