"""The workflows of webhook endpoints: what one is owed is delivered after it returns, and one is tried out."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from workflows.common.queues import queue_for
from workflows.common.reading import read_clean

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.common.retries import RECORD_RETRY, WEBHOOK_RETRY
    from activities.messaging.webhooks import Webhooks
    from contract import WorkQueue
    from contract.readable import Readable
    from contract.steps import Reopening, claim_of_start
    from domain.refusals import ForwardedRefusal, Refusal
    from runtime.refusals import as_application_error, as_refusal


_ONCE = RetryPolicy(maximum_attempts=1)


@workflow.defn(name=contract.WEBHOOK_BACKFILL)
class WebhookBackfill:
    """The delivery of everything that an endpoint is owed, and of what is to be sent to it again.

    It ends when nothing is left, or when the endpoint is paused: then it waits in the outbox.
    """

    @workflow.run
    async def run(self, *received: Any) -> None:
        """Have the messages sent; end with the refusal of what is no request for that."""
        try:
            wish = read_clean(received, contract.BackfillWebhooks)
            if wish.reopens and workflow.info().continued_run_id is None:
                await self._reopen(wish)
        except Refusal as refusal:
            raise as_application_error(refusal) from None
        while not await send_owed(wish.endpoint):
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(args=list(received))

    async def _reopen(self, wish: contract.BackfillWebhooks) -> None:
        workflow_id = workflow.info().workflow_id
        claim = claim_of_start(workflow_id, wish)
        step = Reopening(
            endpoint=wish.endpoint,
            # By what was signed and not by the run: whoever starts it again with the same message asks for nothing new.
            key=f"{workflow_id}/{claim.of}",
            actor=wish.actor,
            claim=claim,
            at=workflow.now(),
            messages=tuple(wish.messages),
            since=wish.since,
            failed_only=wish.failed_only,
            why=wish.reason,
        )
        try:
            await workflow.execute_activity_method(
                Webhooks.reopen_webhooks,
                step,
                task_queue=queue_for(WorkQueue.WEBHOOKS),
                start_to_close_timeout=timedelta(minutes=1),
                retry_policy=RECORD_RETRY,
                summary=Readable("choose the messages that are sent again"),
            )
        except ActivityError as error:
            if error.cause is not None and (refusal := as_refusal(error.cause)):
                raise ForwardedRefusal(refusal) from None
            raise


async def send_owed(endpoint: str) -> bool:
    """Have an endpoint sent what it is owed, for a while; return true if nothing is left that could be sent."""
    return await workflow.execute_activity_method(
        Webhooks.backfill_webhooks,
        endpoint,
        task_queue=queue_for(WorkQueue.WEBHOOKS),
        start_to_close_timeout=timedelta(minutes=10),
        heartbeat_timeout=timedelta(seconds=30),
        retry_policy=WEBHOOK_RETRY,
        summary=Readable(f"webhooks to {endpoint}"),
    )


@workflow.defn(name=contract.WEBHOOK_TEST)
class WebhookTest:
    """One message of trial to an endpoint."""

    @workflow.run
    async def run(self, *received: Any) -> contract.WebhookTested:
        """Send it once, and return the answer."""
        try:
            endpoint = read_clean(received, contract.TestWebhook).endpoint
        except Refusal as refusal:
            raise as_application_error(refusal) from None
        return await workflow.execute_activity_method(
            Webhooks.test_webhook,
            endpoint,
            task_queue=queue_for(WorkQueue.WEBHOOKS),
            start_to_close_timeout=timedelta(seconds=20),
            retry_policy=_ONCE,
            summary=Readable(f"a message of trial to {endpoint}"),
        )


WORKFLOWS = (WebhookBackfill, WebhookTest)
