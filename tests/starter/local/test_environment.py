import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from starter.local.data_directory import DataDirectory
from starter.local.environment import (
    STACK_VARIABLES,
    load_local_environment,
    read_environment,
    write_environment,
)
from starter.local.ports import choose_ports, configured_ports
from starter.local.postgres import PostgresCluster
from starter.local.refusals import LocalEnvironmentNotOurs
from starter.local.stack import stack_environment
from starter.local.tenant_roles import ADMINISTRATOR, DIRECTORY, for_others, for_worker
from storage.tenants.logins import Tenant, role_name
from storage.tenants.preparation import OWNER_PREFIX

STACK = {
    "TEMPORAL_ADDRESS": "127.0.0.1:7233",
    "OFFRAMP_DATABASE_URL": "postgresql+psycopg://u:p@h/d",
    "OFFRAMP_MAIL_FROM": "a 'b' $c",
}


@pytest.fixture
def data_directory(tmp_path: Path) -> Iterator[Path]:
    """The directory of a stack that runs."""
    write_environment(tmp_path / "env", STACK)
    with DataDirectory(tmp_path).locked():
        yield tmp_path


def test_a_running_stack_is_found_in_the_data_directory(data_directory: Path) -> None:
    environ = {"HOME": "/home/ada"}
    assert load_local_environment(data_directory, environ) == STACK
    assert environ == {"HOME": "/home/ada", **STACK}


