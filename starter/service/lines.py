"""Subscription lines and the update of their dates: list lines, request an update, watch it, and steer its schedule."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import TypeVar

from contract.clean import refuse_unclean_words
from domain.lines.line import SubscriptionLine
from domain.lines.restoration import RunInProgress, RunRestored
from domain.lines.runs import LineDatesProgress, Scope
from domain.permissions import Operation
from records.lines.reopening import reopen_line
from records.lines.restoration import check_ended, restore_chunk
from records.lines.runs import ListedLine, latest_runs, list_lines
from starter.service.descriptions import is_running
from starter.service.direct import marks
from starter.service.line_schedule import LineScheduleClient

Answer = TypeVar("Answer")


class LineDatesClient(LineScheduleClient):
    """The area of subscription lines.

    Updates and the schedule are Temporal's; `list`, `runs` and the progress of an update come from the records.
    ``request_id`` and errors: see `starter.service.offramp.Offramp`. The commands on the schedule take none: each sets a
    state, so repeating it changes nothing.
    """

    async def list(
        self,
        scope: Scope,
        *,
        line: str | None = None,
        due_as_of: date | None = None,
        organizations: Collection[str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> Sequence[ListedLine]:
        """Return lines by id, from the one after ``after``; only one ``line``, and those due as of a day, if these are given.

        ``organizations`` are those of which whoever asks may see something; None for all.

        Raises:
            SubscriptionUnknown, ContractUnknown.

        """
        return await self._read(
            lambda session: list_lines(
                session,
                scope,
                line=line,
                due_as_of=due_as_of,
                organizations=organizations,
                after=after,
                limit=limit,
            )
        )

    async def runs(self, limit: int = 10) -> Sequence[LineDatesProgress]:
        """Return the newest runs of the update, newest first."""
        return await self._read(lambda session: latest_runs(session, limit))

    async def restore(self, run: str, *, actor: str, reason: str, request_id: str | None = None) -> RunRestored:
        """Take back what a run changed on lines that were not changed since; the others are named with the reasons.

        Repeating it changes nothing, but takes back what was locked the first time; under the same request id it gets the first
        result. Systems are not notified.

        Raises:
            RunUnknown, RunInProgress, RequestIdReused.

        """
        refuse_unclean_words(actor=actor, reason=reason, request_id=request_id)
        request = marks(Operation.RESTORE_RUN, request_id, actor, {"run": run, "reason": reason})
        return await self._reported_once(request, RunRestored, lambda: self._restored(run, actor=actor, reason=reason))

    async def _restored(self, run: str, *, actor: str, reason: str) -> RunRestored:
        try:
            await self._read(lambda session: check_ended(session, run))
        except RunInProgress:
            if await self._goes_on(run):
                raise
        result, after = RunRestored(run=run), ""
        while True:
            chunk = await self._write(
                partial(restore_chunk, run=run, actor=actor, why=reason, at=datetime.now(UTC), after=after)
            )
            result = chunk.added_to(result)
            if chunk.last_line is None:
                return result
            after = chunk.last_line

    async def reopen(self, line: str, *, actor: str, reason: str, request_id: str | None = None) -> SubscriptionLine:
        """Take away the end date of a line that no case has set, and return the line.

        Raises:
            LineUnknown, LineClosed, LineHasNoEnd, LineEndSetByCase, LineOfEndedSubscription.

        """
        refuse_unclean_words(actor=actor, reason=reason, request_id=request_id)
        at = datetime.now(UTC)
        return await self._write_once(
            Operation.REOPEN_LINE,
            partial(reopen_line, line=line, actor=actor, why=reason, at=at, request=request_id),
            actor=actor,
            request_id=request_id,
            line=line,
            reason=reason,
        )

    async def _goes_on(self, run: str) -> bool:
        """Return true unless the workflow of a run has ended; one that was terminated never records the end of its run."""
        workflow_id, _, first_run = run.rpartition("/")
        description = await self._description(workflow_id)
        return is_running(description) and description is not None and description.raw_info.first_run_id == first_run
