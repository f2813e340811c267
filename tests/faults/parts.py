"""The parts of the service as processes that are killed, stopped and started again."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

from starter.local.leftovers import ProcessRecord
from starter.local.supervisor import Service

STARTS_WITHIN = 120.0


class Part:
    """One service: its process, and the hands that disturb it."""

    def __init__(self, service: Service, order: int, run_directory: Path, logs: Path) -> None:
        self.service = service
        self.name = service.name
        self.disturbed = asyncio.Lock()
        """Locked while one fault is at work on it."""
        self._order = order
        self._run_directory = run_directory
        self._log = logs / f"{service.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start the process, as often as it takes, until it is ready."""
        async with asyncio.timeout(STARTS_WITHIN):
            while True:
                await asyncio.to_thread(self._spawn)
                while self.is_running:
                    with suppress(OSError, TimeoutError):
                        if await asyncio.wait_for(self.service.is_ready(), 3):
                            return
                    await asyncio.sleep(0.1)
                await asyncio.sleep(0.5)

    @property
    def is_running(self) -> bool:
        """True while its process has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def process(self) -> psutil.Process:
        """Its running process."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    async def kill(self) -> None:
        """Kill the process with signal 9."""
        assert self._process is not None
        self._process.kill()
        await asyncio.to_thread(self._process.wait)

    @asynccontextmanager
    async def stopped(self) -> AsyncIterator[None]:
        """Stop the process and its children for a while, without ending them."""
        assert self._process is not None
        tree = [psutil.Process(self._process.pid)]
        tree += tree[0].children(recursive=True)
        for process in tree:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        try:
            yield
        finally:
            for process in tree:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    async def end(self) -> None:
        """End the process as an operator does."""
        if self._process is None or not self.is_running:
            return
        self._process.send_signal(self.service.stop_signal)
        try:
            await asyncio.to_thread(self._process.wait, self.service.stop_within)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await asyncio.to_thread(self._process.wait)

    def _spawn(self) -> None:
        service, run_as = self.service, self.service.run_as
        if service.before_start is not None:
            service.before_start()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                service.command,
                env=dict(service.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=service.directory,
                start_new_session=True,
                user=run_as.uid if run_as else None,
                group=run_as.gid if run_as else None,
                extra_groups=[] if run_as else None,
            )
        ProcessRecord(
            name=service.name,
            order=self._order,
            pid=self._process.pid,
            command=service.command,
            stop_signal=service.stop_signal,
            stop_seconds=service.stop_within,
        ).keep(self._run_directory)
