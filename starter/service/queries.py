"""The query for the status of a case, asked until it is answered."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.api.errordetails.v1 import WorkflowNotReadyFailure
from temporalio.client import WorkflowHandle
from temporalio.common import QueryRejectCondition
from temporalio.service import RPCError, RPCStatusCode

import contract

QUERY_PATIENCE = timedelta(seconds=5)
"""The time after which a query is asked again: a worker that was killed with the question never answers it."""

QUERY_TIMEOUT = 3 * QUERY_PATIENCE
"""The longest wait for a status: Temporal takes ten seconds to give the questions of a killed worker to another one."""

OPENS_WITHIN = timedelta(seconds=2)
"""The time in which a new run of a workflow opens its case, unless the database is down; until then it knows no status."""

NOT_OPEN_YET = timedelta(milliseconds=50)
"""The interval of queries until then."""


def has_no_task(error: RPCError) -> bool:
    """Return true if a query failed because the run has no workflow task yet, which could answer it."""
    details = error.grpc_status.details
    return any(detail.Is(WorkflowNotReadyFailure.DESCRIPTOR) for detail in details)


async def live_status(workflow: WorkflowHandle[Any, Any]) -> Any:
    """Return a running workflow's answer to the query for its status; None where its case is not open for some time.

    A run that continues another one as new has no workflow task for a moment, and no case before its first is done.

    It is asked again after every `QUERY_PATIENCE` without an answer; the caller limits the time.

    Raises:
        WorkflowQueryRejectedError: the workflow does not run.
        WorkflowQueryFailedError: its history does not replay.
        RPCError.

    """
    clock = asyncio.get_running_loop().time
    opens_until = clock() + OPENS_WITHIN.total_seconds()
    while True:
        asked_at, pause = clock(), NOT_OPEN_YET
        try:
            live = await workflow.query(
                contract.QUERY_STATUS, reject_condition=QueryRejectCondition.NOT_OPEN, rpc_timeout=QUERY_PATIENCE
            )
            if live is not None or clock() > opens_until:
                return live
        except RPCError as error:
            if error.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
                pause = QUERY_PATIENCE
            elif not has_no_task(error) or clock() > opens_until:
                raise
        await asyncio.sleep(asked_at + pause.total_seconds() - clock())
