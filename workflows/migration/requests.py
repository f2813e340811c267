"""What others ask of an on-premises migration: its updates and its query.

A handler checks the request against the rules and writes it down; the story in `workflows.migration.workflow` goes on from what is
then recorded. The state that both share lives here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.cancellation import Records
    from activities.migration.activities import Migrations
    from contract.steps import Accepted, Corrected, Correction, Moved, RefusedRequest, Step
    from domain.migration import (
        MigrationEnded,
        MigrationOfAnotherCase,
        MigrationStage,
        check_step,
        transfer_instant,
    )
    from domain.refusals import ForwardedRefusal, Refusal, RefusalDetails
    from runtime.refusals import as_application_error

# Our own workflow code is loaded anew for every workflow, under the sandbox's eyes; that is meant, so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.common.notifier import Teller
    from workflows.common.steps import recorded
    from workflows.migration.state import MigrationCase

Asked = TypeVar("Asked", bound=contract.AboutMigration)

THE_SERVICE = "offramp"
"""The actor of what happens by itself."""

ACCEPTANCE = frozenset({MigrationStage.REQUESTED})
ACKNOWLEDGEMENT = frozenset({MigrationStage.AVAILABLE})
REPORT = frozenset({MigrationStage.DOWNLOADED})
LINK = frozenset({MigrationStage.AVAILABLE, MigrationStage.DOWNLOADED})
CORRECTION = frozenset(
    {MigrationStage.SCHEDULED, MigrationStage.TRANSFERRING, MigrationStage.AVAILABLE, MigrationStage.DOWNLOADED}
)
TRANSFER_AGAIN = CORRECTION - {MigrationStage.SCHEDULED}


class MigrationRequests:
    """The requests that reach a running migration, and the state that answers them."""

    def __init__(self) -> None:
        self._case: MigrationCase | None = None
        self._teller = Teller("")
        self._refused_to_begin: RefusalDetails | None = None
        self._ending: MigrationStage | None = None
        """Set when the migration is being given up or withdrawn: whoever asks now is too late."""
        self._lock = asyncio.Lock()
        """One request at a time, and no end of a hand-over while one is being written down."""
        self._requests_received = 0
        self._transfer: workflow.ActivityHandle[Moved] | None = None
        self._told: contract.MigrationMoved | None = None
        """What the cancellation was told last."""

    @workflow.update(name=contract.UPDATE_ACCEPT)
    async def accept(self, *received: Any) -> contract.MigrationStatus:
        """Take the queue's acceptance: whom to notify, and when to transfer."""

        async def take(message: contract.AcceptMigration, step: Step) -> Moved:
            self._check("an acceptance", ACCEPTANCE)
            at = transfer_instant(message.transfer_at, zone=self.case.zone, now=workflow.now())
            accepted = Accepted(step=step, contact=message.contact, transfer_at=at)
            return await recorded(Migrations.accept_migration, accepted, summary="keep the acceptance")

        return await self._answer_to(received, contract.AcceptMigration, "accept", take)

    @workflow.update(name=contract.UPDATE_CORRECT)
    async def correct(self, *received: Any) -> contract.MigrationStatus:
        """Put something right: the contact, the time of the transfer, or what was transferred."""

        async def take(message: contract.CorrectMigration, step: Step) -> Moved:
            self._check("a correction", CORRECTION)
            if message.transfer_again:
                self._check("another transfer", TRANSFER_AGAIN)
            elif message.transfer_at is not None:
                self._check("another time of the transfer", frozenset({MigrationStage.SCHEDULED}))
            at = workflow.now() if message.transfer_again else None
            if message.transfer_at is not None:
                at = transfer_instant(message.transfer_at, zone=self.case.zone, now=workflow.now())
            correction = Correction(contact=message.contact, transfer_at=at, again=message.transfer_again)
            corrected = Corrected(step=step, correction=correction)
            return await recorded(Migrations.correct_migration, corrected, summary="keep the correction")

        return await self._answer_to(received, contract.CorrectMigration, "correct", take)

    @workflow.update(name=contract.UPDATE_SEND_MIGRATION_LINK)
    async def send_migration_link(self, *received: Any) -> contract.MigrationStatus:
        """Mail the IT department a fresh link."""

        async def send(_: contract.SendMigrationLink, step: Step) -> Moved:
            self._check("the wish for a link", LINK)
            return await recorded(Migrations.send_migration_link, step, summary="mail a fresh link")

        return await self._answer_to(received, contract.SendMigrationLink, "send_migration_link", send)

    @workflow.update(name=contract.UPDATE_ACKNOWLEDGE_DOWNLOAD)
    async def acknowledge_download(self, *received: Any) -> contract.MigrationStatus:
        """Take the IT department's word that it has the data."""

        async def take(message: contract.AcknowledgeMigration, step: Step) -> Moved:
            self._check("an acknowledgement", ACKNOWLEDGEMENT)
            if message.transfer != self.case.state.transfers:
                raise MigrationOfAnotherCase(
                    f"transfer {self.case.state.transfers} of {self.case.id}", f"transfer {message.transfer}"
                )
            return await recorded(Migrations.acknowledge_migration, step, summary="keep the acknowledgement")

        return await self._answer_to(received, contract.AcknowledgeMigration, "acknowledge_download", take)

    @workflow.update(name=contract.UPDATE_REPORT_COMPLETED)
    async def report_completed(self, *received: Any) -> contract.MigrationStatus:
        """Take the queue's report that the data is in use on premises."""

        async def take(_: contract.ReportMigrationCompleted, step: Step) -> Moved:
            self._check("the report that it is complete", REPORT)
            return await recorded(Migrations.complete_migration, step, summary="complete the migration")

        return await self._answer_to(received, contract.ReportMigrationCompleted, "report_completed", take)

    @workflow.query(name=contract.QUERY_STATUS)
    def status(self) -> contract.MigrationStatus | None:
        """Return where the migration stands; nothing before it is requested."""
        return self._status() if self._case else None

    @property
    def case(self) -> MigrationCase:
        """The case, which is there whenever the story or a handler gets to work."""
        if self._case is None:
            raise RuntimeError("the migration is not requested yet")
        return self._case

    def _check(self, step: str, awaited: frozenset[MigrationStage]) -> None:
        if self._ending is not None:
            raise MigrationEnded(self.case.id, self._ending)
        check_step(self.case.id, self.case.stage, step, awaited)

    def _took(self, moved: Moved) -> None:
        """Go on from what is recorded now."""
        self.case.state = moved.migration
        self._teller.note(moved.last_message)

    def _status(self) -> contract.MigrationStatus:
        return self.case.status(self._teller.undelivered)

    def _publish(self) -> None:
        self.case.publish(self._teller.undelivered)

    def _show(self) -> None:
        self.case.show(self._teller.undelivered)

    def _step(self, name: str, actor: str = THE_SERVICE, *, why: str | None = None) -> Step:
        return Step(cancellation=self.case.id, name=f"migration-{name}", actor=actor, at=workflow.now(), why=why)

    async def _begun(self) -> None:
        if self._case is None:
            await workflow.wait_condition(lambda: self._case is not None or self._refused_to_begin is not None)
        if self._refused_to_begin is not None:
            raise as_application_error(ForwardedRefusal(self._refused_to_begin))

    async def _answer_to(
        self,
        received: Sequence[Any],
        form: type[Asked],
        action: str,
        act: Callable[[Asked, Step], Awaitable[Moved]],
    ) -> contract.MigrationStatus:
        """Do what a message asks for; a refusal is audited and returned to the caller with its code."""
        await self._begun()
        self._requests_received += 1
        update = workflow.current_update_info()
        name = f"{action}:{update.id}" if update else f"{action}-{self._requests_received}"
        step = self._step(name, "unknown")
        async with self._lock:
            try:
                message = contract.read(received, form)
                step = self._step(name, message.actor, why=getattr(message, "reason", None))
                if message.cancellation != self.case.id:
                    raise MigrationOfAnotherCase(self.case.id, message.cancellation)
                self._took(await act(message, step))
            except Refusal as refusal:
                await self._keep_refusal(refusal, step.model_copy(update={"name": f"{step.name}:refused"}), action)
                raise as_application_error(refusal) from None
            self._publish()
            return self._status()

    async def _keep_refusal(self, refusal: Refusal, step: Step, action: str) -> None:
        self.case.last_refusal = refusal.details
        refused = RefusedRequest(
            subscription=self.case.subscription,
            step=step,
            action=f"migration_{action}.refused",
            refusal=refusal.details,
        )
        await recorded(Records.record_refusal, refused, summary=f"keep the refused {action}")
        self._publish()
