"""The requests that an on-premises migration takes: its updates.

A handler checks the request against the rules and records it; the story in `workflows.migration.workflow` continues from
the recorded state. The state that both share lives here.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, TypeVar

from temporalio import workflow

from workflows.common.case_requests import CaseRequests, lawful
from workflows.common.owner import Argument
from workflows.migration.state import MigrationCase

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.migration.activities import Migrations
    from contract.steps import Accepted, Corrected, Correction, Moved, Step
    from domain.migration import (
        MigrationEnded,
        MigrationOfAnotherCase,
        MigrationStage,
        check_step,
        transfer_instant,
    )
    from domain.refusals import Refusal


AskedOfMigration = TypeVar("AskedOfMigration", bound=contract.AboutMigration)

ACCEPTANCE = frozenset({MigrationStage.REQUESTED})
ACKNOWLEDGEMENT = frozenset({MigrationStage.AVAILABLE})
REPORT = frozenset({MigrationStage.DOWNLOADED})
LINK = frozenset({MigrationStage.AVAILABLE, MigrationStage.DOWNLOADED})
CORRECTION = frozenset(
    {MigrationStage.SCHEDULED, MigrationStage.TRANSFERRING, MigrationStage.AVAILABLE, MigrationStage.DOWNLOADED}
)
TRANSFER_AGAIN = CORRECTION - {MigrationStage.SCHEDULED}

JUDGED_BY_RECORD = "migration-requests-judged-by-record-2026-11"
"""The id of the patch (docs/upgrades.md)."""


class MigrationRequests(CaseRequests[MigrationCase, contract.MigrationStatus]):
    """The requests that reach a running migration, one at a time, and the state that answers them."""

    STEP_PREFIX: ClassVar[str] = "migration-"
    REFUSED_ACTION_PREFIX: ClassVar[str] = "migration_"

    def __init__(self) -> None:
        super().__init__()
        self._ending: MigrationStage | None = None
        """The final stage of a migration that is being given up or withdrawn: a request is now too late."""

    @workflow.update(name=contract.UPDATE_ACCEPT)
    async def accept(self, *received: Any) -> contract.MigrationStatus:
        """Record the queue's acceptance: the contact, and the time of the transfer."""

        async def take(message: contract.AcceptMigration, step: Step) -> None:
            self._check("an acceptance", ACCEPTANCE)
            at = transfer_instant(message.transfer_at, zone=self.case.zone, now=workflow.now())
            accepted = Accepted(step=step, contact=message.contact, transfer_at=at)
            await self._move(Migrations.accept_migration, accepted, summary="keep the acceptance")

        return await self._answer_about_case(received, contract.AcceptMigration, "accept", take)

    accept.validator(
        lawful(contract.AcceptMigration, "accept", lambda self, _: self._check("an acceptance", ACCEPTANCE))
    )

    @workflow.update(name=contract.UPDATE_CORRECT)
    async def correct(self, *received: Any) -> contract.MigrationStatus:
        """Correct the contact or the time of the transfer, or have the data transferred again."""

        async def take(message: contract.CorrectMigration, step: Step) -> None:
            self._check("a correction", CORRECTION)
            if message.transfer_again:
                self._check("another transfer", TRANSFER_AGAIN)
            elif message.transfer_at is not None:
                self._check("another time of the transfer", frozenset({MigrationStage.SCHEDULED}))
            at = workflow.now() if message.transfer_again else None
            if message.transfer_at is not None:
                at = transfer_instant(message.transfer_at, zone=self.case.zone, now=workflow.now())
            correction = Correction(contact=message.contact, transfer_at=at, again=message.transfer_again)
            corrected = Corrected(step=step.model_copy(update={"why": message.reason}), correction=correction)
            await self._move(Migrations.correct_migration, corrected, summary="keep the correction")

        return await self._answer_about_case(received, contract.CorrectMigration, "correct", take)

    correct.validator(
        lawful(contract.CorrectMigration, "correct", lambda self, _: self._check("a correction", CORRECTION))
    )

    def _check_transfer(self, named: int | None) -> None:
        """Refuse a request about a transfer that is not the present one."""
        present = self.case.state.transfers
        if named not in (None, present):
            raise MigrationOfAnotherCase(f"transfer {present} of {self.case.id}", f"transfer {named}")

    @workflow.update(name=contract.UPDATE_SEND_MIGRATION_LINK)
    async def send_migration_link(self, *received: Any) -> contract.MigrationStatus:
        """Mail the IT department a fresh link."""

        async def send(message: contract.SendMigrationLink, step: Step) -> None:
            self._check("the wish for a link", LINK)
            self._check_transfer(message.transfer)
            await self._move(Migrations.send_migration_link, step, summary="mail a fresh link")

        return await self._answer_about_case(received, contract.SendMigrationLink, "send_migration_link", send)

    send_migration_link.validator(
        lawful(
            contract.SendMigrationLink, "send_migration_link", lambda self, _: self._check("the wish for a link", LINK)
        )
    )

    @workflow.update(name=contract.UPDATE_ACKNOWLEDGE_DOWNLOAD)
    async def acknowledge_download(self, *received: Any) -> contract.MigrationStatus:
        """Take the IT department's word that it has the data."""

        async def take(message: contract.AcknowledgeMigration, step: Step) -> None:
            self._check("an acknowledgement", ACKNOWLEDGEMENT)
            self._check_transfer(message.transfer)
            await self._move(Migrations.acknowledge_migration, step, summary="keep the acknowledgement")

        return await self._answer_about_case(received, contract.AcknowledgeMigration, "acknowledge_download", take)

    acknowledge_download.validator(
        lawful(
            contract.AcknowledgeMigration,
            "acknowledge_download",
            lambda self, _: self._check("an acknowledgement", ACKNOWLEDGEMENT),
        )
    )

    @workflow.update(name=contract.UPDATE_REPORT_COMPLETED)
    async def report_completed(self, *received: Any) -> contract.MigrationStatus:
        """Record the queue's report that the data is in use on premises."""

        async def take(_: contract.ReportMigrationCompleted, step: Step) -> None:
            self._check("the report that it is complete", REPORT)
            await self._move(Migrations.complete_migration, step, summary="complete the migration")

        return await self._answer_about_case(received, contract.ReportMigrationCompleted, "report_completed", take)

    report_completed.validator(
        lawful(
            contract.ReportMigrationCompleted,
            "report_completed",
            lambda self, _: self._check("the report that it is complete", REPORT),
        )
    )

    def _check(self, step: str, awaited: frozenset[MigrationStage]) -> None:
        if self._ending is not None:
            raise MigrationEnded(self.case.id, self._ending)
        check_step(self.case.id, self.case.stage, step, awaited)

    async def _move(
        self, activity: Callable[[Migrations, Argument], Moved], argument: Argument, *, summary: str
    ) -> None:
        """Take a step in the records, and enter the recorded stage."""
        self.case.take((await self.record(activity, argument, summary=summary)).migration)

    async def _is_news(self) -> bool:
        """Read the record and adopt it; return true if it is not what this workflow knew, so that a request is judged again."""
        known = self.case.state
        step = self.step("requested")
        await self._move(Migrations.request_migration, step, summary="read the record of the migration")
        return self.case.state != known

    def _is_idle(self) -> bool:
        return super()._is_idle() and (self._ending is None or self.case.stage.is_final)

    def _wishes(self) -> tuple[object, ...]:
        return (self.case.state,)

    def _request_lock(self) -> AbstractAsyncContextManager[object]:
        return self._lock

    async def _answer_about_case(
        self,
        received: Sequence[Any],
        form: type[AskedOfMigration],
        action: str,
        act: Callable[[AskedOfMigration, Step], Awaitable[None]],
    ) -> contract.MigrationStatus:
        """Handle a message about this very case."""

        async def take(message: AskedOfMigration, step: Step) -> None:
            if message.cancellation != self.case.id:
                raise MigrationOfAnotherCase(self.case.id, message.cancellation)
            try:
                await act(message, step)
            except Refusal:
                if not workflow.patched(JUDGED_BY_RECORD) or not await self._is_news():
                    raise
                await act(message, step)

        return await self._answer_to(received, form, action, take)