def test_the_current_directory_is_where_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".offramp").mkdir()
    write_environment(tmp_path / ".offramp" / "env", STACK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OFFRAMP_DATA_DIR", raising=False)
    with DataDirectory(tmp_path / ".offramp").locked():
        assert load_local_environment(environ={}) == STACK


def test_a_file_that_came_with_a_directory_is_no_stacks(tmp_path: Path) -> None:
    """An archive that somebody has unpacked belongs to them, and leads their commands nowhere."""
    write_environment(tmp_path / "env", STACK)
    assert load_local_environment(tmp_path, {}) == {}
    (tmp_path / "lock").write_text("1\n")
    assert load_local_environment(tmp_path, {}) == {}


@pytest.mark.parametrize("lead", [os.symlink, os.link])
@pytest.mark.parametrize("name", ["lock", "env"])
def test_a_file_that_leads_elsewhere_is_no_stacks(
    tmp_path: Path, name: str, lead: Callable[[Path, Path], None]
) -> None:
    """Any daemon keeps some file locked, and any file may be named in an archive."""
    stack, daemon = tmp_path / "stack", tmp_path / "daemon"
    for directory in (stack, daemon):
        directory.mkdir()
        write_environment(directory / "env", STACK)
    (stack / name).unlink(missing_ok=True)
    (daemon / "lock").touch()
    with DataDirectory(stack if name == "env" else daemon).locked():
        lead(daemon / name, stack / name)
        if name == "lock":
            assert load_local_environment(stack, {}) == {}
        else:
            with pytest.raises(LocalEnvironmentNotOurs):
                load_local_environment(stack, {})


@pytest.mark.parametrize("lead", [os.symlink, os.link])
def test_a_stack_writes_into_no_file_that_its_lock_leads_to(tmp_path: Path, lead: Callable[[Path, Path], None]) -> None:
    (tmp_path / "precious").write_text("words")
    (tmp_path / "stack").mkdir()
    lead(tmp_path / "precious", tmp_path / "stack" / "lock")
    with pytest.raises(LocalEnvironmentNotOurs), DataDirectory(tmp_path / "stack").locked():
        pass
    assert (tmp_path / "precious").read_text() == "words"


LOCKING = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print('locked', flush=True); sys.stdin.read()"


def test_a_lock_of_a_process_other_than_the_one_that_it_names_is_no_stacks(tmp_path: Path) -> None:
    """Whoever may read a file may lock it."""
    write_environment(tmp_path / "env", STACK)
    lock = tmp_path / "lock"
    lock.write_text(f"{os.getpid()}\n")
    command = [sys.executable, "-c", LOCKING, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        assert load_local_environment(tmp_path, {}) == {}
        lock.write_text(f"{other.pid}\n")
        assert load_local_environment(tmp_path, {}) == STACK
        other.communicate()


def test_every_variable_that_a_stack_writes_is_read_again_and_no_other_is_written(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    written = stack_environment(data, choose_ports(configured_ports()), PostgresCluster(data.postgres))
    write_environment(data.environment_file, written)
    assert read_environment(data.environment_file) == written
    assert written.keys() == STACK_VARIABLES
    assert not [name for name in STACK_VARIABLES if name.endswith("_FILE") and name != "TEMPORAL_CONFIG_FILE"]
    with pytest.raises(ValueError, match="OFFRAMP_NEW"):
        write_environment(data.environment_file, {**written, "OFFRAMP_NEW": "1"})


@pytest.mark.parametrize(
    "name",
    [
        "OPENSSL_CONF",
        "HTTPS_PROXY",
        "SSL_CERT_FILE",
        "LD_PRELOAD",
        "PYTHONPATH",
        "OFFRAMP_API_URL",
        "OFFRAMP_API_TOKEN_FILE",
        "OFFRAMP_DATABASE_PASSWORD_FILE",
    ],
)
def test_what_decides_which_code_runs_and_who_is_trusted_is_not_read(tmp_path: Path, name: str) -> None:
    write_environment(tmp_path / "env", STACK)
    with (tmp_path / "env").open("a") as file:
        file.write(f"{name}=/evil\n")
    with DataDirectory(tmp_path).locked():
        assert load_local_environment(tmp_path, {}) == STACK


def test_a_variable_set_explicitly_wins(data_directory: Path) -> None:
    environ = {"OFFRAMP_MAIL_FROM": "mine"}
    load_local_environment(data_directory, environ)
    assert environ["OFFRAMP_MAIL_FROM"] == "mine"
    assert environ["TEMPORAL_ADDRESS"] == STACK["TEMPORAL_ADDRESS"]


@pytest.mark.parametrize("variable", ["TEMPORAL_ADDRESS", "OFFRAMP_DATABASE_URL", "TEMPORAL_PROFILE"])
def test_another_installation_is_never_mixed_with_the_local_one(data_directory: Path, variable: str) -> None:
    environ = {variable: "production"}
    assert load_local_environment(data_directory, environ) == {}
    assert environ == {variable: "production"}


@pytest.mark.parametrize("which", ["env", "."])
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_could_write_is_not_trusted(data_directory: Path, which: str, mode: int) -> None:
    environ: dict[str, str] = {}
    (data_directory / which).chmod(mode | (0o100 if which == "." else 0))
    with pytest.raises(LocalEnvironmentNotOurs, match="other users may write to it"):
        load_local_environment(data_directory, environ)
    assert environ == {}


def test_a_file_of_another_user_is_not_trusted(data_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: (data_directory / "env").stat().st_uid + 1)
    with pytest.raises(LocalEnvironmentNotOurs, match="belongs to another user"):
        load_local_environment(data_directory, {})


def test_no_stack_adds_nothing(tmp_path: Path) -> None:
    assert load_local_environment(tmp_path / "nowhere", {}) == {}


def test_the_file_is_for_its_owner_only_and_a_shell_reads_the_same_values(data_directory: Path) -> None:
    file = data_directory / "env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said = subprocess.run(
        ["/bin/sh", "-c", f'. "{file}"; printf %s "$OFFRAMP_MAIL_FROM"'], capture_output=True, text=True, check=True
    )
    assert said.stdout == read_environment(file)["OFFRAMP_MAIL_FROM"] == STACK["OFFRAMP_MAIL_FROM"]


@pytest.mark.parametrize("name", ["directory", "administrator", "schema_administrator", "offramp", "owner_ORG-1"])
def test_no_organization_takes_the_name_of_another_role(name: str) -> None:
    """Their ids are others' choice; the roles of the stack are not."""
    tenant = Tenant(name, "crm")
    owner = role_name(OWNER_PREFIX, name)
    assert {tenant.login, owner}.isdisjoint({DIRECTORY, ADMINISTRATOR, "offramp"})
    assert tenant.login != owner


def test_a_local_stack_tells_each_process_what_it_needs_and_no_more() -> None:
    environment = {
        "OFFRAMP_TENANT_ADMINISTRATOR_URL": "a",
        "OFFRAMP_TENANT_DATABASE_URL": "b",
        "OFFRAMP_DATABASE_URL": "c",
    }
    assert set(for_worker(environment)) == {"OFFRAMP_TENANT_DATABASE_URL", "OFFRAMP_DATABASE_URL"}
    assert set(for_others(environment)) == {"OFFRAMP_DATABASE_URL"}


def test_webhooks_go_to_a_system_that_is_named_and_else_to_the_receiver_of_the_stack(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    ports = choose_ports(configured_ports())
    cluster = PostgresCluster(data.postgres)
    own = stack_environment(data, ports, cluster)
    assert own["OFFRAMP_WEBHOOK_URL"] == f"http://127.0.0.1:{ports.webhooks}/"
    other = stack_environment(data, ports, cluster, "https://systems.example/hook")
    assert other == own | {"OFFRAMP_WEBHOOK_URL": "https://systems.example/hook"}
