"""Bulk cancellations: planned, looked at, confirmed, watched, stopped, resumed and killed."""

import asyncio
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

import contract
from contract.bulk import RowStart
from contract.clean import refuse_unclean, refuse_unclean_words
from contract.readable import Readable
from domain.bulk import AT_ONCE, MOST_ROWS, PER_MINUTE, BulkKind, BulkState, RowState
from domain.bulk.plan import check_bounds
from domain.bulk.reading import read_file
from domain.bulk.refusals import BulkFileTooLarge, BulkPlanMalformed
from domain.permissions import Operation
from domain.principals import OrganizationNotPermitted
from domain.refusals import Refusal
from records.bulk import lists, plans, steering
from records.bulk.lists import BulkRowPage, BulkStatus, BulkSwitch, BulkView
from records.transaction import Transaction
from runtime.temporal_refusals import NothingThere
from starter.service.case_refusals import RequestLost
from starter.service.direct import DirectClient
from starter.service.temporal_calls import DESCRIBED_WITHIN

_ALL_RUNNING = 1_000


class BulkClient(DirectClient):
    """The area of bulk cancellations.

    They are steered in the records, which their workflows look at: stopping, killing and the kill switch need no Temporal.
    ``organizations`` are those that whoever asks may see; None for all.
    """

    async def plan(
        self,
        *,
        csv: str | None = None,
        source: str = "",
        organization: str | None = None,
        answers: Mapping[str, str] | None = None,
        attestation: str | None = None,
        reason_code: str | None = None,
        reason: str,
        at_once: int = AT_ONCE,
        per_minute: int = PER_MINUTE,
        organizations: Collection[str] | None = None,
        actor: str,
        request_id: str | None = None,
    ) -> BulkStatus:
        """Have the rows of a file judged, or every subscription of an organization with the same answers; nothing is started.

        The plan is complete when its state is `planned`. It is received now: every row that states no earlier receipt is as if
        its start had come now, whenever somebody confirms it.

        Raises:
            BulkFileMalformed, BulkFileTooLarge, BulkPlanMalformed, OrganizationNotFound, OrganizationNotPermitted, BulkOfNothing.

        """
        refuse_unclean_words(actor=actor, request_id=request_id, reason=reason, source=source)
        check_bounds(at_once, per_minute)
        if (csv is None) == (organization is None):
            raise BulkPlanMalformed("it is of a file or of an organization")
        if organization is not None and organizations is not None and organization not in organizations:
            raise OrganizationNotPermitted(organization)
        if organizations is not None and not organizations:
            raise OrganizationNotPermitted("The file")
        fields = {"answers": dict(answers or {}), "attestation": attestation, "reason_code": reason_code}
        if csv is not None and any(fields.values()):
            raise BulkPlanMalformed("answers are those of an organization; a file has them in its rows")
        with contract.refusing_malformed():
            refuse_unclean(RowStart(subscription=organization or "of-a-file", **fields))
        # Its largest file takes a second: it is read beside the loop on which others are served.
        rows = None if csv is None else await asyncio.to_thread(_rows_of, csv)
        plan = plans.Plan(
            id=_id_of(request_id),
            kind=BulkKind.ROWS if organization is None else BulkKind.ORGANIZATION,
            source=source or organization or "a file",
            reason=reason,
            actor=actor,
            at=datetime.now(UTC),
            at_once=at_once,
            per_minute=per_minute,
            organization=organization,
            organizations=None if organizations is None else sorted(organizations),
        )

        def keep(transaction: Transaction) -> None:
            given = rows
            if given is None:
                given = plans.rows_of_organization(transaction.session, str(organization), fields)
            if len(given) > MOST_ROWS:
                raise BulkFileTooLarge(f"{MOST_ROWS:,} rows")
            plans.keep_plan(transaction, plan, given)

        await self._write_once(
            Operation.PLAN_BULK,
            keep,
            actor=actor,
            request_id=request_id,
            csv=csv,
            source=source,
            organization=organization,
            fields=fields,
            reason=reason,
            at_once=at_once,
            per_minute=per_minute,
        )
        await self._carry_out(plan.id)
        return await self.status(plan.id)

    async def list(
        self,
        *,
        states: Collection[BulkState] = (),
        organizations: Collection[str] | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Sequence[BulkView]:
        """Return bulks, the last planned first; ``after`` is the last one of the page before. Raises BulkUnknown of it."""
        return await self._read(
            partial(lists.list_bulks, states=states, organizations=organizations, after=after, limit=limit)
        )

    async def status(self, bulk: str, *, organizations: Collection[str] | None = None) -> BulkStatus:
        """Return what a plan would cost, and how far it is. Raises BulkUnknown."""
        return await self._read(partial(lists.status_of, bulk=bulk, organizations=organizations))

    async def rows(
        self,
        bulk: str,
        *,
        states: Collection[RowState] = (),
        organizations: Collection[str] | None = None,
        shows_content: bool = False,
        after: int = 0,
        limit: int = 100,
    ) -> BulkRowPage:
        """Return rows of a bulk by their numbers, each with what its plan shows and its result. Raises BulkUnknown.

        ``shows_content`` adds what they are to be started with, which is for those who may confirm a bulk.
        """
        query = partial(lists.rows_of, bulk=bulk, states=states, organizations=organizations, after=after, limit=limit)
        return await self._read(partial(query, shows_content=shows_content))

    async def confirm(
        self,
        bulk: str,
        *,
        digest: str,
        reason: str,
        organizations: Collection[str] | None = None,
        actor: str,
        request_id: str | None = None,
    ) -> BulkStatus:
        """Confirm a plan, exactly as it was shown under a digest, and have it carried out in the name of the actor.

        Raises:
            BulkUnknown, BulkHasOtherState, BulkPlanDiffers, BulkNeedsSecondPerson, BulkOfNothing.

        """
        step = partial(steering.confirm, digest=digest)
        return await self._steered(
            Operation.CONFIRM_BULK, step, bulk, reason, organizations, actor, request_id, digest=digest
        )

    async def stop(
        self,
        bulk: str,
        *,
        reason: str,
        organizations: Collection[str] | None = None,
        actor: str,
        request_id: str | None = None,
    ) -> BulkStatus:
        """Start nothing more of a bulk until it is resumed; what is under way gets its result. Raises BulkUnknown, BulkHasOtherState."""
        return await self._steered(Operation.STOP_BULK, steering.stop, bulk, reason, organizations, actor, request_id)

    async def resume(
        self,
        bulk: str,
        *,
        reason: str,
        organizations: Collection[str] | None = None,
        actor: str,
        request_id: str | None = None,
    ) -> BulkStatus:
        """Go on with a bulk that was stopped, or whose workflow is gone. Raises BulkUnknown, BulkHasOtherState."""
        return await self._steered(
            Operation.RESUME_BULK, steering.resume, bulk, reason, organizations, actor, request_id
        )

    async def kill(
        self,
        bulk: str,
        *,
        reason: str,
        organizations: Collection[str] | None = None,
        actor: str,
        request_id: str | None = None,
    ) -> BulkStatus:
        """End a bulk for good; what is under way gets its result, and nothing else is started. Raises BulkUnknown, BulkHasOtherState."""
        return await self._steered(Operation.KILL_BULK, steering.kill, bulk, reason, organizations, actor, request_id)

    async def switch(self) -> BulkSwitch:
        """Return the kill switch of the installation."""
        return await self._read(lists.switch_of)

    async def set_switch(self, *, off: bool, reason: str, actor: str, request_id: str | None = None) -> BulkSwitch:
        """Let no bulk of the installation start anything, or let them again."""
        refuse_unclean_words(actor=actor, request_id=request_id, reason=reason)
        step = steering.switch_off if off else steering.switch_on
        switch = await self._write_once(
            Operation.SET_BULK_SWITCH,
            partial(step, actor=actor, reason=reason, at=datetime.now(UTC), request=request_id),
            actor=actor,
            request_id=request_id,
            off=off,
            reason=reason,
        )
        running = await self.list(states=[BulkState.RUNNING], limit=_ALL_RUNNING)
        await asyncio.gather(*(self._say_changed(each.bulk) for each in running))
        return switch

    async def _steered(
        self,
        operation: Operation,
        step: Callable[..., None],
        bulk: str,
        reason: str,
        organizations: Collection[str] | None,
        actor: str,
        request_id: str | None,
        **content: Any,
    ) -> BulkStatus:
        refuse_unclean_words(actor=actor, request_id=request_id, reason=reason)
        order = steering.Order(
            bulk=bulk,
            actor=actor,
            reason=reason,
            at=datetime.now(UTC),
            organizations=organizations,
            request=request_id,
        )
        done = partial(step, order=order)
        await self._write_once(operation, done, actor=actor, request_id=request_id, bulk=bulk, reason=reason, **content)
        if operation in (Operation.CONFIRM_BULK, Operation.RESUME_BULK):
            await self._carry_out(bulk)
        else:
            await self._say_changed(bulk)
        return await self.status(bulk)

    async def _carry_out(self, bulk: str) -> None:
        """Have the workflow of a bulk look at its record; it is started where none runs. Raises RequestLost, too."""
        workflow_id = contract.bulk_workflow_id(bulk)
        try:
            async with self._calling():
                await self._temporal.start_workflow(
                    contract.BULK_CANCELLATION,
                    contract.CarryOutBulk(bulk=bulk),
                    id=workflow_id,
                    task_queue=self._connections.task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    start_signal=contract.SIGNAL_BULK_CHANGED,
                    static_summary=Readable(f"Bulk cancellation {bulk}"),
                    static_details=Readable(
                        f"Current Details show how far it is. Its rows: `offramp bulk rows {bulk}`"
                    ),
                )
        except NothingThere:
            raise RequestLost(workflow_id, "Temporal does not know it") from None

    async def _say_changed(self, bulk: str) -> None:
        """Have a workflow look at the record, where it is reached: what is in the records holds without it."""
        with suppress(Refusal):
            await self._notify(contract.bulk_workflow_id(bulk), contract.SIGNAL_BULK_CHANGED, within=DESCRIBED_WITHIN)


def _rows_of(csv: str) -> Sequence[plans.PlannedRow]:
    """Return the rows of a file. Raises BulkFileMalformed, BulkFileTooLarge."""
    return plans.rows_of_file(read_file(csv.encode("utf-8", "surrogatepass")))


def _id_of(request_id: str | None) -> str:
    """Return the id of a bulk: the same for the same request."""
    if request_id is None:
        return f"bulk-{uuid4().hex[:16]}"
    return f"bulk-{hashlib.sha256(f'{Operation.PLAN_BULK}:{request_id}'.encode()).hexdigest()[:16]}"
