"""The TCP ports of the local stack: the well-known ones, or the next free ones."""

import socket
from collections.abc import Container, Iterator
from itertools import islice

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from starter.local import HOST
from starter.local.object_store import INTERNAL_PORTS
from starter.local.refusals import NoFreePort, PortMalformed

_TRIES = 100
_LAST_PORT = 65_535


class PreferredPorts(BaseSettings):
    """The ports tried first; each can be set by ``OFFRAMP_PORT_`` and its name, such as ``OFFRAMP_PORT_POSTGRES``."""

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_PORT_", frozen=True)

    postgres: int = Field(default=54320, ge=1, le=_LAST_PORT)
    temporal: int = Field(default=7233, ge=1, le=_LAST_PORT)
    temporal_ui: int = Field(default=8233, ge=1, le=_LAST_PORT)
    smtp: int = Field(default=1025, ge=1, le=_LAST_PORT)
    webhooks: int = Field(default=8025, ge=1, le=_LAST_PORT)
    objects: int = Field(default=8333, ge=1, le=_LAST_PORT)
    pages: int = Field(default=8234, ge=1, le=_LAST_PORT)
    codec: int = Field(default=8235, ge=1, le=_LAST_PORT)
    api: int = Field(default=8236, ge=1, le=_LAST_PORT)
    console: int = Field(default=8237, ge=1, le=_LAST_PORT)
    sign_in: int = Field(default=8238, ge=1, le=_LAST_PORT)
    metrics: int = Field(default=9464, ge=1, le=_LAST_PORT)
    api_metrics: int = Field(default=9465, ge=1, le=_LAST_PORT)
    pages_metrics: int = Field(default=9466, ge=1, le=_LAST_PORT)


def configured_ports() -> PreferredPorts:
    """Read the preferred ports from the environment. Raises PortMalformed."""
    try:
        return PreferredPorts()
    except ValidationError as error:
        raise PortMalformed([f"OFFRAMP_PORT_{problem['loc'][0]}".upper() for problem in error.errors()]) from None


class Ports(BaseModel):
    """The ports in use, and a sentence for every one that is not the preferred one."""

    model_config = ConfigDict(frozen=True)

    postgres: int
    temporal: int
    temporal_ui: int
    smtp: int
    webhooks: int
    objects: int
    pages: int
    codec: int
    api: int
    console: int
    sign_in: int
    metrics: int
    """Where the worker serves its metrics, which are the service's."""
    api_metrics: int
    pages_metrics: int
    objects_internal: tuple[int, ...]
    """The object store's own ports, used by nothing else: the first free ones above `objects`."""
    remarks: tuple[str, ...] = ()


def is_free(port: int) -> bool:
    """Return true if a server could listen on ``127.0.0.1:port`` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose former connections are still winding down (TIME_WAIT) counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose_ports(preferred: PreferredPorts) -> Ports:
    """Give every service its preferred port or the next free one.

    Raises:
        NoFreePort: none of the hundred ports from a preferred one upwards is free.
    """
    chosen: dict[str, int] = {}
    remarks: list[str] = []
    for service, first in preferred.model_dump().items():
        last = min(first + _TRIES - 1, _LAST_PORT)
        free = (port for port in range(first, last + 1) if port not in chosen.values() and is_free(port))
        port = next(free, None)
        if port is None:
            raise NoFreePort(service, first, last)
        if port != first:
            remarks.append(f"port {first} is taken; {service.replace('_', ' ')} listens on {port}")
        chosen[service] = port
    internal = tuple(islice(_free_above(chosen["objects"], set(chosen.values())), INTERNAL_PORTS))
    if len(internal) < INTERNAL_PORTS:
        raise NoFreePort("objects", chosen["objects"] + 1, _LAST_PORT)
    return Ports(**chosen, objects_internal=internal, remarks=tuple(remarks))


def _free_above(port: int, taken: Container[int]) -> Iterator[int]:
    return (other for other in range(port + 1, _LAST_PORT + 1) if other not in taken and is_free(other))
