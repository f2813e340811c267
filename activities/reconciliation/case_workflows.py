"""The workflows of cases as Temporal has them: looked at, started from the record, ended."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.common import QueryRejectCondition, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

import contract
from contract.messaging import WEBHOOK_ENDPOINT, ServeEndpoint, webhook_endpoint_workflow_id
from contract.readable import Readable
from contract.steps import Suspect
from domain.actors import RECONCILIATION
from domain.cases import CaseKind
from domain.vocabulary import Channel
from records.reconciliation.cases import RecordedCase

ANSWERS_WITHIN = timedelta(seconds=5)
"""The time for an answer to a query. A worker that was killed never answers, so it is asked once more."""

TYPES = {
    CaseKind.SUBSCRIPTION: contract.SUBSCRIPTION_CANCELLATION,
    CaseKind.MARKETING_SERVICE: contract.MARKETING_SERVICE_CANCELLATION,
    CaseKind.SUBSCRIPTION_LINE: contract.SUBSCRIPTION_LINE_CANCELLATION,
}


@dataclass(frozen=True)
class Run:
    """The newest run of a workflow."""

    run_id: str
    is_running: bool
    has_completed: bool
    """True if it came to its end by itself, and did all its work."""
    started_at: datetime
    history_length: int
    is_idle: bool
    """True if no task and no activity of it is under way."""
    trouble: str
    """The code of what holds it up, if Temporal knows it."""
    paused: tuple[str, ...]
    """The types of its activities that an operator has paused."""

    def has_done_nothing_since(self, suspect: Suspect) -> bool:
        """Return true if it is the run that was suspect, and nothing has happened in it nor is under way."""
        is_same = (self.run_id, self.history_length) == (suspect.run_id, suspect.history_length)
        return self.is_running and self.is_idle and is_same


class CaseWorkflows:
    """A client of the workflows of cases."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def run_of(self, workflow_id: str) -> Run | None:
        """Return the newest run of a workflow; None where Temporal has none, or has it no more."""
        try:
            description = await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None
        raw = description.raw_description
        task_under_way = raw.HasField("pending_workflow_task")
        return Run(
            run_id=str(description.run_id),
            is_running=description.status is WorkflowExecutionStatus.RUNNING,
            has_completed=description.status is WorkflowExecutionStatus.COMPLETED,
            started_at=description.start_time,
            history_length=description.history_length,
            is_idle=not task_under_way and not raw.pending_activities,
            trouble=_trouble(description),
            paused=tuple(sorted({pending.activity_type.name for pending in raw.pending_activities if pending.paused})),
        )

    async def known_record(self, workflow_id: str) -> contract.KnownRecord | None:
        """Return the record as the running workflow knows it; None if it does not run, or has not opened its case.

        Raises:
            TimeoutError: it does not answer.

        """
        handle = self._client.get_workflow_handle(workflow_id)
        for _ in range(2):
            try:
                known = await handle.query(
                    contract.QUERY_KNOWN_RECORD,
                    reject_condition=QueryRejectCondition.NOT_OPEN,
                    rpc_timeout=ANSWERS_WITHIN,
                )
            except WorkflowQueryRejectedError:
                return None
            except WorkflowQueryFailedError:
                break
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return None
            else:
                return contract.KnownRecord.model_validate(known) if known is not None else None
        raise TimeoutError

    async def start_again(self, case: RecordedCase) -> bool:
        """Start the workflow of a case from its record; return False if one runs under its id meanwhile."""
        return await self._start(
            TYPES[case.kind], _start_of(case), case.workflow_id, f"Continue {case.id} from its record"
        )

    async def terminate(self, workflow_id: str, run_id: str, reason: str) -> bool:
        """Terminate a run; return False if it has ended meanwhile."""
        return await self._there(self._client.get_workflow_handle(workflow_id, run_id=run_id).terminate(reason=reason))

    async def cancel(self, workflow_id: str) -> bool:
        """Request the cancellation of a workflow; return False if it has ended meanwhile."""
        return await self._there(self._client.get_workflow_handle(workflow_id).cancel())

    async def look_at_billing(self, workflow_id: str) -> bool:
        """Have a case look at its open lines; return False if its workflow has ended meanwhile."""
        handle = self._client.get_workflow_handle(workflow_id)
        return await self._there(
            handle.signal(contract.SIGNAL_CREDIT_MEMO_POSTED, contract.CreditMemoPosted(invoice=""))
        )

    async def start_migration(self, subscription: str, cancellation: str) -> None:
        """Start the workflow of a migration from its record, unless it runs."""
        await self._start(
            contract.ON_PREMISES_MIGRATION,
            contract.RequestMigration(cancellation=cancellation, actor=RECONCILIATION),
            contract.migration_workflow_id(subscription),
            f"End the migration of {cancellation}, which has ended",
        )

    async def follow_tasks(self, case: str) -> None:
        """Start the workflow that follows the tasks of systems, unless it runs."""
        workflow_id = contract.system_tasks_workflow_id(case)
        await self._start(contract.SYSTEM_TASKS, case, workflow_id, f"What {case} asks of other systems")

    async def carry_out(self, bulk: str) -> None:
        """Start the workflow that carries out a bulk, unless it runs."""
        start, workflow_id = contract.CarryOutBulk(bulk=bulk), contract.bulk_workflow_id(bulk)
        await self._start(contract.BULK_CANCELLATION, start, workflow_id, f"Bulk cancellation {bulk}")

    async def serve(self, endpoint: str) -> None:
        """Start the workflow that serves a webhook endpoint, unless it runs."""
        start, workflow_id = ServeEndpoint(endpoint=endpoint), webhook_endpoint_workflow_id(endpoint)
        await self._start(WEBHOOK_ENDPOINT, start, workflow_id, f"Send {endpoint} what it did not take")

    async def deliver(self, case: str, last_message: dict[Channel, int]) -> None:
        """Have the messages of a case delivered whose own workflow cannot be started any more."""
        await self._client.start_workflow(
            contract.MESSAGE_DELIVERY,
            case,
            id=f"delivery:{case}",
            task_queue=self._task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal=contract.SIGNAL_DELIVER,
            start_signal_args=[last_message],
            static_summary=Readable(f"Deliver the messages of {case}, whose own workflow has ended"),
        )

    async def running(self, workflow_type: str) -> AsyncIterator[list[str]]:
        """Yield the ids of the running workflows of a type, page by page, as they are listed: that may be a little late."""
        listed = self._client.list_workflows(
            f"WorkflowType = '{workflow_type}' AND ExecutionStatus = 'Running'", page_size=500
        )
        while True:
            await listed.fetch_next_page()
            if listed.current_page:
                yield [found.id for found in listed.current_page]
            if not listed.next_page_token:
                return

    async def _start(self, workflow_type: str, start: object, workflow_id: str, summary: str) -> bool:
        """Start a workflow whose work is recorded; return False if one runs under its id."""
        try:
            await self._client.start_workflow(
                workflow_type,
                start,
                id=workflow_id,
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=Readable(summary),
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _there(self, request: Any) -> bool:
        try:
            await request
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True


def _start_of(
    case: RecordedCase,
) -> contract.StartCancellation | contract.StartLineCancellation | contract.StartMarketingCancellation:
    """Return the start that finds a recorded case, whatever stage it is in."""
    common = {"actor": case.opened_by, "request_id": case.request_id, "continues": case.id}
    if case.kind is CaseKind.SUBSCRIPTION:
        return contract.StartCancellation(subscription=case.subject, **common)
    if case.kind is CaseKind.SUBSCRIPTION_LINE:
        return contract.StartLineCancellation(subscription_line=case.subject, **common)
    return contract.StartMarketingCancellation(organization=case.subject, administrator="", **common)


def _trouble(description: WorkflowExecutionDescription) -> str:
    """Return the code of what holds a workflow up: a code, because the text of a failure may name a person."""
    raw = description.raw_description
    for pending in raw.pending_activities:
        if pending.paused:
            return f"{pending.activity_type.name} is paused"
    for pending in raw.pending_activities:
        if pending.attempt > 1 and pending.HasField("last_failure"):
            code = pending.last_failure.application_failure_info.type or "time-out"
            return f"{pending.activity_type.name} fails: {code}, attempt {pending.attempt}"
    task = raw.pending_workflow_task
    if task.attempt > 1:
        return f"a workflow task fails, attempt {task.attempt}"
    if raw.HasField("pending_workflow_task") and not task.HasField("started_time"):
        return "no worker takes its workflow task"
    return ""
