"""The local stack's own processes beside the worker, as services to supervise."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from starter.local import HOST
from starter.local.supervisor import Service


def own_module(module: str, *options: str) -> tuple[str, ...]:
    """Return the command line that runs an installed module; the current directory's modules never come before it."""
    return (sys.executable, "-P", "-m", module, *options)


def mail_catcher_service(port: int, directory: Path, environment: Mapping[str, str]) -> Service:
    """Return the mail catcher as a service to supervise."""
    return Service(
        name="mail-catcher",
        command=own_module("starter.local.mail_catcher", "--port", str(port), "--directory", str(directory)),
        is_ready=lambda: listens(port),
        environment=environment,
    )


def webhook_receiver_service(port: int, file: Path, environment: Mapping[str, str]) -> Service:
    """Return the webhook receiver as a service to supervise."""
    return Service(
        name="webhook-receiver",
        command=own_module("starter.local.webhook_receiver", "--port", str(port), "--file", str(file)),
        is_ready=lambda: listens(port),
        environment=environment,
    )


def pages_service(port: int, environment: Mapping[str, str]) -> Service:
    """Return the pages as a service to supervise."""
    return Service(
        name="pages",
        command=own_module("starter.pages"),
        is_ready=lambda: listens(port),
        environment=environment,
    )


def api_service(port: int, environment: Mapping[str, str]) -> Service:
    """Return the HTTP API as a service to supervise."""
    return Service(
        name="api",
        command=own_module("starter.api"),
        is_ready=lambda: listens(port),
        environment=environment,
    )


def metrics_environment(port: int) -> dict[str, str]:
    """Return the variable by which a process serves its metrics at a port of its own."""
    return {"OFFRAMP_METRICS_ADDRESS": f"{HOST}:{port}"}


async def listens(port: int) -> bool:
    """Return true if a server answers at a port of this machine; raises OSError otherwise."""
    _, writer = await asyncio.open_connection(HOST, port)
    writer.close()
    await writer.wait_closed()
    return True
