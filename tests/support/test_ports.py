"""Ports for servers of tests."""

import ast
import subprocess
import sys

from tests.support.ports import PORTS, free_ports

OF_ANOTHER_PROCESS = "from tests.support.ports import free_ports; print(free_ports(400))"


def test_two_processes_are_never_given_the_same_port() -> None:
    own = free_ports(400)
    other = subprocess.run([sys.executable, "-c", OF_ANOTHER_PROCESS], check=True, capture_output=True, text=True)

    ports = [*own, *ast.literal_eval(other.stdout)]
    assert len(set(ports)) == 800
    assert set(ports) <= set(PORTS)
