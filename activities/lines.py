"""The update of line dates, carried chunk by chunk: set-based, resumable, in constant memory."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Engine
from temporalio import activity

from activities.common.records import OnRecords
from contract.steps import OpenRun, UpdatePass
from domain.civil_time import TimeZoneUnknown, day_of, time_zone
from domain.lines.runs import LineDatesProgress
from domain.refusals import RefusedValue
from domain.vocabulary import Channel
from records.lines.nightly import CHUNK_LINES, update_chunk
from records.lines.runs import finish_run, open_run, progress_of

SLICE = timedelta(seconds=10)
"""How long one activity goes on: the workflow, and so the Web UI, has fresh counts this often."""


class NightlySettings(BaseSettings):
    """``OFFRAMP_NIGHTLY_ZONE``: the IANA zone in which the nightly update runs at 01:00 and whose day it is as of."""

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_")

    nightly_zone: str = "Europe/Berlin"

    @field_validator("nightly_zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            return time_zone(zone).key
        except TimeZoneUnknown as refusal:
            raise RefusedValue(refusal) from None


class LineDates(OnRecords):
    """The activities of the update. ``channels`` and ``zone`` are those of this installation."""

    def __init__(
        self,
        engine: Engine,
        channels: frozenset[Channel],
        zone: str,
        *,
        chunk_lines: int = CHUNK_LINES,
        slice_: timedelta = SLICE,
    ) -> None:
        super().__init__(engine, channels)
        self._zone = zone
        self._chunk_lines = chunk_lines
        self._slice = slice_

    @property
    def registered(self) -> list[Callable[..., object]]:
        """The activities that a worker runs."""
        return [self.open_line_dates_run, self.update_line_dates, self.finish_line_dates_run]

    @activity.defn
    def open_line_dates_run(self, wanted: OpenRun) -> LineDatesProgress:
        """Open a run and fix its day, once.

        Raises:
            TimeZoneUnknown, SubscriptionUnknown, ContractUnknown.

        """
        zone = time_zone(wanted.zone or self._zone).key
        with self._transaction() as transaction:
            return open_run(
                transaction,
                wanted.run,
                as_of=wanted.as_of or day_of(wanted.instant, zone),
                zone=zone,
                scope=wanted.scope,
                actor=wanted.actor,
                at=datetime.now(UTC),
            )

    @activity.defn
    def update_line_dates(self, wanted: UpdatePass) -> LineDatesProgress:
        """Go on with a pass for one slice of time, but for a chunk at the least; run again, it goes on where the last
        committed chunk ended.

        Returns early when the worker stops: whoever comes next goes on.
        """
        ends_at = time.monotonic() + self._slice.total_seconds()
        went_on = False
        while True:
            with self._transaction() as transaction:
                progress = progress_of(transaction.session, wanted.run)
            activity.heartbeat(progress.closed, progress.rolled, progress.failed)
            over = went_on and time.monotonic() >= ends_at
            if progress.passes >= wanted.number or over or activity.is_worker_shutdown():
                return progress
            with self._transaction() as transaction:
                update_chunk(transaction, wanted.run, at=datetime.now(UTC), limit=self._chunk_lines)
            went_on = True

    @activity.defn
    def finish_line_dates_run(self, run: str) -> LineDatesProgress:
        """Note that a run is over."""
        with self._transaction() as transaction:
            return finish_run(transaction, run, datetime.now(UTC))
