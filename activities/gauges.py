"""The gauges of the service: what the records say of it, measured at intervals and served beside the SDK's own metrics.

Prometheus reads what was measured last, so a flood of scrapes reaches no database. The processes that host the queue ``nightly``
measure, as they do all else that concerns the whole service; each measures the same, and a query takes the maximum.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from temporalio.common import MetricMeter

from records.measurements import Measurements, measure

EVERY = timedelta(seconds=30)
"""The time between two measurements."""

_LONGEST_STATEMENT = timedelta(seconds=5)
"""A measurement that takes longer is given up: the database has more important work."""

logger = logging.getLogger(__name__)


class Gauges:
    """The gauges, and the measurements that set them."""

    def __init__(self, engine: Engine, meter: MetricMeter, zone: str) -> None:
        self._engine = engine
        self._zone = zone
        self._is_failing = False
        whole, fraction = meter.create_gauge, meter.create_gauge_float
        self._open = whole("offramp_open_cases", "Cases that have not ended, by kind and stage")
        self._overdue = whole(
            "offramp_overdue_cases", "Cancellations past the deadline of their stage, by what they wait for"
        )
        self._preparation = fraction(
            "offramp_oldest_preparation_seconds", "Time since the receipt of the oldest cancellation that is prepared"
        )
        self._pending = whole("offramp_pending_messages", "Messages that are owed, by channel")
        self._oldest = fraction("offramp_oldest_pending_message_seconds", "Age of the oldest of them, by channel")
        self._endpoints = whole("offramp_webhook_endpoints", "Webhook endpoints, by state")
        self._due = whole("offramp_lines_due", "Subscription lines due for the nightly update")
        self._lines_overdue = whole(
            "offramp_lines_overdue", "Subscription lines that the last nightly update should have done"
        )
        self._unsealed = fraction(
            "offramp_audit_oldest_unsealed_seconds", "Age of the oldest entry of the audit trail after its newest seal"
        )
        self._started = fraction("offramp_nightly_started_timestamp_seconds", "Start of the last nightly update")
        self._finished = fraction(
            "offramp_nightly_finished_timestamp_seconds", "End of the last nightly update that ended"
        )
        self._duration = fraction("offramp_nightly_duration_seconds", "Duration of the last nightly update that ended")
        self._lines = whole("offramp_nightly_lines", "Lines of the last nightly update, by outcome")
        self._measured = fraction("offramp_measured_timestamp_seconds", "Time of the last measurement that succeeded")
        self._failures = meter.create_counter("offramp_measurement_failures", "Measurements that failed")
        self._failures.add(0)

    async def run(self) -> None:
        """Measure until cancelled; a measurement that fails is logged and counted, and harms nothing else."""
        while True:
            await asyncio.to_thread(self.refresh)
            await asyncio.sleep(EVERY.total_seconds())

    def refresh(self) -> None:
        """Measure once."""
        at = datetime.now(UTC)
        try:
            self._set(self._measurements(at))
        except Exception as error:  # noqa: BLE001 - no figure is worth a worker
            self._failures.add(1)
            if not self._is_failing:
                logger.warning("The service cannot be measured (%s); it is tried again.", type(error).__name__)
            self._is_failing = True
        else:
            self._measured.set(at.timestamp())
            self._is_failing = False

    def _measurements(self, at: datetime) -> Measurements:
        with Session(self._engine) as session:
            milliseconds = round(_LONGEST_STATEMENT / timedelta(milliseconds=1))
            session.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
            return measure(session, at=at, zone=self._zone)

    def _set(self, found: Measurements) -> None:
        for (kind, stage), number in found.open_cases.items():
            self._open.set(number, {"kind": kind, "stage": stage})
        for awaited, number in found.overdue.items():
            self._overdue.set(number, {"waits_for": awaited})
        self._preparation.set(found.oldest_preparation.total_seconds())
        for channel, pending in found.pending.items():
            self._pending.set(pending.messages, {"channel": channel})
            self._oldest.set(pending.oldest.total_seconds(), {"channel": channel})
        for state, number in found.endpoints.items():
            self._endpoints.set(number, {"state": state})
        self._due.set(found.lines_due)
        self._lines_overdue.set(found.lines_overdue)
        self._unsealed.set(found.oldest_unsealed.total_seconds())
        if (run := found.nightly) is None:
            return
        self._started.set(run.started_at.timestamp())
        for outcome in ("due", "closed", "rolled", "failed", "busy", "never_billed"):
            self._lines.set(getattr(run, outcome), {"outcome": outcome})
        if run.finished_at is not None:
            self._finished.set(run.finished_at.timestamp())
            self._duration.set((run.finished_at - run.started_at).total_seconds())
