"""Webhook endpoints: added, changed, tried out, and sent again what they have missed."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

import contract
from contract.clean import refuse_unclean, refuse_unclean_words
from contract.readable import Readable
from contract.steps import without_colons
from domain.cancellation.lifecycle import InputMalformed
from domain.permissions import Operation
from domain.system_tasks import Duty
from domain.webhooks import Endpoint, EndpointSecret
from records.transaction import Transaction
from records.webhooks import endpoints, messages
from records.webhooks.messages import Delivery
from runtime.temporal_refusals import NothingThere
from starter.service.case_refusals import RequestLost
from starter.service.direct import DirectClient, marks
from starter.service.results import refusing_failures

DeliveryState = Literal["pending", "delivered", "failed"]


class DeliveryPage(BaseModel):
    """A page of what an endpoint was sent, the newest first."""

    model_config = ConfigDict(frozen=True)

    deliveries: tuple[Delivery, ...]
    next: int | None
    """The number to go on after; null on the last page."""


class _Made(BaseModel):
    """What a request for a secret is answered with, as it is kept: what the secret is derived from, and never the secret."""

    derived_from: str
    previous_until: datetime | None = None


class WebhookClient(DirectClient):
    """The area of webhook endpoints, which are kept in the records; workers deliver.

    ``request_id`` and errors: see `starter.service.offramp.Offramp`. Every method about an endpoint raises EndpointUnknown.
    """

    async def list(self) -> Sequence[Endpoint]:
        """Return the endpoints, by name."""
        return await self._read(endpoints.endpoints)

    async def add(
        self,
        endpoint: str,
        *,
        url: str,
        events: Collection[str] = (),
        duties: Collection[Duty] = (),
        owner: str | None = None,
        actor: str,
        request_id: str | None = None,
    ) -> EndpointSecret:
        """Add an endpoint, which hears of what is recorded from now on; return it with its secret.

        ``events`` are names of events, or areas of them (``cancellation.*``); all of them where there are none. ``owner`` is
        the address of those who are notified when it is paused by itself, or does not confirm what it is asked for by its
        ``duties``.

        Raises:
            EndpointNameTaken, EndpointUrlRefused, EventUnknown, WebhookKeysMissing, RequestIdReused.

        """
        refuse_unclean_words(actor=actor, request_id=request_id, url=url, owner=owner)
        keys, request = self._connections.webhook_keys, request_id or str(uuid4())
        given: dict[str, Any] = {"url": url, "events": sorted(events), "duties": sorted(set(duties)), "owner": owner}

        def add(transaction: Transaction) -> _Made:
            derived_from = endpoints.add(
                transaction, endpoint, **given, secret=keys.fresh(1), actor=actor, at=datetime.now(UTC), request=request
            )
            return _Made(derived_from=derived_from)

        made = await self._answered_once(
            Operation.ADD_WEBHOOK, _Made, add, actor=actor, request_id=request_id, endpoint=endpoint, **given
        )
        return await self._with_secret(endpoint, made)

    async def rotate(self, endpoint: str, *, actor: str, request_id: str | None = None) -> EndpointSecret:
        """Give an endpoint another secret, and return it; the one before signs as well for a day.

        Raises:
            EndpointOfConfiguration, WebhookKeysMissing, RequestIdReused.

        """
        refuse_unclean_words(actor=actor, request_id=request_id)
        keys, request = self._connections.webhook_keys, request_id or str(uuid4())

        def rotate(transaction: Transaction) -> _Made:
            row = endpoints.rotate(
                transaction, endpoint, fresh=keys.fresh, actor=actor, at=datetime.now(UTC), request=request
            )
            return _Made(derived_from=str(row.secret), previous_until=row.previous_until)

        made = await self._answered_once(
            Operation.ROTATE_WEBHOOK, _Made, rotate, actor=actor, request_id=request_id, endpoint=endpoint
        )
        return await self._with_secret(endpoint, made)

    async def pause(self, endpoint: str, *, reason: str, actor: str, request_id: str | None = None) -> Endpoint:
        """Keep the messages of an endpoint until it is resumed. Raises RequestIdReused."""
        return await self._changed(Operation.PAUSE_WEBHOOK, endpoints.pause, endpoint, reason, actor, request_id)

    async def resume(self, endpoint: str, *, reason: str, actor: str, request_id: str | None = None) -> Endpoint:
        """Let messages go to an endpoint again, and have everything sent that it is owed. Raises RequestIdReused."""
        request = request_id or str(uuid4())
        resumed = await self._changed(
            Operation.RESUME_WEBHOOK, endpoints.resume, endpoint, reason, actor, request_id, request=request
        )
        await self._backfill("resume", contract.BackfillWebhooks(endpoint=endpoint, actor=actor), request)
        return resumed

    async def remove(self, endpoint: str, *, reason: str, actor: str, request_id: str | None = None) -> Endpoint:
        """Send an endpoint nothing more, for good; what it is owed is given up. Raises EndpointOfConfiguration, RequestIdReused."""
        return await self._changed(Operation.REMOVE_WEBHOOK, endpoints.remove, endpoint, reason, actor, request_id)

    async def test(self, endpoint: str, *, actor: str, request_id: str | None = None) -> contract.WebhookTested:
        """Have a worker send an endpoint a message of trial, once, and return its answer.

        Raises:
            ForwardedRefusal: EndpointUnknown.
            TemporalUnavailable: no worker has taken it up within 30 seconds.
            RequestIdReused.

        """
        refuse_unclean_words(actor=actor, request_id=request_id)
        await self._read(lambda session: messages.hearing(session, endpoint))
        workflow_id = f"webhooks:{endpoint}:test:{without_colons(request_id or str(uuid4()))}"
        trial = marks(Operation.TEST_WEBHOOK, request_id, actor, {"endpoint": endpoint})
        return await self._reported_once(trial, contract.WebhookTested, partial(self._tested, workflow_id, endpoint))

    async def resend(
        self,
        endpoint: str,
        *,
        deliveries: Collection[str] = (),
        since: datetime | None = None,
        failed_only: bool = False,
        reason: str,
        actor: str,
        request_id: str | None = None,
    ) -> Endpoint:
        """Have messages sent to an endpoint again, under their ids: those that are named, or all since an instant.

        Raises:
            InputMalformed, RequestIdReused.

        """
        with contract.refusing_malformed():
            wish = contract.BackfillWebhooks(
                endpoint=endpoint,
                actor=actor,
                reason=reason,
                messages=tuple(sorted(deliveries)),
                since=since,
                failed_only=failed_only,
            )
        refuse_unclean(wish)
        if not wish.reopens:
            raise InputMalformed(["deliveries: name some, or an instant since which all are sent again"])
        content = wish.model_dump(mode="json", exclude={"endpoint", "actor", "signature"})
        found = await self._write_once(
            Operation.RESEND_WEBHOOKS,
            lambda transaction: endpoints.endpoint(transaction.session, endpoint),
            actor=actor,
            request_id=request_id,
            endpoint=endpoint,
            **content,
        )
        await self._backfill("resend", wish, request_id or str(uuid4()))
        return found

    async def deliveries(
        self,
        endpoint: str,
        *,
        states: Collection[DeliveryState] = (),
        after: int | None = None,
        limit: int = 100,
    ) -> DeliveryPage:
        """Return what an endpoint was sent and is owed, the newest first; ``after`` is the ``next`` of the page before."""

        def page(session: Any) -> Sequence[Delivery]:
            messages.hearing(session, endpoint)
            return messages.deliveries(session, endpoint, states=states, before=after, limit=limit + 1)

        found = await self._read(page)
        more = len(found) > limit
        return DeliveryPage(deliveries=tuple(found[:limit]), next=found[limit - 1].number if more else None)

    async def _with_secret(self, endpoint: str, made: _Made) -> EndpointSecret:
        return EndpointSecret(
            endpoint=await self._read(lambda session: endpoints.endpoint(session, endpoint, removed=True)),
            secret=self._connections.webhook_keys.secret(endpoint, made.derived_from),
            previous_until=made.previous_until,
        )

    async def _changed(
        self,
        operation: Operation,
        change: Callable[..., Endpoint],
        endpoint: str,
        reason: str,
        actor: str,
        request_id: str | None,
        *,
        request: str | None = None,
    ) -> Endpoint:
        refuse_unclean_words(actor=actor, request_id=request_id, reason=reason)
        facts = {"reason": reason, "actor": actor, "request": request or request_id or str(uuid4())}
        return await self._write_once(
            operation,
            lambda transaction: change(transaction, endpoint, at=datetime.now(UTC), **facts),
            actor=actor,
            request_id=request_id,
            endpoint=endpoint,
            reason=reason,
        )

    async def _backfill(
        self, asked: Literal["resume", "resend"], wish: contract.BackfillWebhooks, request: str
    ) -> None:
        """Have an endpoint sent what it is owed; the same request again starts nothing.

        Its id is one among those of its own operation (`_write_once`), so that operation is a part of the workflow's.
        """
        with suppress(WorkflowAlreadyStartedError):
            await self._start(
                contract.WEBHOOK_BACKFILL,
                wish,
                f"webhooks:{wish.endpoint}:{asked}:{without_colons(request)}",
                f"Send {wish.endpoint} what it is owed",
            )

    async def _tested(self, workflow_id: str, endpoint: str) -> contract.WebhookTested:
        with suppress(WorkflowAlreadyStartedError):
            message = contract.TestWebhook(endpoint=endpoint)
            await self._start(contract.WEBHOOK_TEST, message, workflow_id, f"Send {endpoint} a message of trial")
        handle = self._temporal.get_workflow_handle(workflow_id, result_type=contract.WebhookTested)
        try:
            with refusing_failures(workflow_id):
                async with self._calling():
                    answer: contract.WebhookTested = await handle.result()
        except NothingThere:
            raise RequestLost(workflow_id, "Temporal does not know it any more") from None
        return answer

    async def _start(self, workflow: str, message: contract.Message, workflow_id: str, summary: str) -> None:
        try:
            async with self._calling():
                await self._temporal.start_workflow(
                    workflow,
                    message,
                    id=workflow_id,
                    task_queue=self._connections.task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    static_summary=Readable(summary),
                )
        except NothingThere:
            raise RequestLost(workflow_id, "Temporal does not know where it belongs") from None
