"""The records as a fault run watches them: the stage of every case, read once for all who wait."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from storage.tables import CancellationRow, ExportRow, MarketingCancellationRow, MigrationRow

EVERY_SECONDS = 0.5


@dataclass(frozen=True)
class Seen:
    """One case as it was recorded a moment ago."""

    stage: str
    reversal_deadline: datetime | None = None
    export_finished: bool = False
    migration: str | None = None
    """The stage of its migration."""
    consent: str | None = None


class Board:
    """The cases by id; it says when it has looked again."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._looked = asyncio.Condition()
        self.cases: dict[str, Seen] = {}

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look every half second; while the database is down, nothing changes."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, case: str, holds: Callable[[Seen], bool]) -> Seen:
        """Wait until something holds for a case."""
        while (seen := self.cases.get(case)) is None or not holds(seen):
            async with self._looked:
                await self._looked.wait()
        return seen

    async def _watch(self) -> None:
        while True:
            with suppress(SQLAlchemyError):
                self.cases = await asyncio.to_thread(self._look)
            async with self._looked:
                self._looked.notify_all()
            await asyncio.sleep(EVERY_SECONDS)

    def _look(self) -> dict[str, Seen]:
        case = CancellationRow
        cancellations = (
            select(
                case.id, case.stage, case.reversal_deadline, ExportRow.finished_at.is_not(None), MigrationRow.stage,
                case.marketing_consent,
            )
            .outerjoin(ExportRow, ExportRow.cancellation == case.id)
            .outerjoin(MigrationRow, MigrationRow.cancellation == case.id)
        )  # fmt: skip
        with self._engine.connect() as connection:
            seen = {row[0]: Seen(*row[1:]) for row in connection.execute(cancellations)}
            marketing = connection.execute(select(MarketingCancellationRow.id, MarketingCancellationRow.stage))
            return seen | {row[0]: Seen(row[1]) for row in marketing}
