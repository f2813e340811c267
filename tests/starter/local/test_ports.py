import socket

import pytest

from starter.local import HOST
from starter.local.ports import PreferredPorts, choose_ports, is_free
from starter.local.refusals import NoFreePort
from tests.support.ports import free_port


def test_a_free_port_is_taken_as_preferred_without_a_remark(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("OFFRAMP_PORT_POSTGRES", str(port))
    ports = choose_ports(PreferredPorts())
    assert ports.postgres == port
    assert not [remark for remark in ports.remarks if str(port) in remark]


def test_a_port_in_use_gives_way_to_the_next_free_one_and_it_says_so() -> None:
    with socket.create_server((HOST, 0)) as occupant:
        taken = occupant.getsockname()[1]
        ports = choose_ports(PreferredPorts(temporal=taken))
    assert ports.temporal > taken
    assert f"port {taken} is taken; temporal listens on {ports.temporal}" in ports.remarks


def test_no_two_services_share_a_port() -> None:
    port = free_port()
    names = PreferredPorts.model_fields
    ports = choose_ports(PreferredPorts.model_validate(dict.fromkeys(names, port)))
    chosen = [*ports.objects_internal, *(getattr(ports, name) for name in names)]
    assert len(set(chosen)) == len(chosen) == 14 + 9


def test_without_any_free_port_it_refuses_and_names_the_range() -> None:
    with socket.socket() as last:
        last.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_free(65_535):
            last.bind((HOST, 65_535))
            last.listen()
        with pytest.raises(NoFreePort) as refusal:
            choose_ports(PreferredPorts(webhooks=65_535))
    assert refusal.value.values == {"service": "webhooks", "first": "65535", "last": "65535"}
