"""The supervisor of a local stack's servers: started in order, kept running, and stopped in reverse order."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from starter.local.leftovers import ProcessRecord
from starter.local.refusals import ServiceDidNotStart
from starter.local.unprivileged import RunAs

_PROBE_EVERY_SECONDS = 0.05
_PROBE_SECONDS = 3.0
_FIRST_STARTS = 3
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_AFTER_SECONDS = 60.0
_LARGEST_LOG_BYTES = 20_000_000
_LAST_LINES = 8


class Happening(StrEnum):
    """An event in a service's life."""

    STARTING = "starting"
    READY = "ready"
    CRASHED = "crashed"
    STOPPING = "stopping"
    KILLED = "killed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Event:
    """Something that happened to a service, for the person who watches."""

    service: str
    happening: Happening
    detail: str = ""


@dataclass(frozen=True)
class Service:
    """One server: its start, its readiness and its stop. Times are in seconds."""

    name: str
    command: tuple[str, ...]
    is_ready: Callable[[], Awaitable[bool]]
    """Asked again and again after a start; False or an exception from the network means "not yet"."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    """The child's whole environment."""
    before_start: Callable[[], None] | None = None
    """Called before every start, restarts included."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within: float = 15.0
    start_within: float = 60.0
    run_as: RunAs | None = None
    directory: Path | None = None
    umask: int = -1
    """The rights that files of the server never give; -1 for those of its parent."""


class Supervisor:
    """The parent of services in sessions of their own, so that Ctrl-C in the terminal reaches the parent alone.

    A child that ends unexpectedly is restarted, after a pause that doubles from half a second to half a minute and is
    short again once the child has run for a minute. Output goes to ``<log_directory>/<name>.log``.
    """

    def __init__(self, run_directory: Path, log_directory: Path, on_event: Callable[[Event], None]) -> None:
        self._run_directory = run_directory
        self._log_directory = log_directory
        self._on_event = on_event
        self._children: list[_Child] = []

    async def start(self, service: Service) -> None:
        """Start a service and return when it is ready.

        Raises:
            ServiceDidNotStart: it ended three times, or did not become ready in time.
        """
        log_file = self._log_directory / f"{service.name}.log"
        child = _Child(service, len(self._children), self._run_directory, log_file, self._on_event)
        self._children.append(child)
        await child.start()

    async def stop(self) -> None:
        """Stop every service, the last started first; returns when all are gone."""
        while self._children:
            await self._children[-1].stop()
            self._children.pop()

    def pids(self) -> dict[str, int]:
        """Return the process id of every running service, by name."""
        return {child.service.name: child.process.pid for child in self._children if child.process}


class _Child:
    """One service and its present process."""

    def __init__(
        self, service: Service, order: int, run_directory: Path, log_file: Path, on_event: Callable[[Event], None]
    ) -> None:
        self.service = service
        self.process: asyncio.subprocess.Process | None = None
        self._order = order
        self._run_directory = run_directory
        self._log_file = log_file
        self._on_event = on_event
        self._record: ProcessRecord | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._tell(Happening.STARTING)
        pauses = _pauses()
        for attempt in range(1, _FIRST_STARTS + 1):
            failure = await self._launch()
            if failure is None:
                break
            if attempt == _FIRST_STARTS or self._is_running():
                raise ServiceDidNotStart(self.service.name, failure, self._log_file, self._last_lines())
            pause = next(pauses)
            self._tell(Happening.CRASHED, f"{failure}; next try in {pause:g} s")
            await asyncio.sleep(pause)
        self._keeper = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        process = self.process
        if process is not None and process.returncode is None:
            self._tell(Happening.STOPPING)
            with suppress(ProcessLookupError):
                process.send_signal(self.service.stop_signal)
            try:
                await asyncio.wait_for(process.wait(), self.service.stop_within)
            except TimeoutError:
                self._tell(Happening.KILLED, f"it did not stop within {self.service.stop_within:g} s")
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            self._tell(Happening.STOPPED)
        if self._record is not None:
            self._record.forget(self._run_directory)

    async def _keep_running(self) -> None:
        pauses = _pauses()
        while True:
            since = time.monotonic()
            ended = await self._wait_for_end()
            if time.monotonic() - since > _STEADY_AFTER_SECONDS:
                pauses = _pauses()
            pause = next(pauses)
            self._tell(Happening.CRASHED, f"{ended}; starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            await self._launch()

    async def _launch(self) -> str | None:
        """Start the process and wait until it is ready; return the reason if it does not become so."""
        service = self.service
        try:
            if service.before_start is not None:
                await asyncio.to_thread(service.before_start)
            await self._spawn()
        except OSError as error:
            return f"could not be started: {error}"
        ended = asyncio.create_task(self._wait_for_end())
        ready = asyncio.create_task(self._wait_until_ready())
        try:
            await asyncio.wait({ended, ready}, timeout=service.start_within, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return ended.result()
            if not ready.done():
                return f"did not answer within {service.start_within:g} s"
            ready.result()
        finally:
            for task in (ended, ready):
                task.cancel()
            await asyncio.gather(ended, ready, return_exceptions=True)
        self._tell(Happening.READY)
        return None

    async def _spawn(self) -> None:
        service = self.service
        run_as = service.run_as
        self._set_large_log_aside()
        with self._log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *service.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(service.environment),
                cwd=service.directory,
                start_new_session=True,
                umask=service.umask,
                user=run_as.uid if run_as else None,
                group=run_as.gid if run_as else None,
                extra_groups=[] if run_as else None,
            )
        self._record = ProcessRecord(
            name=service.name,
            order=self._order,
            pid=self.process.pid,
            command=service.command,
            stop_signal=service.stop_signal,
            stop_seconds=service.stop_within,
        )
        self._record.keep(self._run_directory)

    async def _wait_until_ready(self) -> None:
        while True:
            # Not `asyncio.wait_for`: it swallows a cancellation that comes as the answer does, and this would never end.
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_PROBE_SECONDS):
                    if await self.service.is_ready():
                        return
            await asyncio.sleep(_PROBE_EVERY_SECONDS)

    async def _wait_for_end(self) -> str:
        if self.process is None:
            return "was never started"
        status = await self.process.wait()
        return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"

    def _is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def _tell(self, happening: Happening, detail: str = "") -> None:
        self._on_event(Event(self.service.name, happening, detail))

    def _set_large_log_aside(self) -> None:
        if self._log_file.exists() and self._log_file.stat().st_size > _LARGEST_LOG_BYTES:
            self._log_file.replace(self._log_file.with_suffix(".log.1"))

    def _last_lines(self) -> str:
        if not self._log_file.exists():
            return ""
        text = self._log_file.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-_LAST_LINES:])


def _pauses() -> Iterator[float]:
    pause = 0.5
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
