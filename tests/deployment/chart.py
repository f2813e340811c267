"""The Helm chart, as Helm renders it for some values."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from tests.deployment.chart_tools import helm_program, kubernetes_schema
from tests.deployment.files import ROOT

CHART = ROOT / "deployment" / "helm" / "offramp"
CUSTOM: dict[str, Any] = yaml.safe_load((ROOT / "tests/deployment/custom_resources.yaml").read_text(encoding="utf-8"))

Values = dict[str, Any]

NEEDED: Values = {
    "mail": {"from": "Example Billing <billing@example.com>"},
    "publicUrl": "https://offramp.example.com",
    "oidc": {"issuer": "https://login.example.com"},
    "console": {"url": "https://console.example.com"},
}
"""What has no default."""

EVERYTHING: Values = {
    "codec": {"enabled": True},
    "nexus": {"enabled": True, "endpoint": "offramp"},
    "temporal": {
        "webUi": "https://temporal.example.com",
        "auth": "mtls",
        "privateCa": True,
        "serverName": "temporal.internal",
    },
    "tenants": {"host": "tenants-db", "parameters": "sslmode=require"},
    "objects": {"url": "s3://offramp", "accessKeyId": "offramp", "readerAccessKeyId": "offramp-reader"},
    "webhook": {"url": "https://systems.example.com/hook"},
    "optionalSecrets": ["link_previous_secret", "webhook_previous_secret", "console_client_secret"],
    "secrets": {"payload_keys": {"name": "keys", "key": "payloads"}},
    "metrics": {"monitor": True, "labels": {"release": "prometheus"}},
    "traces": {"endpoint": "http://collector:4318"},
    "keda": {"enabled": True},
}

OPTIONS: dict[str, Values] = {
    "by default": {},
    "with every part": EVERYTHING,
    "with the worker controller": {
        **EVERYTHING,
        "workerController": {"enabled": True},
        "secrets": {
            "temporal_tls_certificate": {"name": "temporal-mtls", "key": "tls.crt"},
            "temporal_tls_key": {"name": "temporal-mtls", "key": "tls.key"},
            "temporal_tls_ca": {"name": "temporal-mtls", "key": "ca.crt"},
        },
    },
    "for Temporal Cloud": {
        "temporal": {
            "address": "eu-central-1.aws.api.temporal.io:7233",
            "namespace": "offramp.a1b2c",
            "auth": "api-key",
        },
        "keda": {"enabled": True},
        "image": {"digest": f"sha256:{'0' * 64}"},
        "networkPolicy": {"enabled": False},
        "podDisruptionBudgets": False,
        "listen": "::",
    },
}


def helm(values: Values) -> subprocess.CompletedProcess[str]:
    """Have Helm render the chart."""
    program = helm_program()
    assert program is not None
    return subprocess.run(
        [program, "template", "shop", str(CHART), "--namespace", "billing", "--values", "-"],
        input=json.dumps(merged(NEEDED, values)),
        capture_output=True,
        text=True,
        check=False,
    )


def merged(one: Values, other: Values) -> Values:
    """Values with others over them, as Helm merges them."""
    both = {**one, **other}
    for name in one.keys() & other.keys():
        if isinstance(one[name], dict) and isinstance(other[name], dict):
            both[name] = merged(one[name], other[name])
    return both


@cache
def manifests(option: str) -> list[dict[str, Any]]:
    """The manifests of an option."""
    said = helm(OPTIONS[option])
    assert said.returncode == 0, said.stderr
    return [each for each in yaml.safe_load_all(said.stdout) if each]


def of_kind(option: str, *kinds: str) -> list[dict[str, Any]]:
    """The manifests of some kinds."""
    return [each for each in manifests(option) if each["kind"] in kinds]


def pod_templates(option: str) -> dict[str, dict[str, Any]]:
    """The pods of an option, by the name of what makes them."""
    made = of_kind(option, "Deployment", "Job", "WorkerDeployment")
    return {each["metadata"]["name"]: each["spec"]["template"] for each in made}


def containers(option: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The container of each pod, with the pod's part."""
    for pod in pod_templates(option).values():
        (container,) = pod["spec"]["containers"]
        yield pod["metadata"]["labels"]["offramp/part"], container


def environment(container: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a container that have a value in the manifest."""
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def faults(manifest: Mapping[str, Any]) -> list[str]:
    """What the schema of a manifest's kind says against it."""
    return [
        f"{error.json_path}: {error.message}"
        for error in _validator(manifest["apiVersion"], manifest["kind"]).iter_errors(manifest)
    ]


@cache
def _validator(version: str, kind: str) -> Validator:
    schema = _custom(kind) if kind in CUSTOM else _of_kubernetes(_name(version, kind))
    return Draft202012Validator(schema, registry=Registry(retrieve=_retrieve))  # type: ignore[call-arg]


def _custom(kind: str) -> dict[str, Any]:
    spec = json.loads(
        json.dumps(CUSTOM[kind]["spec"]).replace('"podTemplate"', json.dumps(_of_kubernetes("podtemplatespec-v1")))
    )
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": CUSTOM[kind]["apiVersion"]},
            "kind": {"const": kind},
            "metadata": _of_kubernetes("objectmeta-meta-v1"),
            "spec": spec,
        },
    }


def _name(version: str, kind: str) -> str:
    group, _, number = version.rpartition("/")
    return "-".join(part for part in (kind.lower(), group.partition(".")[0], number) if part)


def _of_kubernetes(name: str) -> dict[str, Any]:
    return {"$ref": f"https://schemas.invalid/{name}.json"}


def _retrieve(uri: str) -> Resource[Any]:
    return Resource.from_contents(kubernetes_schema(uri.rpartition("/")[2]), default_specification=DRAFT7)
