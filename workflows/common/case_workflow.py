"""The base of all workflows of a case."""

import asyncio
from abc import ABC
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, NoReturn, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    import contract
    from contract.steps import CaseRecord, Recorded, Step
    from domain.refusals import ForwardedRefusal, Refusal, RefusalDetails
    from domain.words import FOR_AGENTS
    from runtime.refusals import as_application_error

# Our own workflow code is reloaded for every workflow, inside the sandbox, on purpose: so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.common.case_state import CaseState, Status
    from workflows.common.notifier import Notifier
    from workflows.common.owner import OPERATOR, THE_SERVICE, Activities, Argument, Outcome
    from workflows.common.refused_requests import RefusedRequests
    from workflows.common.steps import RefusedStep, recorded

Asked = TypeVar("Asked", bound=contract.Request)
Result = TypeVar("Result")
State = TypeVar("State", bound=CaseState[Any, Any])


class RecordAhead(Exception):  # noqa: N818 - an event, not a fault
    """The discovery that the record of the case is further than its workflow: the story starts again from the record."""


CANCEL_REQUESTED = "an operator requested the cancellation of the workflow"
"""The reason of a case that ends by a button of Temporal, in the audit trail."""

TimedReminder = tuple[datetime, str, Callable[[str], Awaitable[None]]]
"""A reminder before a deadline: its instant, the occasion that names its step, and the function that sends it."""


def lawful(form: type[Asked], action: str, check: Callable[[Any, Asked], object] | None = None) -> Callable[..., None]:
    """Return the validator of an update: ``check`` is the part of the handler that looks at the state of the case alone."""

    # Temporal holds the parameters of a validator against those of its update.
    def validate(self, *received: Any) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        self.refuse_unlawful(received, form, action, check)

    return validate


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
        self._lock = asyncio.Lock()
        """The lock for writes that must not cross with another one, such as the end of a time limit."""
        self._requests_received = 0
        self._refused = RefusedRequests(self)

    @workflow.query(name=contract.QUERY_STATUS)
    def status(self) -> Status | None:
        """Return the status of the case; None before it is open."""
        return self._status() if self._case else None

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

    async def _undisturbed(self, story: Coroutine[Any, Any, Status]) -> Status:
        """Run the story to its end. A request to cancel the workflow interrupts no step: it is a request by an operator."""
        running = asyncio.create_task(story)
        while True:
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                if running.done() or workflow.cancellation_reason() is None:  # this run leaves the worker's memory
                    raise
                await workflow.wait_condition(lambda: self._case is not None or running.done())
                if self._case is not None:
                    await self._take_cancel_request()

    async def _take_cancel_request(self) -> None:
        """Take an operator's request to cancel the workflow."""
        raise NotImplementedError

    async def _refuse_cancel_request(self, refusal: Refusal) -> None:
        """Audit and show a request to cancel the workflow that comes too late; it is ignored."""
        step, summary = self.step("cancel-request", OPERATOR), "keep the refused request to cancel the workflow"
        await self._refused.audit(refusal, step, "cancel_request.refused", self.case.subscription, summary=summary)
        self.case.last_refusal = refusal.details
        self.publish()

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
        timeout = None if until is None else until - workflow.now()
        if timeout is not None and timeout <= timedelta(0):
            return False
        self.publish()
        summary = f"{what}: {FOR_AGENTS.instant(until, self.case.zone)}" if until is not None else None
        try:
            await workflow.wait_condition(
                lambda: done() or self.case.is_overtaken, timeout=timeout, timeout_summary=summary
            )
        except TimeoutError:
            return done()
        self.check_record()
        return True

    def _status(self) -> Status:
        status: Status = self.case.status(self._notifier.undelivered)
        return status

    def _show(self) -> None:
        self.case.show(self._notifier.undelivered)

    def _open(self, case: State, opened: Recorded) -> None:
        """Begin the work on a case, which lets in the requests that wait for it."""
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
        await self._notifier.finished()
        await workflow.wait_condition(workflow.all_handlers_finished)
        self.publish()
        return self._status()

    def refuse_unlawful(
        self,
        received: Sequence[Any],
        form: type[Asked],
        action: str,
        check: Callable[[Any, Asked], object] | None,
    ) -> None:
        """Refuse an update before it is accepted, which writes nothing to the history.

        A malformed one always; beyond the limit of audited refusals also one that the state of the case refuses.
        """
        try:
            message = contract.read(received, form)
            if check is not None and self._case is not None and self._refused.is_over_limit(action, message.actor):
                check(self, message)
        except Refusal as refusal:
            raise as_application_error(refusal) from None

    async def _answer_to(
        self,
        received: Sequence[Any],
        form: type[Asked],
        action: str,
        act: Callable[[Asked, Step], Awaitable[object]],
    ) -> Status:
        """Handle a message; a refusal is audited and returned to the caller with its code."""
        await self._opened()
        self._requests_received += 1
        update = workflow.current_update_info()
        name = f"{action}:{update.id}" if update else f"{action}-{self._requests_received}"
        step = self.step(name, "unknown")
        async with self._request_lock():
            while True:
                try:
                    message = contract.read(received, form)
                    step = self.step(name, message.actor)
                    await act(message, step)
                except Refusal as refusal:
                    audited_as = f"{self.REFUSED_ACTION_PREFIX}{action}.refused"
                    if not await self._refused.stands(refusal, step, action, audited_as):
                        continue
                    self.publish()
                    raise as_application_error(refusal) from None
                self.publish()
                return self._status()

    async def _take_signal(
        self,
        received: Sequence[Any],
        form: type[Asked],
        action: str,
        act: Callable[[Asked, Step], Awaitable[object]],
    ) -> None:
        """Handle a signal; a refusal is audited, and no caller waits for it."""
        try:
            await self._answer_to(received, form, action, act)
        except ApplicationError as refused:
            workflow.logger.info("%s by signal refused: %s", action, refused.type)

    def _request_lock(self) -> AbstractAsyncContextManager[object]:
        """Return the lock of a request during its handling: none, unless a kind of case takes one request at a time."""
        return nullcontext()
