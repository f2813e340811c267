"""Addresses to which nothing is sent, in every notation."""

import pytest

from domain.network import is_forbidden
from domain.webhooks import EndpointUrlRefused, check_url

_FORBIDDEN = [
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.16689662",
    "169。254。169。254",
    "１６９.254.169.254",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fe80::1",
    "FE90::1",
    "fe80::1%1",
    "0",
    "0.0.0.0",  # noqa: S104 - nothing binds to it
    "0.1.2.3",
    "::",
    "::ffff:0:0",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd20:ce::254",
]
_ALLOWED = ["127.0.0.1", "127.1", "::1", "::ffff:127.0.0.1", "10.0.0.7", "192.168.1.1", "fd12::1", "203.0.113.9"]
_NAMES = [
    "crm.example",
    "metadata.google.internal",
    "münchen.example",
    "localhost",
    "0x.example",
    "a" * 70,
    "1.2.3.4.5",
]


@pytest.mark.parametrize("address", _FORBIDDEN)
def test_an_address_of_no_system_is_forbidden_however_it_is_written(address: str) -> None:
    assert is_forbidden(address)
    with pytest.raises(EndpointUrlRefused):
        check_url(f"https://[{address}]/hooks" if ":" in address else f"https://{address}/hooks")


@pytest.mark.parametrize("host", [*_ALLOWED, *_NAMES])
def test_this_machine_private_networks_and_names_are_allowed(host: str) -> None:
    assert not is_forbidden(host)
    check_url(f"https://[{host}]/hooks" if ":" in host else f"https://{host}/hooks")
