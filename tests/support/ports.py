"""Ports for the servers of the tests, each reserved for one process."""

import atexit
import secrets
import socket

from starter.local import HOST

PORTS = range(10_000, 32_000)
"""Below the ports that systems give to outgoing connections, and to servers that take any."""

_reservations: list[socket.socket] = []


@atexit.register
def _give_back() -> None:
    for reservation in _reservations:
        reservation.close()


def free_port() -> int:
    """A port that nobody listens on."""
    return free_ports(1)[0]


def free_ports(number: int) -> list[int]:
    """Different ports that nobody listens on; no other process is given one of them before this one ends."""
    found: list[int] = []
    while len(found) < number:
        port = secrets.choice(PORTS)
        if _reserved(port):
            found.append(port)
    return found


def _reserved(port: int) -> bool:
    """Reserve a port among the processes of the tests, by the same one of UDP, which none of their servers uses."""
    reservation = socket.socket(type=socket.SOCK_DGRAM)
    try:
        reservation.bind((HOST, port))
        with socket.socket() as probe:
            probe.bind((HOST, port))
    except OSError:
        reservation.close()
        return False
    _reservations.append(reservation)
    return True
