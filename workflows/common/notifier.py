"""The notifier: the delivery of recorded messages beside the story. A mail server that is down delays no date."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows.common.queues import queue_for
from workflows.common.steps import GIVEN_UP_AGAIN, is_given_up

with workflow.unsafe.imports_passed_through():
    from activities.common.retries import MAIL_RETRY, WEBHOOK_RETRY
    from activities.messaging.mail import Mail
    from activities.messaging.webhooks import Webhooks
    from contract import WorkQueue
    from contract.readable import Readable
    from domain.vocabulary import Channel


IN_TURNS = "deliveries-in-turns-2026-11"
"""The id of the patch (docs/upgrades.md)."""

DELIVERY_TIMEOUT = timedelta(seconds=30)
"""The time after which another worker takes over from one that died in the middle of a delivery; a delivery that takes
longer is repeated from the first message that was not handed over."""


class Notifier:
    """The delivery of one case's messages to people and systems, one at a time for each channel.

    It knows the last recorded message (`notify`) and the last delivered one, and works until both are the same. A delivery
    that fails is retried without end and shows in the Web UI as a pending activity with its reason. ``delivered`` is
    called after each delivery; it must not issue commands.
    """

    def __init__(self, case: str, delivered: Callable[[], None] = lambda: None) -> None:
        self._case = case
        self._when_delivered = delivered
        self._recorded: dict[Channel, int] = {}
        self._delivered: dict[Channel, int] = {}
        self._deliveries: dict[Channel, asyncio.Task[None]] = {}

    def notify(self, last_message: Mapping[Channel, int]) -> None:
        """Deliver new messages; ``last_message`` is the number of the last recorded message of each channel."""
        for channel in sorted(last_message):
            self._recorded[channel] = max(self._recorded.get(channel, 0), last_message[channel])
            running = self._deliveries.get(channel)
            if self._is_behind(channel) and (running is None or running.done()):
                self._deliveries[channel] = asyncio.create_task(self._deliver(channel))

    @property
    def undelivered(self) -> tuple[str, ...]:
        """The channels with undelivered messages."""
        return tuple(channel.value for channel in sorted(self._recorded) if self._is_behind(channel))

    @property
    def is_finished(self) -> bool:
        """True once everything recorded is delivered or given up."""
        return all(delivery.done() for delivery in self._deliveries.values())

    def _is_behind(self, channel: Channel) -> bool:
        return self._delivered.get(channel, 0) < self._recorded.get(channel, 0)

    async def _deliver(self, channel: Channel) -> None:
        while self._is_behind(channel):
            # What was recorded before a delivery began is handled when it ends; a number that no message has is, too.
            recorded, before = self._recorded[channel], self._delivered.get(channel, 0)
            try:
                handled = await self._deliver_pending(channel)
            except ActivityError as error:
                if not is_given_up(error):
                    raise
                await workflow.sleep(GIVEN_UP_AGAIN, summary=Readable("try the delivery again"))
                continue
            if handled >= recorded or handled <= before or not workflow.patched(IN_TURNS):
                handled = max(recorded, handled)
            self._delivered[channel] = handled  # of a delivery that ended its turn, the next one does the rest
            self._when_delivered()

    async def _deliver_pending(self, channel: Channel) -> int:
        if channel is Channel.MAIL:
            return await workflow.execute_activity_method(
                Mail.deliver_mail,
                self._case,
                task_queue=queue_for(WorkQueue.MAIL),
                start_to_close_timeout=DELIVERY_TIMEOUT,
                retry_policy=MAIL_RETRY,
                summary=Readable("mail to the billing administrator"),
            )
        return await workflow.execute_activity_method(
            Webhooks.deliver_webhooks,
            self._case,
            task_queue=queue_for(WorkQueue.WEBHOOKS),
            start_to_close_timeout=DELIVERY_TIMEOUT,
            retry_policy=WEBHOOK_RETRY,
            summary=Readable("webhook to the subscribed systems"),
        )
