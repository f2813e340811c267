"""The Helm chart says nothing that is not so, whatever its options."""

import re
from copy import deepcopy

import pytest
import yaml

import worker
from contract import WorkQueue
from storage.rights import DatabaseRole
from tests.deployment.chart import (
    CHART,
    EVERYTHING,
    OPTIONS,
    Values,
    containers,
    environment,
    faults,
    helm,
    manifests,
    of_kind,
    pod_templates,
)
from tests.deployment.chart_tools import MISSING, has_schemas, helm_program
from tests.deployment.files import PROJECT, SERVICES, settings_variables
from tests.deployment.files import environment as composed
from tests.deployment.test_compose_security import NAMES_A_SECRET

pytestmark = pytest.mark.skipif(helm_program() is None or not has_schemas(), reason=MISSING)

TEMPORAL_CLIENT_VARIABLES = {
    *("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY", "TEMPORAL_TLS"),
    *("TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH"),
    *("TEMPORAL_TLS_SERVER_CA_CERT_PATH", "TEMPORAL_TLS_SERVER_NAME"),
}
"""Of docs/operations.md, which tests/deployment/test_operations.py holds against the SDK."""

every_option = pytest.mark.parametrize("option", OPTIONS)


@every_option
def test_every_manifest_follows_the_schema_of_its_kind(option: str) -> None:
    assert {
        f"{each['kind']} {each['metadata']['name']}": faults(each) for each in manifests(option) if faults(each)
    } == {}


def test_a_field_that_its_kind_does_not_have_is_a_fault() -> None:
    (deployment, *_) = deepcopy(of_kind("by default", "Deployment"))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["readynessProbe"] = container.pop("readinessProbe")
    assert ["readynessProbe" in fault for fault in faults(deployment)] == [True]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"mail": {"from": ""}}, "/mail/from"),
        ({"mail": {"form": "x"}}, "'form' not allowed"),
        ({"secrets": {"payload_kyes": {"name": "x"}}}, "'payload_kyes' not allowed"),
        (
            {"api": {"resources": {"requests": {"cpu": 1, "memory": "1Gi"}}}, "keda": {"minReplicas": 0}},
            "/keda/minReplicas",
        ),
        ({"workers": {"groups": {"long": None}}}, "no group hosts these queues, so that work on them would wait: long"),
        ({"oidc": {"issuer": ""}}, "oidc.issuer"),
        ({"codec": {"enabled": True}}, "temporal.webUi"),
        ({"temporal": {"tls": True}, "keda": {"enabled": True}}, "keda.enabled"),
        ({"temporal": {"auth": "mtls"}, "workerController": {"enabled": True}}, "secrets.temporal_tls_certificate"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(values: Values, named: str) -> None:
    said = helm(values)
    assert said.returncode == 1
    assert named in said.stderr


def test_the_version_is_that_of_this_repository() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["version"] == chart["appVersion"] == PROJECT["project"]["version"]
    assert {container["image"] for _, container in containers("by default")} == {f"offramp:{chart['version']}"}


@every_option
def test_nobody_is_root_or_writes_or_takes_the_whole_node(option: str) -> None:
    for pod in pod_templates(option).values():
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["spec"]["automountServiceAccountToken"] is False
    for _, container in containers(option):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}
    assert all(account["automountServiceAccountToken"] is False for account in of_kind(option, "ServiceAccount"))


@every_option
def test_every_environment_variable_is_one_that_a_process_reads(option: str) -> None:
    known = set(settings_variables()) | TEMPORAL_CLIENT_VARIABLES
    for _, container in containers(option):
        names = [each["name"] for each in container["env"]]
        assert set(names) <= known
        assert len(names) == len(set(names))


