"""A mail server in a process of its own, which takes everything: ``python -m bench.sink PORT``; in the end it prints how many mails."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.smtp import SMTP

from starter.local import HOST
from tests.support.ports import free_port


class Sink:
    """The mail server as the measurement sees it."""

    def __init__(self, port: int, process: subprocess.Popen[str]) -> None:
        self.port = port
        self.url = f"smtp://{HOST}:{port}"
        self._process = process

    def close(self) -> int:
        """Stop it, and return the number of the mails that it took."""
        self._process.send_signal(signal.SIGTERM)
        said, _ = self._process.communicate(timeout=30)
        return int(said)


@contextmanager
def sink() -> Iterator[Sink]:
    """Run a mail server that takes everything; its processor time is not that of a worker."""
    port = free_port()
    command = [sys.executable, "-m", "bench.sink", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it serves
        yield Sink(port, process)
    finally:
        process.kill()
        process.wait()


class _Counting:
    def __init__(self) -> None:
        self.count = 0

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it so
        """Take a mail."""
        self.count += 1
        return "250 OK"


async def _serve(port: int) -> None:
    loop, counting, stopped = asyncio.get_running_loop(), _Counting(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    server = await loop.create_server(lambda: SMTP(counting, loop=loop), HOST, port)
    print("serving", flush=True)
    await stopped.wait()
    server.close()
    print(counting.count)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
