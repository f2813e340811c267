"""The security of docker-compose.yml: ports, privileges and secrets."""

import re

import pytest

from storage.rights import DatabaseRole
from tests.deployment.files import (
    COMPOSE,
    ROOT,
    SERVICES,
    environment,
    interpolated_variables,
    is_ours,
    repository,
    shell_script,
    template_variables,
)

NAMES_A_SECRET = re.compile(r"PASSWORD|PWD|SECRET|TOKEN|KEY(?!_ID)")


every_service = pytest.mark.parametrize("service", SERVICES)


@every_service
def test_ports_are_published_to_this_machine_alone_and_never_those_of_a_database(service: str) -> None:
    if service == "proxy":  # it is for everybody, by TLS
        return
    for port in SERVICES[service].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)
        assert service in (
            *("temporal-ui", "object-store", "pages", "codec", "api", "console", "mail-catcher"),
            "prometheus",  # where the metrics of all processes are, whose own ports are published nowhere
        )


def test_databases_and_the_object_store_are_reached_by_their_own_clients_alone() -> None:
    members = {
        network: {name for name, service in SERVICES.items() if network in service["networks"]}
        for network in COMPOSE["networks"]
    }
    clients = {"database-roles", "setup", "worker", "administrator", "commands", "pages", "api", "console"}
    assert members["application-database"] == {"application-database", *clients}
    assert members["temporal-database"] == {"temporal-database", "temporal-schema", "temporal"}
    assert members["object-store"] == {
        *("object-store", "object-store-bucket", "worker", "commands", "pages"),
        "proxy",  # it reads what its links are signed for
    }
    assert SERVICES["object-store"]["networks"] == ["object-store"]
    assert SERVICES["application-database"]["networks"] == ["application-database"]
    assert SERVICES["temporal-database"]["networks"] == ["temporal-database"]
    assert all(COMPOSE["networks"][name]["internal"] for name in ("application-database", "temporal-database"))


@every_service
def test_nobody_runs_as_root_or_with_privileges(service: str) -> None:
    settings = SERVICES[service]
    assert settings.get("user") not in ("root", "0", "0:0")
    # The others' images have a user of their own.
    assert "user" in settings or is_ours(service) or repository(service).startswith("temporalio/")
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert not settings.get("privileged")


@every_service
def test_nobody_may_take_the_whole_machine(service: str) -> None:
    limits = SERVICES[service]["deploy"]["resources"]["limits"]
    assert set(limits) == {"memory", "cpus", "pids"}


@every_service
def test_root_file_systems_are_read_only_but_for_the_user_interface_that_writes_its_configuration(service: str) -> None:
    assert SERVICES[service].get("read_only", False) is (service != "temporal-ui")


@every_service
def test_no_secret_stands_in_the_file(service: str) -> None:
    for name, value in environment(service).items():
        assert not re.search(r"://[^/@\s]*:[^/@\s]+@", value), f"{name} holds a password"
        if NAMES_A_SECRET.search(name):
            assert value.startswith("/run/secrets/") or re.fullmatch(r"\$\{\w+:-\}", value), name


@every_service
def test_a_service_reads_the_secrets_that_it_is_given_and_no_others(service: str) -> None:
    given = set(SERVICES[service].get("secrets", []))
    mounted = [volume.partition(":")[0] for volume in SERVICES[service].get("volumes", []) if volume.startswith("./")]
    texts = [
        *environment(service).values(),
        *map(str, SERVICES[service].get("command", [])),
        *((ROOT / path).read_text(encoding="utf-8") for path in mounted),
    ]
    assert {name for text in texts for name in re.findall(r"/run/secrets/(\w+)", text)} == given
    assert given <= set(COMPOSE["secrets"])


def test_secrets_are_files_that_are_never_committed_nor_sent_to_the_image() -> None:
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {".env", "secrets/"} <= set(ignored)
    assert all(secret["file"].startswith("./secrets/") for secret in COMPOSE["secrets"].values())
    assert not any("secrets" in line or ".env" in line for line in (ROOT / ".dockerignore").read_text().split())


def test_the_template_names_every_variable_that_the_file_takes_and_no_secret() -> None:
    template = template_variables()
    assert set(template) == interpolated_variables() | {"COMPOSE_PROFILES"}
    assert all(not value for name, value in template.items() if NAMES_A_SECRET.search(name))
    assert template["COMPOSE_PROFILES"] in {
        profile for name in SERVICES for profile in SERVICES[name].get("profiles", [])
    }


@pytest.mark.parametrize(
    ("service", "role"),
    [
        ("worker", DatabaseRole.WORKER),
        ("pages", DatabaseRole.PAGES),
        ("commands", DatabaseRole.CALLERS),
        ("api", DatabaseRole.CALLERS),
        ("console", DatabaseRole.CALLERS),
        ("administrator", DatabaseRole.CALLERS),
        ("setup", DatabaseRole.CALLERS),
    ],
)
def test_everybody_enters_the_database_with_the_rights_of_their_role(service: str, role: DatabaseRole) -> None:
    given, database = environment(service), environment("application-database")["POSTGRES_DB"]
    assert given["OFFRAMP_DATABASE_URL"] == f"postgresql://{role}@application-database:5432/{database}"
    file = given["OFFRAMP_DATABASE_PASSWORD_FILE"]
    script = " ".join(shell_script("database-roles").split())
    assert f"password `cat {file}` ALTER ROLE {role} LOGIN PASSWORD" in script
    assert f"'offramp_owner {' '.join(DatabaseRole)} offramp_directory'" in script


def test_the_setup_alone_is_the_owner_of_the_tables() -> None:
    owners = [service for service in SERVICES if "OFFRAMP_DATABASE_OWNER_URL" in environment(service)]
    assert owners == ["setup"]
    superusers = {name for name, each in SERVICES.items() if "application_database_password" in each.get("secrets", [])}
    assert superusers == {"application-database", "database-roles", "administrator"}


def test_the_nexus_service_reaches_temporal_alone_and_signs_nothing() -> None:
    assert SERVICES["nexus"]["networks"] == ["temporal"]
    assert set(SERVICES["nexus"]["secrets"]) == {"payload_keys", "nexus_keys"}
    assert [name for name, each in SERVICES.items() if "nexus_keys" in each.get("secrets", [])] == ["nexus"]
