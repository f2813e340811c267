"""Addresses of the network to which no message is sent, however they are written."""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_KEYS_OF_CLOUDS = (
    IPv4Network("100.100.100.200/32"),
    IPv4Network("168.63.129.16/32"),
    IPv6Network("fd00:ec2::/32"),
    IPv6Network("fd20:ce::/64"),
)
"""Where clouds keep the keys of their machines, beside the addresses of the link."""
_THIS_NETWORK = IPv4Network("0.0.0.0/8")
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))
"""Addresses whose last 32 bits are one of IPv4, to which the network translates them."""


def is_forbidden(host: str) -> bool:
    """Return true if a host is, in any notation, an address that no system of anybody's has; false of a name.

    Those are addresses of a machine's own links, of many machines at once, and of none, and those where clouds keep their keys.
    Private networks are not among them, and neither is this machine.
    """
    address = _address_of(host)
    return address is not None and _is_forbidden(address)


def _address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that connecting to a host would take it for; None if it is a name."""
    try:
        ascii_host = host.encode("idna").decode()
    except UnicodeError:
        ascii_host = host
    try:
        return ip_address(ascii_host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(ascii_host))  # 2852039166, 0xa9fea9fe, 169.16689662
    except (OSError, UnicodeError):
        return None


def _is_forbidden(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.is_loopback:
            return False
        inside = _ipv4_inside(address)
        if inside is not None:
            return _is_forbidden(inside)
    return (
        address.is_link_local
        or address.is_multicast
        or address in _THIS_NETWORK
        or address == IPv4Address("255.255.255.255")
        or any(address in network for network in _KEYS_OF_CLOUDS)
    )


def _ipv4_inside(address: IPv6Address) -> IPv4Address | None:
    """Return the address of IPv4 that one of IPv6 stands for."""
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