def test_a_part_has_the_environment_that_it_has_with_compose() -> None:
    said_elsewhere = {
        "OFFRAMP_SMTP_URL",  # a file
        *("OFFRAMP_WEBHOOK_SECRET", "OFFRAMP_WEBHOOK_PREVIOUS_SECRET"),  # files
        *(
            "OFFRAMP_MAIL_REPLY_TO",
            "OFFRAMP_OBJECTS_ENDPOINT",
            "OFFRAMP_OBJECTS_PUBLIC_ENDPOINT",
        ),  # left out when empty
        "OFFRAMP_OBJECTS_COMPACTED_WITHIN",
    }
    for part, container in containers("with every part"):
        assert set(composed(part)) - said_elsewhere <= set(environment(container)), part
        assert container["command"] == SERVICES.get(part, {}).get("command", ["python", "-P", "-m", "worker"])


@every_option
def test_no_secret_stands_in_a_manifest_and_a_pod_has_those_that_it_reads(option: str) -> None:
    assert not of_kind(option, "Secret", "ConfigMap")
    for pod in pod_templates(option).values():
        (container,) = pod["spec"]["containers"]
        for name, value in environment(container).items():
            assert not re.search(r"://[^/@\s]*:[^/@\s]+@", value), name
            assert not NAMES_A_SECRET.search(name) or value.startswith("/run/secrets/"), name
        (mounted,) = (
            volume["projected"]["sources"] for volume in pod["spec"]["volumes"] if volume["name"] == "secrets"
        )
        files = [item["path"] for source in mounted for item in source["secret"]["items"]]
        read = re.findall(r"/run/secrets/(\w+)", " ".join(environment(container).values()))
        assert sorted(files) == sorted(read)


def test_a_secret_may_be_kept_elsewhere_under_another_key() -> None:
    pod = pod_templates("with every part")["shop-codec"]
    (sources,) = (volume["projected"]["sources"] for volume in pod["spec"]["volumes"] if volume["name"] == "secrets")
    assert [source["secret"] for source in sources] == [
        {"name": "keys", "items": [{"key": "payloads", "path": "payload_keys"}]},
        {"name": "offramp", "items": [{"key": "codec_token", "path": "codec_token"}]},
    ]


def test_everybody_enters_the_database_with_the_rights_of_their_role_and_the_setup_alone_as_the_owner() -> None:
    roles = {"worker": DatabaseRole.WORKER, "pages": DatabaseRole.PAGES}
    for part, container in containers("with every part"):
        given = environment(container)
        if part in ("codec", "nexus"):
            assert not [name for name in given if "DATABASE" in name]
            continue
        role = roles.get(part, DatabaseRole.CALLERS)
        assert given["OFFRAMP_DATABASE_URL"] == f"postgresql://{role}@postgresql:5432/offramp"
        assert (
            given["OFFRAMP_DATABASE_PASSWORD_FILE"] == f"/run/secrets/database_{role.removeprefix('offramp_')}_password"
        )
        assert ("OFFRAMP_DATABASE_OWNER_URL" in given) == (part == "setup")


def test_the_setup_and_what_it_needs_come_before_everything_else() -> None:
    hooks = [each for each in manifests("by default") if "helm.sh/hook" in each["metadata"].get("annotations", {})]
    order = sorted(hooks, key=lambda each: int(each["metadata"]["annotations"]["helm.sh/hook-weight"]))
    assert [each["metadata"]["annotations"]["helm.sh/hook"] for each in hooks] == ["pre-install,pre-upgrade"] * 3
    assert [each["kind"] for each in order] == ["NetworkPolicy", "ServiceAccount", "Job"]


@pytest.mark.parametrize("option", ["by default", "with every part", "with the worker controller"])
def test_each_pod_reaches_what_it_is_told_of_and_is_reached_where_it_listens(option: str) -> None:
    policies = {
        each["spec"]["podSelector"]["matchLabels"]["offramp/part"]: each["spec"]
        for each in of_kind(option, "NetworkPolicy")
    }
    given = dict(containers(option))
    assert policies.keys() == given.keys()
    for part, policy in policies.items():
        told = environment(given[part])
        controlled = option == "with the worker controller" and part == "worker"
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        reached = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
        assert (7233 in reached) == ("TEMPORAL_ADDRESS" in told or controlled)
        assert (5432 in reached) == ("OFFRAMP_DATABASE_URL" in told)
        assert (587 in reached) == ("OFFRAMP_SMTP_URL_FILE" in told)
        assert (53 in reached) == (part != "codec")
        opened = {port["port"] for rule in policy["ingress"] for port in rule["ports"]}
        ports = {port["name"]: port["containerPort"] for port in given[part].get("ports", [])}
        assert opened == {port for name, port in ports.items() if name != "health"}


