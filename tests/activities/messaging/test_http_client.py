"""Where the requests of webhooks lead: never to an address that is forbidden, whatever leads there."""

import socket
from typing import Any

import httpcore
import httpx
import pytest

from activities.messaging.http_client import AddressForbidden, HttpClient
from tests.activities.messaging.endpoint import Endpoint
from tests.activities.messaging.endpoints import client, crm

__all__ = ["client", "crm"]


def post(client: HttpClient, url: httpx.URL) -> int:
    return client.post(url, content="{}", headers={}, within_seconds=10.0)


def test_no_request_goes_to_another_notation_of_no_address(client: HttpClient, crm: Endpoint) -> None:
    with crm.listening() as url:
        with pytest.raises(AddressForbidden):
            post(client, httpx.URL(url).copy_with(host="0"))  # Linux takes it for this machine
        assert not crm.requests


def test_no_request_goes_to_a_name_that_stands_for_a_forbidden_address(
    client: HttpClient, crm: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    _resolve(monkeypatch, "metadata.example", "0.0.0.0")  # noqa: S104 - nothing binds to it
    with crm.listening() as url:
        with pytest.raises(AddressForbidden):
            post(client, httpx.URL(url).copy_with(host="metadata.example"))
        assert not crm.requests


def test_a_name_that_stands_for_an_allowed_address_is_reached(
    client: HttpClient, crm: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    _resolve(monkeypatch, "crm.example", "127.0.0.1")
    with crm.listening() as url:
        assert post(client, httpx.URL(url).copy_with(host="crm.example")) == 204
        assert len(crm.requests) == 1


def test_nothing_is_sent_where_a_name_has_changed_between(monkeypatch: pytest.MonkeyPatch, crm: Endpoint) -> None:
    """The socket is looked at as well: no address of a machine's own links can be listened on here, so it says that it is one."""

    async def elsewhere(self: httpcore.AnyIOBackend, *arguments: Any, **named: Any) -> httpcore.AsyncNetworkStream:
        stream = await connect(self, *arguments, **named)
        ask = stream.get_extra_info
        monkeypatch.setattr(
            stream,
            "get_extra_info",
            lambda name: ("169.254.169.254", 80) if name == "server_addr" else ask(name),
            raising=False,
        )
        return stream

    connect = httpcore.AnyIOBackend.connect_tcp
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", elsewhere)
    with crm.listening() as url, HttpClient() as client, pytest.raises(AddressForbidden):
        post(client, httpx.URL(url))
    assert not crm.requests


def _resolve(monkeypatch: pytest.MonkeyPatch, host: str, address: str) -> None:
    """Have the machine's resolver know a name."""
    resolver = socket.getaddrinfo

    def known(name: Any, *arguments: Any, **named: Any) -> Any:
        text = name.decode() if isinstance(name, bytes) else name
        return resolver(address if text == host else name, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", known)
