"""Operators' buttons that end a workflow, and reconciliations after them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from contract import ReconciliationReport
from tests.support.world import World, eventually

Button = Callable[[World, str], Awaitable[None]]


async def terminate(world: World, workflow_id: str) -> None:
    """Press Terminate."""
    await world.environment.client.get_workflow_handle(workflow_id).terminate("by mistake")


async def delete(world: World, workflow_id: str) -> None:
    """Press Delete, and wait until Temporal knows nothing of it any more."""
    client = world.environment.client
    request = DeleteWorkflowExecutionRequest(
        namespace=client.namespace, workflow_execution=WorkflowExecution(workflow_id=workflow_id)
    )

    async def is_gone() -> bool:
        """Ask for it again, until there is nothing left to delete: a server that is short of time breaks requests off."""
        try:
            await client.workflow_service.delete_workflow_execution(request)
        except RPCError as error:
            if error.status not in (RPCStatusCode.NOT_FOUND, RPCStatusCode.CANCELLED):
                raise
            return error.status is RPCStatusCode.NOT_FOUND
        return False

    await eventually(is_gone)


BUTTONS: list[Button] = [terminate, delete]


async def reconcile(world: World, *, dry_run: bool = False) -> ReconciliationReport:
    """Reconcile; the workflows that it starts have clocks that only the test moves."""
    with world.environment.with_time_skipping_disabled():
        return await world.offramp.reconciliation.reconcile(dry_run=dry_run)


async def reconcile_with_second_look(world: World) -> ReconciliationReport:
    """Reconcile where something is suspect: it is looked at again a minute later, which passes at once."""
    with world.environment.with_time_skipping_disabled():
        name = await world.offramp.reconciliation.begin()
        handle = world.environment.client.get_workflow_handle(name, result_type=ReconciliationReport)

        async def waits() -> bool:
            history = await handle.fetch_history()
            return any(event.HasField("timer_started_event_attributes") for event in history.events)

        await eventually(waits)
        await world.environment.fast_forward(handle, timedelta(minutes=1))
        report: ReconciliationReport = await handle.result()
    return report


def about(report: ReconciliationReport, subject: str) -> list[tuple[str, str]]:
    """The findings about a case, or whatever begins with it: kind and outcome."""
    return [
        (finding.kind.value, finding.outcome.value)
        for finding in report.findings
        if finding.subject.removeprefix("cancellations/").startswith(subject)
    ]


async def runs(world: World, workflow_id: str) -> bool:
    """Whether a workflow runs under an id."""
    try:
        description = await world.environment.client.get_workflow_handle(workflow_id).describe()
    except RPCError:
        return False
    return description.status is WorkflowExecutionStatus.RUNNING


async def open_workflows(world: World) -> set[tuple[str, str]]:
    """The running workflows of cases, each with its run."""
    client = world.environment.client
    listed = client.list_workflows("ExecutionStatus = 'Running' AND WorkflowType != 'Reconciliation'")
    return {(found.id, str(found.run_id)) async for found in listed}