@every_option
def test_each_pod_is_watched_and_spread_and_the_last_to_be_evicted_where_there_are_several(option: str) -> None:
    budgets = [
        each["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]
        for each in of_kind(option, "PodDisruptionBudget")
    ]
    for pod in pod_templates(option).values():
        (container,) = pod["spec"]["containers"]
        labels = pod["metadata"]["labels"]
        if labels["offramp/part"] == "setup":
            continue
        assert container["livenessProbe"]["httpGet"]["path"] == "/health"
        assert {"startupProbe", "readinessProbe"} <= container.keys()
        assert len(pod["spec"]["topologySpreadConstraints"]) == 2
        assert budgets.count(labels["app.kubernetes.io/component"]) == OPTIONS[option].get("podDisruptionBudgets", True)


def test_workers_have_longer_than_their_grace_and_host_every_queue_between_them() -> None:
    pods = [
        pod for pod in pod_templates("by default").values() if pod["metadata"]["labels"]["offramp/part"] == "worker"
    ]
    assert {pod["spec"]["terminationGracePeriodSeconds"] > worker.GRACE.total_seconds() for pod in pods} == {True}
    named = [environment(pod["spec"]["containers"][0])["OFFRAMP_QUEUES"].split(",") for pod in pods]
    assert sorted(queue for queues in named for queue in queues) == sorted(WorkQueue)


@pytest.mark.parametrize("option", ["with every part", "with the worker controller"])
def test_each_queue_scales_the_workers_that_host_it(option: str) -> None:
    scaled = {
        each["metadata"]["name"]: each["spec"] for each in of_kind(option, "ScaledObject", "WorkerResourceTemplate")
    }
    for name, spec in scaled.items():
        container = pod_templates(option)[name]["spec"]["containers"][0]
        triggers = spec.get("template", {"spec": spec})["spec"]["triggers"]
        assert [trigger["metadata"]["taskQueue"] for trigger in triggers] == [
            WorkQueue(queue).task_queue() for queue in environment(container)["OFFRAMP_QUEUES"].split(",")
        ]
        assert {trigger["authenticationRef"]["name"] for trigger in triggers} == {"shop-temporal"}
    made = [each for each in of_kind(option, "Deployment", "WorkerDeployment") if each["metadata"]["name"] in scaled]
    assert len(made) == len(scaled) == 2
    assert all("replicas" not in each["spec"] for each in made)


def test_workers_of_the_controller_have_their_connection_and_version_from_it_alone() -> None:
    assert not [
        each for each in of_kind("with the worker controller", "Deployment") if "worker" in each["metadata"]["name"]
    ]
    for part, container in containers("with the worker controller"):
        if part == "worker":
            assert not [each["name"] for each in container["env"] if each["name"].startswith("TEMPORAL_")]
    (connection,) = of_kind("with the worker controller", "Connection")
    assert connection["spec"] == {
        "hostPort": "temporal-frontend.temporal.svc.cluster.local:7233",
        "tls": {"serverName": EVERYTHING["temporal"]["serverName"]},
        "mutualTLSSecretRef": {"name": "temporal-mtls"},
    }


def test_an_api_key_is_given_by_reference_and_encrypts_the_connection() -> None:
    for part, container in containers("for Temporal Cloud"):
        (key,) = (each for each in container["env"] if each["name"] == "TEMPORAL_API_KEY")
        assert key["valueFrom"] == {"secretKeyRef": {"name": "offramp", "key": "temporal_api_key"}}, part
        assert environment(container)["TEMPORAL_TLS"] == "true"
