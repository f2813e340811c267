"""The command line of somebody who has a token for an API, and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.principals import Role
from tests.starter.api.conftest import calls, issuer, served, shared_world, verifier, world
from tests.support.command_line import CommandLine
from tests.support.issuer import Issuer

__all__ = ["calls", "issuer", "served", "shared_world", "verifier", "world"]

Logged = Callable[..., CommandLine]


@pytest.fixture
def somebody(served: str, issuer: Issuer, tmp_path: Path) -> Logged:
    """A function that returns the command line of a principal with some roles."""

    def logged_in(*roles: Role, subject: str = "ann", **claims: Any) -> CommandLine:
        token = issuer.token(sub=subject, roles=[role.value for role in roles], **claims)
        return CommandLine(
            {
                "OFFRAMP_API_URL": served,
                "OFFRAMP_API_TOKEN": token,
                "XDG_CONFIG_HOME": str(tmp_path),
                "OFFRAMP_ACTOR": "somebody else",
                "COLUMNS": "300",
            }
        )

    return logged_in
