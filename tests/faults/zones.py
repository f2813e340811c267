"""Time zones whose midnights come while somebody waits: one in every minute of a run."""

import os
import struct
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path

DAY = timedelta(days=1)
NOON = "Soak/Noon"
"""A zone in which no midnight comes during a run."""


class Zones:
    """Zones of fixed offsets, written for this run and given to every process by ``PYTHONTZPATH``."""

    def __init__(self, directory: Path, minutes: int) -> None:
        self._directory = directory
        start = datetime.now(UTC).replace(second=0, microsecond=0)
        self.midnights = {f"Soak/M{number:03}": start + timedelta(minutes=number) for number in range(1, minutes + 1)}
        (directory / "Soak").mkdir(parents=True)
        for name, midnight in self.midnights.items():
            self._write(name, midnight)
        self._write(NOON, start + DAY / 2)

    @property
    def path(self) -> str:
        """The search path with these zones first."""
        return os.pathsep.join([str(self._directory), *zoneinfo.TZPATH])

    def next_midnight(self, at_least: timedelta) -> str:
        """Return the zone with the first midnight that is so far away."""
        earliest = datetime.now(UTC) + at_least
        return next(name for name, midnight in self.midnights.items() if midnight >= earliest)

    def _write(self, name: str, midnight: datetime) -> None:
        """Write a zone, as RFC 8536 has it, in which a day begins at an instant."""
        offset = -timedelta(hours=midnight.hour, minutes=midnight.minute)
        if offset < -DAY / 2:
            offset += DAY
        header = struct.pack(">4sc15x6l", b"TZif", b"\0", 0, 0, 0, 0, 1, 4)
        kind = struct.pack(">lbB", int(offset.total_seconds()), 0, 0)
        (self._directory / name).write_bytes(header + kind + b"SOK\0")
