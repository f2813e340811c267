"""The process that hosts the Nexus service: ``python -m starter.nexus``. It needs no database, and no keys of requests."""

import asyncio
import signal
import socket

from runtime.metrics import MetricsSettings
from runtime.payload_keys import PayloadKeySettings
from runtime.polling import nexus_is_attended
from runtime.probes import ProbeSettings, probes
from runtime.serving import serve
from runtime.temporal import connect_to_temporal, offramp_plugin
from starter.nexus.keys import NexusKeySettings
from starter.nexus.payloads import callers_plugin
from starter.nexus.worker import nexus_worker


async def main() -> None:
    """Host the service until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runtime = MetricsSettings().runtime
    callers = await connect_to_temporal(plugin=callers_plugin(NexusKeySettings().keys), runtime=runtime)
    unsigned = await connect_to_temporal(plugin=offramp_plugin(PayloadKeySettings().keys), runtime=runtime)
    checks = {"temporal": lambda: nexus_is_attended(unsigned, socket.gethostname())}
    async with probes(ProbeSettings().health_address, checks, stop), nexus_worker(callers, unsigned):
        await stop.wait()


if __name__ == "__main__":
    serve(main, failing="The Nexus service cannot be hosted")
