"""docs/operations.md names every variable that configures the service, and none that does not."""

import re

import pytest
from temporalio.envconfig import ClientConfigProfile

from contract import WorkQueue
from runtime.queues import LOCAL_SLOTS, SLOTS, connections
from starter.cli.main import COMMANDS
from tests.deployment.files import ROOT, settings_variables, variables_in_code

TEXT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.+) \|$", TEXT, re.MULTILINE)
DOCUMENTED = {name: default.strip("`") for name, default, _ in ROWS}


def test_every_variable_of_ours_is_documented_once_and_exists() -> None:
    in_code = {name for name in variables_in_code() if not name.endswith("_")} | set(settings_variables())
    assert {name for name in DOCUMENTED if name.startswith("OFFRAMP_") or name in in_code} == in_code
    assert len(ROWS) == len(DOCUMENTED)


@pytest.mark.parametrize("name", sorted(settings_variables()))
def test_the_documented_default_is_the_real_one(name: str) -> None:
    default = settings_variables()[name]
    assert DOCUMENTED[name] == ("must be set" if default is None else default)


def test_every_documented_variable_of_temporal_is_one_that_the_sdk_reads() -> None:
    settings = {name for name in DOCUMENTED if name.startswith("TEMPORAL_")} - set(settings_variables())
    files = {"TEMPORAL_CONFIG_FILE", "TEMPORAL_PROFILE"}
    assert files <= settings
    read = ClientConfigProfile.load(
        disable_file=True,
        override_env_vars={name: "true" if name == "TEMPORAL_TLS" else name for name in settings - files},
    )
    seen = {"TEMPORAL_TLS", *re.findall(r"TEMPORAL_[A-Z_]+", str(read))}
    assert seen | files == settings
    assert read.tls is not None


def test_a_profile_of_a_file_is_found_by_the_documented_variables(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("profiles") / "temporal.toml"
    file.write_text('[profile.cloud]\naddress = "cloud.example:7233"\n')
    read = ClientConfigProfile.load(override_env_vars={"TEMPORAL_CONFIG_FILE": str(file), "TEMPORAL_PROFILE": "cloud"})
    assert read.address == "cloud.example:7233"


def test_every_offramp_command_in_the_text_exists() -> None:
    named = set(re.findall(r"(?:`|worker )offramp ([a-z-]+)", TEXT))
    assert {"setup", "up", "cancellations"} <= named <= set(COMMANDS)


def test_the_table_of_task_queues_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \| `([a-z-]+)` \| .* \| (\d+)(?:, and (\d+) .*)? \|$", TEXT, re.MULTILINE)
    documented = {name: (queue, [int(number) for number in numbers if number]) for name, queue, *numbers in rows}
    assert documented == {
        queue.value: (
            queue.task_queue(),
            [LOCAL_SLOTS, SLOTS[queue]] if queue is WorkQueue.WORKFLOWS else [SLOTS[queue]],
        )
        for queue in WorkQueue
    }
    assert f"{connections(WorkQueue)} with all queues" in TEXT


def test_every_file_that_the_text_links_to_exists() -> None:
    assert all((ROOT / "docs" / link).is_file() for link in re.findall(r"\]\(([^)#:]+)\)", TEXT))
