"""Readiness: whether the parts that requests need answer, now."""

import asyncio
from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest

from domain.refusals import Refusal
from starter.service.area import AreaClient

WITHIN = timedelta(seconds=3)
"""The longest wait for a part."""


class Readiness(BaseModel):
    """Which parts answer."""

    model_config = ConfigDict(frozen=True)

    database: bool
    temporal: bool

    @property
    def is_ready(self) -> bool:
        """True if everything answers."""
        return self.database and self.temporal


class ReadinessClient(AreaClient):
    """The parts as this process sees them."""

    async def check(self) -> Readiness:
        """Ask each part; what does not answer within seconds counts as away."""
        database, temporal = await asyncio.gather(self._database_answers(), self._temporal_answers())
        return Readiness(database=database, temporal=temporal)

    async def _database_answers(self) -> bool:
        try:
            async with asyncio.timeout(WITHIN.total_seconds()):
                await self._read(lambda session: session.scalar(select(1)))
        except (Refusal, TimeoutError):
            return False
        return True

    async def _temporal_answers(self) -> bool:
        try:
            async with self._calling(within=WITHIN):
                await self._temporal.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=WITHIN)
        except Refusal:
            return False
        return True
