"""The update of line dates, chunk by chunk: set-based, resumable, in constant memory."""

import time
from datetime import UTC, datetime, timedelta

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Engine
from temporalio import activity

from activities.common.records import OnRecords
from activities.common.registration import Registered
from contract import WorkQueue
from contract.steps import OpenRun, UpdatePass
from domain.civil_time import TimeZoneUnknown, day_of, time_zone
from domain.lines.runs import LineDatesProgress, check_reached
from domain.refusals import RefusedValue
from domain.vocabulary import Channel
from records.lines.nightly import CHUNK_LINES, update_chunk
from records.lines.runs import finish_run, open_run, progress_of

SLICE = timedelta(seconds=10)
"""The duration of one activity: the workflow, and so the Web UI, gets fresh counts this often."""


class NightlySettings(BaseSettings):
    """``OFFRAMP_NIGHTLY_ZONE``: the IANA zone in which the nightly update runs at 04:00, and which its nights are named by."""

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
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {WorkQueue.NIGHTLY: [self.open_line_dates_run, self.update_line_dates, self.finish_line_dates_run]}

    @activity.defn(no_thread_cancel_exception=True)
    def open_line_dates_run(self, request: OpenRun) -> LineDatesProgress:
        """Open a run and fix its day or its instant, once.

        Raises:
            TimeZoneUnknown, SubscriptionUnknown, ContractUnknown, DayNotReached, NightNotReached.

        """
        zone = time_zone(request.zone or self._zone).key
        if request.requested_at is not None and not request.force:
            check_reached(request.as_of, request.instant, zone, request.requested_at)
        with self._transaction() as transaction:
            return open_run(
                transaction,
                request.run,
                as_of=request.as_of or day_of(request.instant, zone),
                instant=None if request.as_of else request.instant,
                zone=zone,
                scope=request.scope,
                actor=request.actor,
                at=datetime.now(UTC),
            )

    @activity.defn(no_thread_cancel_exception=True)
    def update_line_dates(self, request: UpdatePass) -> LineDatesProgress:
        """Continue a pass for one slice of time, but for at least one chunk.

        Run again, it continues after the last committed chunk. Returns early when it is cancelled, or the worker
        stops: the next activity continues.
        """
        ends_at = time.monotonic() + self._slice.total_seconds()
        worked = False
        while True:
            with self._transaction() as transaction:
                progress = progress_of(transaction.session, request.run)
            activity.heartbeat(progress.closed, progress.rolled, progress.failed)
            over = worked and time.monotonic() >= ends_at
            stops = activity.is_worker_shutdown() or activity.is_cancelled()
            if progress.passes >= request.number or over or stops:
                return progress
            with self._transaction() as transaction:
                update_chunk(transaction, request.run, at=datetime.now(UTC), limit=self._chunk_lines)
            worked = True

    @activity.defn(no_thread_cancel_exception=True)
    def finish_line_dates_run(self, run: str) -> LineDatesProgress:
        """Record the end of a run."""
        with self._transaction() as transaction:
            return finish_run(transaction, run, datetime.now(UTC))
