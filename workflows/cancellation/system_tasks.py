"""The `SystemTasks` workflow: what a cancellation asks of other systems, asked for again until they confirm it.

It is a workflow of its own, because it may outlast its cancellation, whose workflow id a new one needs.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from workflows.cancellation.owner import CancellationOwner
from workflows.common.ad_centre import LONGEST_PATIENCE
from workflows.common.notifier import Notifier
from workflows.common.reading import read_clean
from workflows.common.steps import RefusedStep, recorded

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.system_tasks import TaskRecords
    from contract.readable import Readable
    from contract.steps import Step, TaskConfirmed, TasksFollowed, claim_of_update, request_in_key
    from domain.actors import THE_SERVICE
    from domain.refusals import Refusal
    from domain.requests import RequestOfAnotherCase
    from runtime.refusals import FAULT_AGAIN, as_application_error


@workflow.defn(name=contract.SYSTEM_TASKS)
class SystemTasks:
    """The tasks of one cancellation. The records say what is open; confirmations over the API go there, too."""

    def __init__(self) -> None:
        self._case = ""
        self._state: TasksFollowed | None = None
        self._has_changed = False
        self._requests = 0

    @workflow.run
    async def run(self, *received: Any) -> None:
        """Follow the tasks of a cancellation, by its id, until none is open and every message about them is delivered."""
        try:
            self._case = contract.read_case_id(received)
        except Refusal as refusal:
            raise as_application_error(refusal) from None
        notifier, patience = Notifier(self._case), None
        while True:
            self._has_changed = False
            state = self._state = await self._followed()
            notifier.notify(state.last_message)
            patience = patience or state.reminder
            if not state.tasks and not self._has_changed:
                await workflow.wait_condition(
                    lambda: self._has_changed or (notifier.is_finished and workflow.all_handlers_finished())
                )
                if not self._has_changed:
                    return
                continue
            if workflow.info().is_continue_as_new_suggested() and workflow.all_handlers_finished():
                workflow.continue_as_new(args=list(received))
            if not await self._changed_within(patience):
                await self._remind()
                patience = min(2 * patience, LONGEST_PATIENCE)

    @workflow.query(name=contract.QUERY_STATUS)
    def status(self) -> contract.SystemTasksStatus | None:
        """Return what is open; None before it is known."""
        return self._status() if self._state is not None else None

    @workflow.signal(name=contract.SIGNAL_TASKS_CHANGED)
    def tasks_changed(self, *_: Any) -> None:
        """Have the records looked at now."""
        self._has_changed = True

    @workflow.update(name=contract.CONFIRM_TASK)
    async def confirm_task(self, *received: Any) -> contract.SystemTasksStatus:
        """Record a system's confirmation, for callers who need the outcome."""
        await workflow.wait_condition(lambda: self._state is not None)
        try:
            message = read_clean(received, contract.ConfirmTask)
            await recorded(TaskRecords.confirm_task, self._confirmed(message), summary=f"{message.system} confirms")
        except Refusal as refusal:
            raise as_application_error(refusal) from None
        self._state, self._has_changed = await self._followed(), True
        return self._status()

    @workflow.signal(name=contract.CONFIRM_TASK)
    async def confirm_task_signal(self, *received: Any) -> None:
        """Record the same confirmation from systems that fire and forget."""
        try:
            await self.confirm_task(*received)
        except ApplicationError as refused:
            workflow.logger.info("a confirmation by signal is refused: %s", refused.type)

    def _confirmed(self, message: contract.ConfirmTask) -> TaskConfirmed:
        if message.cancellation != self._case:
            raise RequestOfAnotherCase(self._case, message.cancellation)
        update = workflow.current_update_info()
        name, update_id = (update.name, update.id) if update else ("", "")
        self._requests += 1
        key = (
            request_in_key(name, update_id)
            if update
            else f"{contract.CONFIRM_TASK}-{workflow.info().run_id}-{self._requests}"
        )
        return TaskConfirmed(
            cancellation=self._case,
            name=f"{contract.CONFIRM_TASK}:{key}",
            actor=message.actor,
            claim=claim_of_update(workflow.info().workflow_id, name, update_id, message),
            at=workflow.now(),
            system=message.system,
            task=message.task,
        )

    async def _followed(self) -> TasksFollowed:
        return await recorded(TaskRecords.follow_tasks, self._case, summary="what systems have not confirmed")

    async def _changed_within(self, patience: timedelta) -> bool:
        try:
            await workflow.wait_condition(
                lambda: self._has_changed, timeout=patience, timeout_summary=Readable("ask the systems again")
            )
        except TimeoutError:
            return False
        return True

    async def _remind(self) -> None:
        # By its instant, because the next run counts from one again.
        name = f"systems-reminder-{int(workflow.now().timestamp())}"
        step = Step(cancellation=self._case, name=name, actor=THE_SERVICE, at=workflow.now())
        try:
            await recorded(TaskRecords.remind_systems, step, summary="ask the systems again")
        except RefusedStep as refused:
            workflow.logger.error("systems are not asked again before the next time: %s", refused.message)

    def _status(self) -> contract.SystemTasksStatus:
        state = self._state
        tasks, reminder = (state.tasks, state.reminder) if state is not None else ((), FAULT_AGAIN)
        return contract.SystemTasksStatus(cancellation=self._case, open=tasks, reminder=reminder)


class SystemTaskStart:
    """The collaborator of a cancellation that has its tasks followed."""

    def __init__(self, owner: CancellationOwner) -> None:
        self._owner = owner

    async def followed(self) -> None:
        """Start to follow the tasks that a step has requested, if it has, or have their workflow look at them."""
        case = self._owner.case
        if case.record is None or not case.record.has_open_tasks:
            return
        workflow_id = contract.system_tasks_workflow_id(case.id)
        try:
            await workflow.start_child_workflow(
                contract.SYSTEM_TASKS,
                case.id,
                id=workflow_id,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=Readable(f"What {case.id} asks of other systems"),
            )
        except WorkflowAlreadyStartedError:
            with suppress(ApplicationError):  # it has ended at this very moment: the reconciliation starts it again
                await workflow.get_external_workflow_handle(workflow_id).signal(contract.SIGNAL_TASKS_CHANGED)


WORKFLOWS = (SystemTasks,)
