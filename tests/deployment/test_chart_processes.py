"""The processes of the chart start with what it gives them, and answer its probes."""

import asyncio
import base64
import http.client
import re
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.deployment.chart import containers, environment
from tests.deployment.chart_tools import MISSING, has_schemas, helm_program
from tests.deployment.files import settings_classes
from tests.deployment.test_deploying import environment as given
from tests.deployment.test_deploying import temporal
from tests.support.ports import free_ports
from tests.support.processes import python, wait_until

__all__ = ["given", "temporal"]

pytestmark = [
    pytest.mark.skipif(helm_program() is None or not has_schemas(), reason=MISSING),
    pytest.mark.skipif(sys.platform != "linux", reason="other systems have one address of their own alone"),
]

POD = "127.0.0.2"
"""The address of the doors: as a pod's, one that no door takes for its own name."""
DOORS = ("api", "console", "pages", "codec")
RANDOM = base64.urlsafe_b64encode(b"r" * 32).decode()


def secrets_of(container: Mapping[str, Any]) -> list[str]:
    """The secrets that a container reads."""
    return re.findall(r"/run/secrets/(\w+)", " ".join(environment(container).values()))


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Secrets as they are mounted, of the form that each has."""
    for name in ("payload_keys", "request_keys", "webhook_keys", "nexus_keys"):
        (tmp_path / name).write_text(f"2026-11:{RANDOM}")
    for name in ("webhook_secret", "webhook_previous_secret"):
        (tmp_path / name).write_text(f"whsec_{RANDOM}")
    (tmp_path / "smtp_url").write_text("smtps://offramp:s3cr3t@mail.example.com:465\n")
    (tmp_path / "console_session_keys").write_text(RANDOM)
    for name in {name for _, container in containers("with every part") for name in secrets_of(container)}:
        if not (tmp_path / name).exists():
            (tmp_path / name).write_text(f"{name}-0123456789abcdef0123456789abcdef")
    return tmp_path


def answered(port: int, probe: Mapping[str, Any]) -> int:
    """The status with which a process answers a probe; 0 where nobody answers."""
    connection = http.client.HTTPConnection(POD, port, timeout=10)
    try:
        connection.request("GET", probe["path"], headers={each["name"]: each["value"] for each in probe["httpHeaders"]})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def test_what_a_process_is_given_configures_it(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _, container in containers("with every part"):
        with monkeypatch.context() as process:
            given = environment(container)
            for name, value in given.items():
                process.setenv(name, value.replace("/run/secrets", str(secrets)))
            for kind in settings_classes():
                variables = {f"{kind.model_config['env_prefix']}{name}".upper() for name in kind.model_fields}
                if variables & given.keys():
                    kind()


async def test_each_door_answers_its_probes_by_the_name_that_they_use(
    given: Mapping[str, str], temporal: WorkflowEnvironment, secrets: Path
) -> None:
    doors = {part: container for part, container in containers("with every part") if part in DOORS}
    assert doors.keys() == set(DOORS)
    here = dict(zip(DOORS, free_ports(len(DOORS)), strict=True))
    probes = []
    with ExitStack() as processes:
        for part, container in doors.items():
            told = {
                name: value.replace("/run/secrets", str(secrets)).replace("0.0.0.0", POD)  # noqa: S104 - the chart's
                for name, value in environment(container).items()
                # The address of metrics is the same for each, as pods have addresses of their own.
                if not name.startswith(("TEMPORAL_TLS", "OFFRAMP_DATABASE", "OFFRAMP_METRICS", "OTEL_"))
            }
            told |= {
                name: given[name] for name in given if name in environment(container) or name == "TEMPORAL_CONFIG_FILE"
            }
            told[f"OFFRAMP_{part.upper()}_PORT"] = str(here[part])
            program, *arguments = container["command"]
            assert program == "python"
            processes.enter_context(python(*arguments, environment=told))
            for name in ("startupProbe", "readinessProbe", "livenessProbe"):
                probe = container[name]["httpGet"]
                assert probe["port"] == int(environment(container)[f"OFFRAMP_{part.upper()}_PORT"])
                probes.append((f"{name} of the {part}", here[part], probe))
        for what, port, probe in probes:
            await asyncio.to_thread(wait_until, lambda port=port, probe=probe: answered(port, probe) == 200, what)  # type: ignore[misc]
