"""The `WebhookEndpoint` workflow: what one endpoint did not take, sent when it takes something again; no case waits for it."""

from datetime import timedelta
from typing import Any

from temporalio import workflow

from workflows.common.queues import queue_for
from workflows.common.reading import read_clean
from workflows.messaging.webhooks import send_owed

with workflow.unsafe.imports_passed_through():
    from activities.common.retries import MAIL_RETRY
    from activities.messaging.webhooks import Webhooks
    from contract import WorkQueue
    from contract.messaging import SIGNAL_OWED, WEBHOOK_ENDPOINT, ServeEndpoint
    from contract.readable import Readable
    from domain.refusals import Refusal
    from runtime.refusals import as_application_error


@workflow.defn(name=WEBHOOK_ENDPOINT)
class WebhookEndpoint:
    """One endpoint, until it has everything, or is paused and its owner knows; then nothing is waited for."""

    def __init__(self) -> None:
        self._is_owed = False

    @workflow.run
    async def run(self, *received: Any) -> None:
        """Serve an endpoint; end with the refusal of what is no name of one."""
        try:
            endpoint = read_clean(received, ServeEndpoint).endpoint
        except Refusal as refusal:
            raise as_application_error(refusal) from None
        while True:
            self._is_owed = False
            is_done = await send_owed(endpoint)
            if is_done:
                await workflow.execute_activity_method(
                    Webhooks.notify_owner,
                    endpoint,
                    task_queue=queue_for(WorkQueue.WEBHOOKS),
                    start_to_close_timeout=timedelta(minutes=1),
                    retry_policy=MAIL_RETRY,
                    summary=Readable(f"the owner of {endpoint}, if it was paused"),
                )
            if is_done and not self._is_owed:
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(args=list(received))

    @workflow.signal(name=SIGNAL_OWED)
    def owed(self, *_: Any) -> None:
        """Look once more before the end."""
        self._is_owed = True


WORKFLOWS = (WebhookEndpoint,)
