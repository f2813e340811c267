"""The record of a local stack's processes, so that none outlives it for long.

Every child has a record in the run directory while it lives. When the stack is killed with no time to clean up, the
guard (`starter.local.leftovers_guard`) notices and stops what the records name; should the guard be gone too, the next
``offramp up`` does. A process is only ever signalled if it still has the pid and the command line of its record.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

_POLL_SECONDS = 0.05
_KILL_SECONDS = 5.0


class ProcessRecord(BaseModel):
    """One child of a local stack."""

    model_config = ConfigDict(frozen=True)

    name: str
    order: int
    pid: int
    command: tuple[str, ...]
    stop_signal: int
    stop_seconds: float

    def is_alive(self) -> bool:
        """Return true if this very process still runs; a pid that was given to another process does not count."""
        try:
            process = psutil.Process(self.pid)
            return process.status() != psutil.STATUS_ZOMBIE and tuple(process.cmdline()) == self.command
        except psutil.Error:
            return False

    def stop(self) -> None:
        """End the process: gently, and by force when its time is over."""
        for number, seconds in ((self.stop_signal, self.stop_seconds), (signal.SIGKILL, _KILL_SECONDS)):
            if not self.is_alive():
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            deadline = time.monotonic() + seconds
            while self.is_alive() and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)

    def path(self, run_directory: Path) -> Path:
        """Return the path of the record's file."""
        return run_directory / f"{self.order:02}-{self.name}.json"

    def keep(self, run_directory: Path) -> None:
        """Write the record, whole or not at all."""
        path = self.path(run_directory)
        temporary = path.with_suffix(".new")
        temporary.write_text(self.model_dump_json(), encoding="utf-8")
        temporary.replace(path)

    def forget(self, run_directory: Path) -> None:
        """Remove the record, unless it belongs to a newer process by now."""
        path = self.path(run_directory)
        if _read(path) == self:
            path.unlink(missing_ok=True)


def _read(path: Path) -> ProcessRecord | None:
    try:
        return ProcessRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def stop_leftovers(run_directory: Path) -> list[ProcessRecord]:
    """Stop the recorded processes that still run, the youngest first, gently and then by force.

    Returns:
        The processes that had to be stopped.
    """
    records = [record for path in sorted(run_directory.glob("*.json"), reverse=True) if (record := _read(path))]
    stopped = []
    for record in records:
        if record.is_alive():
            record.stop()
            stopped.append(record)
        record.forget(run_directory)
    return stopped


class Guard:
    """A process that stops the recorded children as soon as this process is gone, however it went.

    It learns so from a pipe whose other end only this process holds: that works on every Unix, for a kill -9 too, and
    leaves time for an orderly stop, which a kernel's parent-death signal does not.
    """

    def __init__(self, run_directory: Path) -> None:
        command: Sequence[str] = (sys.executable, "-P", "-m", "starter.local.leftovers_guard", str(run_directory))
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """Release the guard, which stops all processes still recorded, and ends."""
        self._process.communicate()
